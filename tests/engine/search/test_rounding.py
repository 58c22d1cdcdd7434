"""The rounding bounds, against exact arithmetic."""

import itertools
from collections.abc import Mapping
from fractions import Fraction

import pytest
import torch
from farpair.engine.search.exact import ExactSquares
from farpair.engine.search.rounding import float64_error, float64_is_exact, gamma, squared_distances
from hypothesis import given
from hypothesis import strategies as st
from support import inputs
from support.reference import exact_squares

numbers = st.floats(min_value=-1e100, max_value=1e100, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-100)
points = st.integers(1, 6).flatmap(
    lambda d: st.lists(st.lists(numbers, min_size=d, max_size=d), min_size=2, max_size=8)
)


def all_pairs(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    i, j = torch.triu_indices(n, n, 1)
    return i, j


def relative_errors(rows: torch.Tensor, squares: torch.Tensor, shift: int = 0) -> list[Fraction]:
    """How far `squares`, of all pairs in order, are from the exact ones, relatively."""
    pairs = [(int(i), int(j)) for i, j in zip(*all_pairs(len(rows)), strict=True)]
    exact = [square * Fraction(4) ** shift for square in exact_squares(rows, pairs)]
    return [
        abs(Fraction(found) - true) / true if true else Fraction(found)
        for found, true in zip(squares.tolist(), exact, strict=True)
    ]


@pytest.mark.parametrize(("dtype", "bits"), [(torch.float64, 53), (torch.float32, 24), (torch.bfloat16, 8)])
@pytest.mark.parametrize("k", [1, 5, 100])
def test_gamma_is_highams(dtype: torch.dtype, bits: int, k: int) -> None:
    ku = Fraction(k, 2**bits)

    assert gamma(k, dtype) == pytest.approx(float(ku / (1 - ku)), rel=1e-12)


def test_the_error_of_a_float64_square_grows_with_the_dimension() -> None:
    assert float64_error(2560) == pytest.approx(2562 * 2.0**-53, rel=1e-9)


@given(points)
def test_squares_are_within_the_stated_error(values: list[list[float]]) -> None:
    rows = torch.tensor(values, dtype=torch.float64)
    squares = squared_distances(rows, *all_pairs(len(rows)))

    assert all(error <= float64_error(rows.shape[1]) for error in relative_errors(rows, squares))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [1, 3, 700])
def test_squares_of_rows_far_from_the_origin_are_within_the_stated_error(dtype: torch.dtype, d: int) -> None:
    rows = (1000 + 1e-3 * inputs.normal(12, d)).to(dtype)
    squares = squared_distances(rows, *all_pairs(12))

    assert all(error <= float64_error(d) for error in relative_errors(rows, squares))


@pytest.mark.parametrize(("magnitude", "shift"), [(3e38, -130), (1e-42, 140), (1e-38, 126)])
def test_a_power_of_two_takes_rows_from_the_ends_of_the_range_without_rounding(
    magnitude: float, shift: int
) -> None:
    rows = (magnitude * inputs.on_sphere(10, 5)).to(torch.float32)
    squares = squared_distances(rows, *all_pairs(10), shift)

    assert all(error <= float64_error(5) for error in relative_errors(rows, squares, shift))


def test_more_pairs_than_fit_the_workspace_are_all_evaluated() -> None:
    rows = inputs.integers(40, 2**15, 3).to(torch.float32)
    i, j = all_pairs(40)

    assert torch.equal(squared_distances(rows, i, j), (rows[i] - rows[j]).double().square().sum(dim=1))


@given(points)
def test_a_square_called_exact_is_exact(values: list[list[float]]) -> None:
    rows = torch.tensor(values, dtype=torch.float64)
    i, j = all_pairs(len(rows))
    squares = squared_distances(rows, i, j)
    called = float64_is_exact(rows, i, j, 0, squares)

    errors = relative_errors(rows, squares)
    assert not any(error for error, exact in zip(errors, called.tolist(), strict=True) if exact)


