"""What a search has counted: which batches are settled, in which order, and how many pairs that took."""

import time
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from .contenders import Places
from .events import BatchDone, Progress

Settled = Literal["bounds", "screen", "float64", "exhaustive"]


class Ledger:
    """The counts of a search of n rows in batches.

    `left` counts the pairs that are not decided. A pair that is evaluated is counted in that of its batches which
    is settled first, so that no batch counts more than the pairs that it is said to have.
    """

    def __init__(self, n: int, batch: int) -> None:
        self.total = self.left = n * (n - 1) // 2
        self.open = torch.ones(-(-n // batch), dtype=torch.bool)
        self._n, self._batch = n, batch
        self._began = time.perf_counter()
        self._order = torch.arange(len(self.open))
        self._turn = torch.arange(len(self.open))
        self._rank = torch.arange(n) // batch
        self._evaluated = torch.zeros(len(self.open), dtype=torch.int64)
        self._open_rows = n

    @property
    def waiting(self) -> Tensor:
        """The open batches in the order of their settling."""
        return self._order[self.open[self._order]]

    @property
    def evaluated(self) -> int:
        """The pairs evaluated so far, in all."""
        return int(self._evaluated.sum())

    def settle_in(self, order: Tensor, places: Places) -> None:
        """Fix the order (batches,) in which batches are settled, of rows that stand in `places`."""
        self._order = order
        self._turn[order] = torch.arange(len(order))
        self._rank = places.by_row(self._turn)

    def count_tile(self, left: Tensor, right: Tensor) -> None:
        """Count each pair of the rows `left` (a,) with `right` (b,) as evaluated, once where the two overlap."""
        ranks = [self._rank[left], self._rank[right]]
        if int(ranks[0].max()) < int(ranks[1].min()):
            self._evaluated += torch.bincount(ranks[0], minlength=len(self.open)) * len(right)
            return
        shared = torch.zeros(self._n, dtype=torch.bool)
        shared[right] = True
        ranks.append(ranks[0][shared[left]])
        held = torch.stack([torch.bincount(part, minlength=len(self.open)) for part in ranks])
        batches = held.any(dim=0).nonzero().flatten()
        of_left, of_right, both = held[:, batches]
        ordered = of_left[:, None] * of_right
        twice = both[:, None] * both
        pairs = (ordered + ordered.T - twice).triu(1)
        pairs += torch.diag(ordered.diagonal() - both * (both + 1) // 2)
        self._evaluated.index_add_(0, batches, pairs.sum(dim=1))

    def count_pairs(self, left: Tensor, right: Tensor, row: Tensor, column: Tensor) -> None:
        """Count as evaluated the pairs (m,) of rows `left` (a,) at `row` with rows `right` (b,) at `column`."""
        if not len(row):
            return
        ranks, others = self._rank[left], self._rank[right]
        if int(ranks.max()) < int(others.min()):
            self._evaluated.index_add_(0, ranks, torch.bincount(row, minlength=len(left)))
        else:
            first = torch.minimum(ranks[row], others[column])
            self._evaluated += torch.bincount(first, minlength=len(self.open))

    def snapshot(self) -> tuple[Tensor, int]:
        """The counts as they are, for `restore`."""
        return self._evaluated.clone(), self.left

    def restore(self, counts: tuple[Tensor, int]) -> None:
        """Go back to the counts of a snapshot."""
        self._evaluated, self.left = counts

    def reopen(self, settled: Sequence[BatchDone]) -> None:
        """Take over the batches that an earlier search of the same rows has `settled`, and its time; they come
        first in the order of settling, and in their own order."""
        for rank, done in enumerate(settled):
            self._evaluated[rank] = done.evaluated
            self.open[done.batch] = False
            self._open_rows -= done.end - done.start
        self._began -= settled[-1].seconds if settled else 0.0

    def close(self, b: int, maximum: float, pair: tuple[int, int], settled: Settled) -> BatchDone:
        """Settle batch `b`, whose turn it is."""
        start, end = b * self._batch, min((b + 1) * self._batch, self._n)
        self.open[b] = False
        self._open_rows -= end - start
        return BatchDone(
            batch=b,
            start=start,
            end=end,
            maximum=maximum,
            i=pair[0],
            j=pair[1],
            pairs=(end - start) * self._open_rows + (end - start) * (end - start - 1) // 2,
            evaluated=int(self._evaluated[self._turn[b]]),
            seconds=self.seconds(),
            settled=settled,
        )

    def seconds(self) -> float:
        """Since the search began."""
        return time.perf_counter() - self._began

    def progress(self) -> Progress:
        """How far the search is."""
        settled, seconds = self.total - self.left, self.seconds()
        return Progress(
            settled=settled, pairs=self.total, seconds=seconds, pairs_per_second=settled / max(seconds, 1e-9)
        )
