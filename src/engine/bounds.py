"""What a pair must reach to matter still."""

import torch
from torch import Tensor

from .certify import float64_error
from .contenders import Places


class Bounds:
    """Proved lower bounds of squared distances, and from them what every row's pairs must reach.

    A pair matters while it may be the largest of a batch that holds one of its rows, or one of the two farthest
    pairs of all: the runner-up is part of the certificate, and ties with the maximum are counted.
    """

    def __init__(self, n: int, d: int) -> None:
        self._margin = 1 - 4 * float64_error(d)
        self._farthest = torch.zeros(n, dtype=torch.float64)
        self._leaders: dict[tuple[int, int], float] = {}

    @property
    def any_distance(self) -> bool:
        """Whether any pair is known to lie apart."""
        return bool(self._farthest.max() > 0)

    def evaluated(self, i: Tensor, j: Tensor, squares: Tensor) -> None:
        """Learn from pairs (m,) whose squares were evaluated in float64."""
        lower = squares * self._margin
        self.at_least(torch.cat([i, j]), torch.cat([lower, lower]))
        for at in squares.topk(min(4, len(squares))).indices.tolist():
            pair = min(int(i[at]), int(j[at])), max(int(i[at]), int(j[at]))
            self._leaders[pair] = float(lower[at])
        if len(self._leaders) > 2:
            self._leaders = dict(sorted(self._leaders.items(), key=lambda leader: -leader[1])[:2])

    def at_least(self, rows: Tensor, lower: Tensor) -> None:
        """Learn that the farthest partners of `rows` (m,) are at squared distances of `lower` (m,) or more."""
        self._farthest.scatter_reduce_(0, rows, lower, "amax")

    def merge(self, original: Tensor) -> None:
        """Learn that each row equals the row that `original` (n,) names for it."""
        self.at_least(original, self._farthest.clone())

    def by_batch(self, places: Places) -> Tensor:
        """A lower bound of each batch's maximum, squared: (batches,)."""
        return places.by_batch(self._farthest)

    def needed(self, places: Places) -> Tensor:
        """For each row, the squared distance that its pairs must reach in one of its batches to matter: (n,)."""
        second = min(self._leaders.values()) if len(self._leaders) > 1 else 0.0
        return places.by_row(self.by_batch(places).clamp_max(second))
