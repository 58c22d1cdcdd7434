"""The number of outliers: the step at which the diameter collapses."""

import math
from itertools import pairwise

import pytest
from farpair.engine.analysis.criteria import LEAST_FALL, collapse, fall, telling
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("diameters", "outside"),
    [
        ([1.6, 1.3, 0.9, 4.1e-5, 4.0e-5], 3),
        ([1.6, 4.1e-5], 1),
        ([5.0, 4.9, 4.8], None),
        ([2.0, 1.0], None),  # two opposite outliers, one taken away: the other is still there
        ([2.0, 1.0, 1e-3], 2),
        ([9.0, 1.0, 0.0], 2),  # nothing is narrower than a point
        ([9.0, 0.0, 0.0], 1),
        ([8.0, 2.0, 0.5], 1),  # of equal falls the first
        ([0.0, 0.0], None),
        ([1.0], None),
        ([], None),
    ],
)
def test_it_is_the_largest_fall_of_more_than_two(diameters: list[float], outside: int | None) -> None:
    assert collapse(diameters) == outside


def test_a_bound_is_enough_where_the_diameter_is_unknown() -> None:
    assert collapse([1.6, 1.3], at_most=0.1) == 2
    assert collapse([1.6, 1.3], at_most=0.9) is None


@given(st.lists(st.floats(1e-300, 1e290), min_size=1, max_size=70))
def test_it_does_not_depend_on_the_unit_and_names_a_real_fall(lengths: list[float]) -> None:
    diameters = sorted(lengths, reverse=True)
    outside = collapse(diameters)
    if outside is None:
        assert all(before <= LEAST_FALL * after for before, after in pairwise(diameters))
    else:
        falls = [fall(before, after) for before, after in pairwise(diameters)]
        assert falls[outside - 1] == max(falls) > LEAST_FALL
    assert collapse([math.ldexp(diameter, 7) for diameter in diameters]) == outside


def test_of_no_rungs_none_is_worth_showing() -> None:
    assert telling([], 12) == []


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=70), st.integers(2, 80))
def test_the_rungs_that_tell_most_fit_and_hold_the_ends_and_the_fall(lengths: list[float], room: int) -> None:
    diameters = sorted(lengths, reverse=True)
    shown = telling(diameters, room)
    assert shown == sorted(set(shown))
    assert len(shown) == min(room, len(diameters))
    assert {0, len(diameters) - 1} <= set(shown)
    outside = collapse(diameters)
    assert outside is None or room < 4 or {outside - 1, outside} <= set(shown)
