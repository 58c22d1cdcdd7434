"""Thresholds follow only from what was proved, and not from numbers that are not finite."""

import pytest
import torch
from farpair.engine.errors import ProofError
from farpair.engine.search.centered_rows import center_rows
from farpair.engine.search.duplicates import DuplicateGroups
from farpair.engine.search.precision import FLOAT32
from farpair.engine.search.screening_levels import Level
from farpair.engine.search.survivors import most_within, reaching, where_at_most
from farpair.engine.search.thresholds import Thresholds
from hypothesis import given
from hypothesis import strategies as st

ALL = torch.arange(12)


def thresholds(original: torch.Tensor = ALL, batch: int = 4) -> Thresholds:
    return Thresholds(DuplicateGroups(original, batch), d=3)


@pytest.mark.parametrize("bound", [float("nan"), float("inf"), -1.0])
def test_a_lower_bound_that_is_no_number_discards_nothing(bound: float) -> None:
    known = thresholds()
    known.at_least(torch.tensor([1, 5]), torch.full((2,), bound, dtype=torch.float64))

    assert known.of(ALL).tolist() == [0.0] * 12


@pytest.mark.parametrize("square", [float("nan"), float("inf")])
def test_a_square_that_is_no_number_is_no_distance(square: float) -> None:
    with pytest.raises(ProofError, match="not finite"):
        thresholds().evaluated(torch.tensor([0]), torch.tensor([1]), torch.tensor([square], dtype=torch.float64))


def test_a_slack_or_bound_that_is_no_number_is_refused() -> None:
    centered = center_rows(torch.eye(3))
    for slack in (float("nan"), float("inf"), -1.0):
        with pytest.raises(ProofError):
            Level(centered, FLOAT32, 3, slack)
    with pytest.raises(ProofError):
        most_within(torch.tensor([1.0, 2.0], dtype=torch.float64), float("nan"))


def test_products_that_are_no_numbers_keep_their_pairs() -> None:
    product = torch.tensor([[1.0, torch.nan], [5.0, 6.0]])
    least = torch.tensor([torch.nan, 1.0], dtype=torch.float64)

    assert where_at_most(product, torch.tensor([0.0, 0.0]), 10) is None
    assert reaching(least, 0.0, torch.tensor([1.0, 1.0], dtype=torch.float64)).tolist() == [0]


@given(st.data())
def test_thresholds_of_some_rows_are_those_of_all_and_the_least_of_their_batches(data: st.DataObject) -> None:
    n, batch = 12, data.draw(st.integers(1, 12))
    original = torch.tensor([data.draw(st.integers(0, at)) for at in range(n)])
    original = original[original]
    while not torch.equal(original, original[original]):
        original = original[original]
    known = thresholds(original, batch)
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10), st.floats(0, 9)), max_size=8))
    best = torch.zeros(-(-n // batch), dtype=torch.float64)
    for i, step, square in pairs:
        j = min(11, i + 1 + step)
        known.evaluated(torch.tensor([i]), torch.tensor([j]), torch.tensor([square], dtype=torch.float64))
        for row in range(n):
            if row in (i, j) or int(original[row]) in (i, j):
                best[row // batch] = max(float(best[row // batch]), square)
    of_all = known.of(torch.arange(n))
    chosen = torch.tensor(data.draw(st.lists(st.integers(0, n - 1), min_size=1)))

    assert torch.equal(known.of(chosen), of_all[chosen])
    assert (known.of_batches() <= best).all()
    for row in range(n):
        batches = {at // batch for at in range(n) if at == row or int(original[at]) == row}
        assert float(of_all[row]) <= min(float(best[at]) for at in batches)
