"""The judge says what fractions say, whatever the rows."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from adversary.kinds import KINDS, rows_of
from adversary.reference import Pair, TooManyNearTies, is_root, top_pairs, truth_of
from hypothesis import given
from hypothesis import strategies as st

NUMBERS = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from([1.0, 1.0 + 2.0**-52, 1.0 - 2.0**-53, 1e300, -1e300, 5e-324, 1e-310, 2.0**-600, -0.0]),
)
ROWS = st.integers(1, 3).flatmap(
    lambda d: st.lists(st.lists(NUMBERS, min_size=d, max_size=d), min_size=2, max_size=9)
)


def by_fractions(rows: torch.Tensor) -> list[tuple[Fraction, Pair]]:
    """All pairs with their squared distances, in order of (-square, i, j)."""
    x = [[Fraction(number) for number in row] for row in rows.to(torch.float64).tolist()]
    ranked = [
        (-sum(((a - b) ** 2 for a, b in zip(x[i], x[j], strict=True)), Fraction(0)), i, j)
        for i in range(len(x))
        for j in range(i + 1, len(x))
    ]
    return [(-square, (i, j)) for square, i, j in sorted(ranked)]


def assert_the_judge_is_right(rows: torch.Tensor) -> None:
    truth, ranked = truth_of(rows), by_fractions(rows)
    assert truth.farthest == ranked[0]
    assert truth.ties == sum(square == ranked[0][0] for square, _ in ranked)
    assert truth.second == (ranked[1] if truth.ties == 1 and len(ranked) > 1 else None)
    for size in (1, 2, 5):
        for start in range(0, len(rows), size):
            inside = range(start, start + size)
            assert truth.batch(start, min(start + size, len(rows))) == next(
                (square, pair) for square, pair in ranked if pair[0] in inside or pair[1] in inside
            )
    assert top_pairs(rows, len(ranked)) == ranked


@given(ROWS)
def test_the_judge_agrees_with_fractions(rows: list[list[float]]) -> None:
    assert_the_judge_is_right(torch.tensor(rows, dtype=torch.float64))


@pytest.mark.parametrize("kind", KINDS)
def test_the_judge_agrees_with_fractions_on_every_kind(kind: str) -> None:
    for seed, (n, d, dtype) in enumerate([(9, 1, "float32"), (12, 3, "float64"), (17, 6, "bfloat16")]):
        rows = rows_of(kind, seed, n, d, dtype)
        try:
            assert_the_judge_is_right(rows)
        except TooManyNearTies:
            continue


def test_a_root_is_told_from_its_neighbours() -> None:
    assert is_root(5.0, Fraction(25))
    assert is_root(float(np.sqrt(2.0)), Fraction(2))
    assert not is_root(float(np.sqrt(2.0)) + 4 * 2.0**-52, Fraction(2))
    assert is_root(0.0, Fraction(0))
    assert not is_root(0.0, Fraction(1, 10**600))
