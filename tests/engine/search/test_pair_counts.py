"""A search counts each evaluated pair once, in the batch of its rows that is settled first."""

from collections import Counter

import torch
from farpair.engine.search.duplicates import DuplicateGroups
from farpair.engine.search.pair_counts import PairCounts
from hypothesis import given
from hypothesis import strategies as st


def rows_of(n: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True)


@given(st.data(), st.integers(2, 30), st.integers(1, 30))
def test_each_pair_of_a_tile_counts_once_in_the_batch_settled_first(
    data: st.DataObject, n: int, batch: int
) -> None:
    """In memory that grows with the rows, whatever the number of batches."""
    left, right = data.draw(rows_of(n)), data.draw(rows_of(n))
    order = data.draw(st.permutations(range(-(-n // batch))))
    pair_counts = PairCounts(n, batch)
    pair_counts.settle_in(torch.tensor(order), DuplicateGroups(torch.arange(n), batch))
    pair_counts.count_tile(torch.tensor(left), torch.tensor(right))
    pairs = {(min(i, j), max(i, j)) for i in left for j in right if i != j}
    turn = {b: at for at, b in enumerate(order)}
    expected = Counter(min(order.index(i // batch), order.index(j // batch)) for i, j in pairs)

    assert pair_counts.evaluated == len(pairs)
    for b in order:
        done = pair_counts.close(b, 0.0, (0, 1), "screening")
        assert done.evaluated == expected[turn[b]]
        assert done.evaluated <= done.pairs
