"""The thresholds: what a pair's squared distance must reach for the pair to matter."""

import torch
from torch import Tensor

from ..errors import ProofError
from .duplicates import DuplicateGroups
from .rounding import float64_error, underflow


class Thresholds:
    """Proved lower bounds of squared distances, and the thresholds that follow from them for each row.

    A pair matters while it may be the largest of a batch that holds one of its rows, or one of the `most` farthest
    pairs of all (two for a certificate, which names the runner-up and counts ties with the maximum). Without
    `by_batches` only the latter count. A lower bound that is not finite is ignored.

    Rows belong to `groups`, which only this object owns.
    """

    def __init__(self, groups: DuplicateGroups, d: int, most: int = 2, by_batches: bool = True) -> None:
        self.groups = groups
        self.by_batches = by_batches
        self._most = most
        self._margin, self._floor = 1 - 4 * float64_error(d), 4 * underflow(d)
        self._of_row = torch.zeros(len(groups.copies), dtype=torch.float64)
        self._of_batch = torch.zeros(groups.batches, dtype=torch.float64)
        self._pairs = torch.empty(0, dtype=torch.int64)  # the farthest pairs known, each once, as i n + j,
        self._lower = torch.empty(0, dtype=torch.float64)  # and the lower bounds of their squares
        self._last = 0.0

    @property
    def any_distance(self) -> bool:
        """Whether any pair is known to have a distance above 0."""
        return bool(self._of_row.max() > 0)

    def evaluated(self, i: Tensor, j: Tensor, squares: Tensor) -> None:
        """Learn from pairs i < j (m,) whose squares were evaluated in float64, or are exact.

        Raises ProofError where a square is not finite.
        """
        if not len(squares):
            return
        if not bool(squares.isfinite().all()):
            raise ProofError("a squared distance in float64 is not finite")
        lower = (squares * self._margin - self._floor).clamp_min_(0.0)
        self.at_least(torch.cat([i, j]), torch.cat([lower, lower]))
        if float(lower.max()) > self._last or len(self._pairs) < self._most:
            self._learn_farthest(i, j, lower)

    def _learn_farthest(self, i: Tensor, j: Tensor, lower: Tensor) -> None:
        best = lower.topk(min(2 * self._most, len(lower))).indices  # a pair may be there twice
        pairs = torch.cat([self._pairs, i[best] * len(self._of_row) + j[best]])
        pairs, at = torch.unique(pairs, return_inverse=True)
        known = torch.zeros(len(pairs), dtype=torch.float64)
        known.scatter_reduce_(0, at, torch.cat([self._lower, lower[best]]), "amax")
        top = known.topk(min(self._most, len(known))).indices
        self._pairs, self._lower = pairs[top], known[top]
        if len(self._pairs) == self._most:
            self._last = float(self._lower.min())

    def at_least(self, rows: Tensor, lower: Tensor) -> None:
        """Learn that the farthest partners of `rows` (m,) are at squared distances of `lower` (m,) or more."""
        lower = torch.where(lower.isfinite(), lower, 0.0)
        self._of_row.scatter_reduce_(0, rows, lower, "amax")
        which, place = self.groups.of(rows)
        self._of_batch.scatter_reduce_(0, self.groups.batch[place], lower[which], "amax")

    def merge(self, groups: DuplicateGroups) -> None:
        """Use `groups` from now on; each row shares its bounds with the row that it equals."""
        self.groups = groups
        self._of_row.scatter_reduce_(0, groups.original, self._of_row.clone(), "amax")
        self._of_batch = groups.by_batch(self._of_row)

    def of_batches(self) -> Tensor:
        """A lower bound of each batch's maximum, squared: (batches,)."""
        return self._of_batch.clone()

    def of(self, rows: Tensor) -> Tensor:
        """The thresholds of `rows` (m,): what a row's pairs must reach, squared, to matter in one of its batches:
        (m,)."""
        if not self.by_batches:
            return torch.full((len(rows),), self._last, dtype=torch.float64)
        which, place = self.groups.of(rows)
        found = self._of_batch[self.groups.batch[place]].clamp_max_(self._last)
        if len(which) == len(rows):
            return found
        least = torch.full((len(rows),), self._last, dtype=torch.float64)
        return least.scatter_reduce_(0, which, found, "amin")