@given(st.integers(-900, 900), st.integers(1, 2**26), st.integers(1, 5))
def test_squares_of_numbers_on_a_grid_that_is_coarse_enough_are_called_exact(
    exponent: int, below: int, d: int
) -> None:
    """Sums of five squares of 26 bits have 55 bits at most; halves of them fewer than 53."""
    shift = -exponent
    rows = inputs.integers(6, d, max(below // 4, 1)) * 2.0**exponent
    i, j = all_pairs(6)
    squares = squared_distances(rows, i, j, shift)

    assert float64_is_exact(rows, i, j, shift, squares)[squares > 0].all()
    assert not any(relative_errors(rows, squares, shift))


def test_a_square_that_was_rounded_is_not_called_exact() -> None:
    rows = torch.tensor([[0.1, 0.0], [0.0, 0.1]], dtype=torch.float64)
    i, j = all_pairs(2)

    assert not float64_is_exact(rows, i, j, 0, squared_distances(rows, i, j)).any()


def test_what_scaling_loses_is_not_called_exact() -> None:
    """Scaled by 2^-600, the second column vanishes; it is there all the same."""
    rows = torch.tensor([[2.0**600, 0.0], [0.0, 2.0**-600]], dtype=torch.float64)
    i, j = all_pairs(2)
    squares = squared_distances(rows, i, j, -600)

    assert squares.tolist() == [1.0]
    assert not float64_is_exact(rows, i, j, -600, squares).any()


def in_order(rows: torch.Tensor) -> list[list[tuple[int, int]]]:
    """All pairs by falling distance, those that tie together, as `ExactSquares` orders them."""
    i, j = all_pairs(len(rows))
    place = ExactSquares(rows, 0).order(i, j, squared_distances(rows, i, j)).tolist()
    return grouped(dict(zip(zip(i.tolist(), j.tolist(), strict=True), (-at for at in place), strict=True)))


def grouped(squares: Mapping[tuple[int, int], Fraction | int]) -> list[list[tuple[int, int]]]:
    ranked = sorted(squares, key=lambda pair: (-squares[pair], pair))
    return [list(tied) for _, tied in itertools.groupby(ranked, key=lambda pair: squares[pair])]


def truly_in_order(rows: torch.Tensor) -> list[list[tuple[int, int]]]:
    pairs = list(itertools.combinations(range(len(rows)), 2))
    return grouped(dict(zip(pairs, exact_squares(rows, pairs), strict=True)))


@given(points)
def test_pairs_are_put_in_their_exact_order(values: list[list[float]]) -> None:
    rows = torch.tensor(values, dtype=torch.float64)

    assert in_order(rows) == truly_in_order(rows)


@pytest.mark.parametrize(
    "rows",
    [
        0.1 * torch.eye(20, dtype=torch.float64),
        inputs.circulant(20),
        inputs.reflections(4),
        inputs.near_ties(25, 60),
        inputs.circle(16),
        inputs.circle(16).float(),
        0.1 * inputs.cube_corners(24, 4),
        1 + 1e-15 * inputs.integers(20, 3, 9),
    ],
)
def test_near_ties_and_ties_are_put_in_their_exact_order(rows: torch.Tensor) -> None:
    assert in_order(rows) == truly_in_order(rows)


def assert_rounded_once(rows: torch.Tensor) -> None:
    pairs = list(itertools.combinations(range(len(rows)), 2))
    found = ExactSquares(rows, 0).distances(pairs)

    assert all(
        abs(Fraction(one) ** 2 - square) <= square * Fraction(2) ** -51
        for one, square in zip(found, exact_squares(rows, pairs), strict=True)
    )


@given(points)
def test_a_square_is_the_exact_one_rounded_once(values: list[list[float]]) -> None:
    assert_rounded_once(torch.tensor(values, dtype=torch.float64))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [1, 2, 3, 40, 1000])
def test_squares_of_long_rows_are_rounded_once(d: int, dtype: torch.dtype) -> None:
    assert_rounded_once(inputs.normal(12, d).to(dtype))
    assert_rounded_once(
        (inputs.normal(12, d) * torch.exp2(20 * inputs.normal(1, d, seed=1).clamp(-3, 3))).to(dtype)
    )


@pytest.mark.parametrize("tiny", [2.0**-26, 2.0**-27, -(2.0**-27), 2.0**-53])
def test_a_square_half_way_between_two_numbers_is_rounded_as_its_least_term_says(tiny: float) -> None:
    """1 + 2^-53 lies half way between 1 and the next number: what is added to it far below decides."""
    half_way = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 2.0**-27, 2.0**-27, tiny]], dtype=torch.float64)

    assert_rounded_once(half_way)
    assert_rounded_once(half_way.repeat(1, 30))


def assert_gaps_are_rounded_once(rows: torch.Tensor) -> None:
    exact = ExactSquares(rows, 0)
    pairs = list(itertools.combinations(range(len(rows)), 2))
    ranked = sorted(zip(exact_squares(rows, pairs), pairs, strict=True), reverse=True)
    for (more, farther), (less, nearer) in itertools.pairwise(ranked):
        both = sum(map(Fraction, exact.distances([farther, nearer])))
        assert not both or exact.gap(farther, nearer) == float((more - less) / both)


@given(points)
def test_what_one_distance_exceeds_another_by_is_rounded_once(values: list[list[float]]) -> None:
    assert_gaps_are_rounded_once(torch.tensor(values, dtype=torch.float64))


@pytest.mark.parametrize(
    "rows",
    [
        inputs.normal(12, 1000).float(),
        inputs.near_ties(12, 60),
        inputs.circle(16),
        inputs.reflections(4),
        1e-300 * inputs.normal(8, 5),
        1e280 * inputs.normal(8, 5),
        torch.cat([1e-200 * inputs.normal(4, 5), 1e200 * inputs.normal(4, 5)]),
        torch.tensor([[0.0], [1.0], [1.0 + 2.0**-52], [5e-324]], dtype=torch.float64),
    ],
    ids=["normal", "near ties", "circle", "reflections", "tiny", "large", "tiny beside large", "an ulp"],
)
def test_what_nearly_tied_distances_differ_by_is_rounded_once(rows: torch.Tensor) -> None:
    assert_gaps_are_rounded_once(rows)
