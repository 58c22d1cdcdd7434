"""What a pair must reach to matter still."""

import torch
from torch import Tensor

from .certify import float64_error
from .contenders import Places


class Bounds:
    """Proved lower bounds of squared distances, and from them what every row's pairs must reach.

    A pair matters while it may be the largest of a batch that holds one of its rows, or one of the `most` farthest
    pairs of all (two for a certificate: it names the runner-up, and counts what ties with the maximum). Without
    `by_batches` only the latter count.
    """

    def __init__(self, n: int, d: int, most: int = 2, by_batches: bool = True) -> None:
        self._most, self.by_batches = most, by_batches
        self._margin = 1 - 4 * float64_error(d)
        self._farthest = torch.zeros(n, dtype=torch.float64)
        self._leaders: dict[tuple[int, int], float] = {}

    @property
    def any_distance(self) -> bool:
        """Whether any pair is known to lie apart."""
        return bool(self._farthest.max() > 0)

    def evaluated(self, i: Tensor, j: Tensor, squares: Tensor) -> None:
        """Learn from pairs i < j (m,), none more than twice, whose squares were evaluated in float64."""
        lower = squares * self._margin
        self.at_least(torch.cat([i, j]), torch.cat([lower, lower]))
        for at in squares.topk(min(2 * self._most, len(squares))).indices.tolist():
            self._leaders[int(i[at]), int(j[at])] = float(lower[at])
        if len(self._leaders) > self._most:
            self._leaders = dict(sorted(self._leaders.items(), key=lambda leader: -leader[1])[: self._most])

    def at_least(self, rows: Tensor, lower: Tensor) -> None:
        """Learn that the farthest partners of `rows` (m,) are at squared distances of `lower` (m,) or more."""
        self._farthest.scatter_reduce_(0, rows, lower, "amax")

    def merge(self, original: Tensor) -> None:
        """Learn that each row equals the row that `original` (n,) names for it."""
        self.at_least(original, self._farthest.clone())

    def of_batches(self, places: Places) -> Tensor:
        """A lower bound of each batch's maximum, squared: (batches,)."""
        return places.by_batch(self._farthest)

    def needed(self, places: Places) -> Tensor:
        """For each row, the squared distance that its pairs must reach in one of its batches to matter: (n,)."""
        last = min(self._leaders.values()) if len(self._leaders) == self._most else 0.0
        if not self.by_batches:
            return torch.full_like(self._farthest, last)
        return places.by_row(self.of_batches(places).clamp_max(last))
