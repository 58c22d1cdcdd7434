"""Counts of a search: which batches are settled, in which order, and how many pairs were evaluated for each."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import ProofError
from ..events import BatchDone, Progress, Settled
from ..stopwatch import Stopwatch
from .duplicates import DuplicateGroups
from .isolation import check_wanted


class PairCounts:
    """The counts of a search of n rows in batches.

    `left` counts the undecided pairs. An evaluated pair is counted in the one of its batches that is settled
    first, so that no batch counts more pairs than it has.
    """

    def __init__(self, n: int, batch: int, stopwatch: Stopwatch | None = None) -> None:
        self.total = self.left = n * (n - 1) // 2
        self.open = torch.ones(-(-n // batch), dtype=torch.bool)
        self._n, self._batch = n, batch
        self._stopwatch = stopwatch or Stopwatch()
        self._began = self._stopwatch.seconds
        self._order = torch.arange(len(self.open))
        self._turn = torch.arange(len(self.open))
        self._rank = torch.arange(n) // batch
        self._evaluated = torch.zeros(len(self.open), dtype=torch.int64)
        self._open_rows = n

    @property
    def waiting(self) -> Tensor:
        """The open batches in the order in which they will be settled."""
        return self._order[self.open[self._order]]

    @property
    def evaluated(self) -> int:
        """The pairs evaluated so far, in all."""
        return int(self._evaluated.sum())

    def settle_in(self, order: Tensor, groups: DuplicateGroups) -> None:
        """Set the order (batches,) in which batches are settled, for rows in `groups`."""
        self._order = order
        self._turn[order] = torch.arange(len(order))
        self._rank = groups.by_row(self._turn)

    def count_pivots(self, pivots: Tensor) -> None:
        """Count each pair with one of the rows `pivots` (m,), ascending, as evaluated. Pivots are searched apart
        from their copies, so each counts in its own batch alone."""
        self._count_tile(self._turn[torch.arange(self._n) // self._batch], pivots, torch.arange(self._n))

    def count_tile(self, left: Tensor, right: Tensor) -> None:
        """Count each pair of the rows `left` (a,) with `right` (b,) as evaluated, once where the two overlap."""
        self._count_tile(self._rank, left, right)

    def _count_tile(self, rank: Tensor, left: Tensor, right: Tensor) -> None:
        """The same, each pair in the batch of the lesser of its rows' `rank` (n,)."""
        ours, theirs = rank[left].sort().values, rank[right].sort().values
        self._add(ours, len(theirs) - torch.searchsorted(theirs, ours))
        if int(ours[-1]) < int(theirs[0]):
            return
        self._add(theirs, len(ours) - torch.searchsorted(ours, theirs, right=True))
        shared = torch.zeros(self._n, dtype=torch.bool)
        shared[right] = True
        both = rank[left[shared[left]]].sort().values
        # For rows on both sides each pair was counted twice, and each row with itself.
        self._add(both, torch.arange(len(both)) - len(both))

    def _add(self, rank: Tensor, counts: Tensor) -> None:
        self._evaluated.index_add_(0, rank, counts)

    def count_pairs(self, left: Tensor, right: Tensor, row: Tensor, column: Tensor) -> None:
        """Count as evaluated the pairs (m,) of rows `left` (a,) at `row` with rows `right` (b,) at `column`."""
        if not len(row):
            return
        ranks, others = self._rank[left], self._rank[right]
        if int(ranks.max()) < int(others.min()):
            self._add(ranks, torch.bincount(row, minlength=len(left)))
        else:
            first = torch.minimum(ranks[row], others[column])
            self._add(first, torch.ones_like(first))

    def check_all_decided(self) -> None:
        """Raise ProofError where a batch is open, a pair is not decided, or more are counted than there are."""
        if self.left or bool(self.open.any()) or not 0 <= self.evaluated <= self.total:
            raise ProofError(
                f"{self.left} pairs and {int(self.open.sum())} batches are undecided at the end, and "
                f"{self.evaluated} of {self.total} pairs evaluated"
            )

    def snapshot(self) -> tuple[Tensor, int]:
        """The counts as they are, for `restore`."""
        return self._evaluated.clone(), self.left

    def restore(self, counts: tuple[Tensor, int]) -> None:
        """Go back to the counts of a snapshot."""
        self._evaluated, self.left = counts

    def reopen(self, settled: Sequence[BatchDone]) -> None:
        """Take over the batches that an earlier search of the same rows has `settled`, and its time; they come
        first in the order, in their own order."""
        for rank, done in enumerate(settled):
            self._evaluated[rank] = done.evaluated
            self.open[done.batch] = False
            self._open_rows -= done.end - done.start
        self._began -= settled[-1].seconds if settled else 0.0

    def close(self, b: int, maximum: float, pair: tuple[int, int], settled: Settled) -> BatchDone:
        """Settle batch `b`, the next in the order. Raises ProofError where more of its pairs were evaluated than
        it has."""
        start, end = b * self._batch, min((b + 1) * self._batch, self._n)
        self.open[b] = False
        self._open_rows -= end - start
        pairs = (end - start) * self._open_rows + (end - start) * (end - start - 1) // 2
        evaluated = int(self._evaluated[self._turn[b]])
        if not 0 <= evaluated <= pairs:
            raise ProofError(f"{evaluated} of the {pairs} pairs of batch {b} were counted as evaluated")
        return BatchDone(
            batch=b,
            start=start,
            end=end,
            maximum=maximum,
            i=pair[0],
            j=pair[1],
            pairs=pairs,
            evaluated=evaluated,
            seconds=self.seconds(),
            settled=settled,
        )

    def seconds(self) -> float:
        """The seconds of work since the search began."""
        return self._stopwatch.seconds - self._began

    def progress(self) -> Progress:
        """The progress of the search."""
        check_wanted()
        settled, seconds = self.total - self.left, self.seconds()
        return Progress(
            settled=settled, pairs=self.total, seconds=seconds, pairs_per_second=settled / max(seconds, 1e-9)
        )
