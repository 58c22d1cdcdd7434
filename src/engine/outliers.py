"""The outlier ladder: the diameter of a cluster as the rows farthest from its core are taken away one by one.

A cluster with k outliers has a large diameter until the k-th is gone, and a small one from then on: how many
outliers there are is read off where the ladder falls.

One search finds the diameter of what is left at the end. Backwards from there each step puts one row back, and
the diameter is the larger of the one before and that row's farthest distance, for which the estimates of
`pivots` leave a few candidates.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from .certify import squared_distances
from .exact import ExactSquares, Pair
from .pairs import Rows, checked, farthest_pair
from .pivots import PivotPairs, pivot_pairs
from .space import centre_rows
from .stats import mean_row, row_norms


@dataclass(frozen=True)
class Rung:
    """The farthest pair i < j, and its distance, once the row `removed` (None at first) is gone too."""

    removed: int | None
    i: int
    j: int
    diameter: float


def outlier_ladder(rows: Rows, most: int = 64, core: Tensor | None = None) -> list[Rung]:
    """The ladder's rungs for k = 0 … `most` rows removed (at least two are always left).

    Rows are removed by falling distance from `core` (d,), by default the rows' mean; of equals the first goes
    first. Rows as for `farthest_pair`. Raises InputError as that does, or where `most` is negative.
    """
    if most < 0:
        raise InputError(f"most is {most}: the ladder removes no row or more.")
    x = checked(rows)
    distance = row_norms(x, mean_row(x) if core is None else core)
    removed = distance.argsort(descending=True, stable=True)[: min(most, len(x) - 2)]
    left = torch.ones(len(x), dtype=torch.bool)
    left[removed] = False
    rest = left.nonzero().flatten()
    core_pair = farthest_pair(x[rest.to(x.device)])
    pair = int(rest[core_pair.i]), int(rest[core_pair.j])
    if not len(removed):
        return [Rung(None, *pair, core_pair.distance)]
    climb = _Climb(x, removed, left, pair)
    rungs = [climb.rung(int(removed[-1]))]
    for k in reversed(range(len(removed))):
        climb.put_back(k)
        rungs.append(climb.rung(int(removed[k - 1]) if k else None))
    return rungs[::-1]


class _Climb:
    """The farthest pair of the rows `left` (n,) so far, as removed rows are put back."""

    def __init__(self, rows: Tensor, removed: Tensor, left: Tensor, pair: Pair) -> None:
        self._rows, self._removed, self._left = rows, removed, left
        self._space = centre_rows(rows)
        self._estimates: PivotPairs = pivot_pairs(self._space, removed)
        self._error = self._estimates.error()
        self._exact = ExactSquares(rows, self._space.shift)
        self._pair = pair
        self._square = float(self._squares(torch.tensor([pair[0]]), torch.tensor([pair[1]])))

    def put_back(self, k: int) -> None:
        """Put the k-th removed row back."""
        row = int(self._removed[k])
        bound = self._estimates.squares[k].to(torch.float64)
        lowest = max(self._square, float((bound - self._error)[self._left].max())) * (1 - self._exact.tolerance)
        candidates = ((bound + self._error >= lowest) & self._left).nonzero().flatten()
        self._left[row] = True
        if not len(candidates):
            return
        squares = self._squares(candidates, torch.full_like(candidates, row))
        near = squares >= squares.max() * (1 - self._exact.tolerance)
        found = {
            (min(row, other), max(row, other)): square
            for other, square in zip(candidates[near].tolist(), squares[near].tolist(), strict=True)
        }
        found[self._pair] = self._square
        order = self._exact.ordered(found)
        self._pair = min(found, key=lambda pair: (-order[pair], pair))
        self._square = found[self._pair]

    def rung(self, removed: int | None) -> Rung:
        square = self._exact.rounded([self._pair])[0]
        return Rung(removed, *self._pair, math.ldexp(math.sqrt(square), -self._space.shift))

    def _squares(self, i: Tensor, j: Tensor) -> Tensor:
        return squared_distances(self._rows, i, j, self._space.shift)
