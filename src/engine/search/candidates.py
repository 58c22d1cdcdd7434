"""The pairs evaluated in float64 that may still be a batch's maximum, and the selection of the winners.

Rows that are copies of one another are searched as one (`DuplicateGroups`): a row of the search stands for all its
copies, in every batch that holds one. Pairs whose float64 squares differ by no more than their rounding errors are
compared exactly before any of them is named or dropped (`exact`).
"""

import sys
from copy import copy
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from .duplicates import DuplicateGroups
from .exact import ExactSquares, Pair
from .rounding import scaled, squared_distances

_MOST: Final = 1 << 12  # candidates beside two for each batch; above that, only those that can still win are kept


@dataclass(frozen=True, slots=True)
class Winner:
    """A pair i < j and its distance in float64."""

    distance: float
    i: int
    j: int


class Candidates:
    """Evaluated pairs (i, j), i < j, of searched rows, with float64 squares and the ties each stands for.

    There are never many more than `_MOST` and two for each batch. Beyond that, exact comparison keeps only those
    that can still be results: the first pair of each batch and the first two of all, or the first `most` of all.
    """

    def __init__(self, rows: Tensor, shift: int, groups: DuplicateGroups, most: int | None = None) -> None:
        self.groups = groups
        self._most = most
        self._rows, self._shift = rows, shift
        self._exact = ExactSquares(rows, shift)
        self._i = self._j = self._ties = torch.empty(0, dtype=torch.int64)
        self._square = torch.empty(0, dtype=torch.float64)
        self._is_exact = torch.empty(0, dtype=torch.bool)

    def copy(self) -> "Candidates":
        """A copy to go back to: adding to one does not change the other."""
        return copy(self)

    def add(self, i: Tensor, j: Tensor, square: Tensor) -> None:
        """Add evaluated pairs, each of which stands for the pairs of its rows' copies too. A pair may be added
        only once."""
        ties = self.groups.copies[i] * self.groups.copies[j]
        self._append(i, j, square, ties, torch.zeros(len(i), dtype=torch.bool))

    def add_exact(self, i: Tensor, j: Tensor, square: Tensor, ties: Tensor) -> None:
        """Add pairs whose squares are exact, each of which stands for `ties` pairs at the same distance."""
        self._append(i, j, square, ties, torch.ones(len(i), dtype=torch.bool))

    def _append(self, i: Tensor, j: Tensor, square: Tensor, ties: Tensor, is_exact: Tensor) -> None:
        self._i, self._j = torch.cat([self._i, i]), torch.cat([self._j, j])
        self._square, self._ties = torch.cat([self._square, square]), torch.cat([self._ties, ties])
        self._is_exact = torch.cat([self._is_exact, is_exact])

    def replace(self, pairs: Tensor) -> Tensor:
        """Replace the candidates by `pairs` of another search of the same rows, and return their squares (m,)."""
        self._i, self._j, self._ties = pairs.T
        self._square = squared_distances(self._rows, self._i, self._j, self._shift)
        self._is_exact = torch.zeros(len(self._i), dtype=torch.bool)
        return self._square

    @property
    def pairs(self) -> Tensor:
        """All candidates as rows (i, j, ties): (m, 3)."""
        return torch.stack([self._i, self._j, self._ties], dim=1)

    def keep(self, threshold_i: Tensor, threshold_j: Tensor) -> None:
        """Drop pairs whose square is below the thresholds of both their rows, `threshold_i` and `threshold_j`
        (m,); and where there are too many, all that can no longer win."""
        self._only(~(self._square < self._exact.least(torch.minimum(threshold_i, threshold_j))))
        room = self._most if self._most is not None else 2 * self.groups.batches
        if len(self._i) > _MOST + room:
            self._keep_the_first()

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        """The candidates' rows i (m,) and j (m,)."""
        return self._i, self._j

    def _only(self, chosen: Tensor) -> None:
        """Keep the candidates that are `chosen` (m,), by a mask or by their indices."""
        self._i, self._j, self._square = self._i[chosen], self._j[chosen], self._square[chosen]
        self._ties, self._is_exact = self._ties[chosen], self._is_exact[chosen]

    def _keep_the_first(self) -> None:
        """Keep those that can still be results, however many pairs tie or nearly tie."""
        place = self._exact.order(self._i, self._j, self._square, self._is_exact)
        overall = _sorted_by(place, self._i, self._j)
        if self._most is not None:
            self._only(overall[: self._most].sort().values)
            return
        entries = [self._entries(self._i, self._j), self._entries(self._j, self._i)]
        batch, pair, i, j = (torch.cat(parts) for parts in zip(*entries, strict=True))
        order = _sorted_by(batch, place[pair], i, j)
        first = torch.ones(len(order), dtype=torch.bool)
        first[1:] = batch[order][1:] != batch[order][:-1]
        tied = self._ties[place == 0].sum()
        self._ties = torch.zeros_like(
            self._ties
        )  # ties matter only at the largest square, whose first pair counts them all
        self._ties[overall[0]] = tied
        self._only(torch.unique(torch.cat([overall[:2], pair[order[first]]])))

    def leaders(self, batches: Tensor) -> dict[int, Winner]:
        """The farthest pair so far of each of `batches` (k,) that has one. Near ties are not resolved, and
        distances have the relative error of float64 arithmetic."""
        batch, pair, i, j = self._near(batches)
        order = _sorted_by(batch, -self._square[pair], i, j)
        distances = scaled(self._square.sqrt(), -self._shift).clamp_max(sys.float_info.max).tolist()
        return self._first_of_each(batch, pair, i, j, order, distances)

    def winners(self, batches: Tensor) -> dict[int, Winner]:
        """The maximum and its smallest pair for each of `batches` (k,), all of whose pairs are decided. Batches
        without an evaluated pair are left out."""
        batch, pair, i, j = self._near(batches)
        distinct, at = torch.unique(pair, return_inverse=True)
        place = self._exact.order(
            self._i[distinct], self._j[distinct], self._square[distinct], self._is_exact[distinct]
        )
        order = _sorted_by(batch, place[at], i, j)
        first = torch.ones(len(order), dtype=torch.bool)
        first[1:] = batch[order][1:] != batch[order][:-1]
        won = torch.unique(pair[order[first]])
        distances = dict(zip(won.tolist(), self._exact.distances(self._named(won)), strict=True))
        return self._first_of_each(batch, pair, i, j, order, distances)

    def farthest(self) -> tuple[Winner, int, Winner | None]:
        """The farthest pair, the smallest (i, j) among ties; the number of ties; and where it is unique, the next
        pair, if it was evaluated."""
        near = self._near_the_top(2)
        place = self._exact.order(self._i[near], self._j[near], self._square[near], self._is_exact[near])
        order = near[_sorted_by(place, self._i[near], self._j[near])]
        tied = int(self._ties[near[place == 0]].sum())
        named = self._rounded(order[:2] if tied == 1 else order[:1])
        return named[0], tied, named[1] if len(named) > 1 else None

    def gap(self, farther: Winner, nearer: Winner) -> float:
        """The difference of two pairs' distances, rounded from the exact squares."""
        return self._exact.gap((farther.i, farther.j), (nearer.i, nearer.j))

    def top(self, count: int) -> list[Winner]:
        """The `count` farthest pairs in order; equal distances are ordered by (i, j)."""
        near = self._near_the_top(count)
        place = self._exact.order(self._i[near], self._j[near], self._square[near], self._is_exact[near])
        return self._rounded(near[_sorted_by(place, self._i[near], self._j[near])][:count])

    def _near_the_top(self, count: int) -> Tensor:
        """The candidates, as indices, that may be among the `count` farthest."""
        floor = self._exact.least(self._square.topk(min(count, len(self._square))).values[-1])
        return (~(self._square < floor)).nonzero().flatten()

    def _rounded(self, chosen: Tensor) -> list[Winner]:
        pairs = self._named(chosen)
        distances = self._exact.distances(pairs)
        return [Winner(distance, i, j) for (i, j), distance in zip(pairs, distances, strict=True)]

    def _named(self, chosen: Tensor) -> list[Pair]:
        return list(zip(self._i[chosen].tolist(), self._j[chosen].tolist(), strict=True))

    def _near(self, batches: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For each of `batches` (k,) the pairs that float64 cannot tell from its maximum: batch, pair, and the
        smallest (i, j) of the pair in the batch, all (m,)."""
        sides = [self._entries(self._i, self._j), self._entries(self._j, self._i)]
        batch, pair, i, j = (torch.cat(parts) for parts in zip(*sides, strict=True))
        wanted = torch.zeros(self.groups.batches, dtype=torch.bool)
        wanted[batches] = True
        chosen = wanted[batch].nonzero().flatten()
        best = torch.zeros(self.groups.batches, dtype=torch.float64)
        best.scatter_reduce_(0, batch[chosen], self._square[pair[chosen]], "amax")
        near = chosen[~(self._square[pair[chosen]] < self._exact.least(best[batch[chosen]]))]
        return batch[near], pair[near], i[near], j[near]

    def _entries(self, side: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For each batch of each pair's `side`: the batch, the pair, and the smallest (i, j) in it."""
        pair, place = self.groups.of(side)
        here, there = self.groups.row[place], other[pair]
        return self.groups.batch[place], pair, torch.minimum(here, there), torch.maximum(here, there)

    def _first_of_each(
        self,
        batch: Tensor,
        pair: Tensor,
        i: Tensor,
        j: Tensor,
        order: Tensor,
        distances: list[float] | dict[int, float],
    ) -> dict[int, Winner]:
        """The first entry of each batch in an `order` by batches, with its pair's distance."""
        batch, pair, i, j = batch[order], pair[order], i[order], j[order]
        first = torch.ones(len(batch), dtype=torch.bool)
        first[1:] = batch[1:] != batch[:-1]
        columns = (part[first].tolist() for part in (batch, pair, i, j))
        return {b: Winner(distances[at], a, c) for b, at, a, c in zip(*columns, strict=True)}


def _sorted_by(*keys: Tensor) -> Tensor:
    """The order (m,) that sorts by the first of `keys` (m,), then by the next, and so on."""
    order = torch.arange(len(keys[0]))
    for key in reversed(keys):
        order = order[key[order].argsort(stable=True)]
    return order
