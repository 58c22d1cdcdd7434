"""The pairs evaluated in float64 that may still be a batch's maximum, and the naming of the winners.

Rows that are copies of one another are searched as one (`Places`): a row of the search stands for all its
copies, in every batch that holds one. Between pairs whose float64 squares differ by no more than their
rounding errors nothing is decided until they have been compared in exact rational arithmetic.
"""

import zlib
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .exact import ExactSquares, Pair


@dataclass(frozen=True)
class Winner:
    """A pair i < j and its squared distance (scaled) in float64."""

    square: float
    i: int
    j: int


class Places:
    """Where each searched row stands: the batches holding a copy of it, and the first copy in each.

    `original` (n,) names for every row the first row equal to it, as far as copies were looked for.
    """

    def __init__(self, original: Tensor, batch: int) -> None:
        n = len(original)
        row = group = torch.arange(n)
        copy = row[original != row]
        self._one_each = not len(copy)
        if not self._one_each:
            # A copy also stands for itself alone: in pairs that were decided before copies were looked for.
            row, group = torch.cat([row, copy]), torch.cat([original, copy])
            order = torch.argsort(group, stable=True)
            row, group = row[order], group[order]
            fresh = torch.ones(len(row), dtype=torch.bool)
            fresh[1:] = (group[1:] != group[:-1]) | (row[1:] // batch != row[:-1] // batch)
            row, group = row[fresh], group[fresh]
        self.row, self.group, self.batch = row, group, row // batch
        self.batches = -(-n // batch)
        self.copies = torch.bincount(original, minlength=n)
        self._original = original
        self._start = torch.nn.functional.pad(torch.bincount(group, minlength=n).cumsum(0), (1, 0))

    @cached_property
    def mark(self) -> int:
        """A checksum that tells this grouping of rows from others."""
        return zlib.crc32(self._original.numpy().tobytes())

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """For searched rows (m,): (which of them, place) for every place at which one of them stands."""
        if self._one_each:
            return torch.arange(len(rows)), rows
        counts = self._start[rows + 1] - self._start[rows]
        which = torch.repeat_interleave(torch.arange(len(rows)), counts)
        offset = torch.arange(len(which)) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
        return which, self._start[rows][which] + offset

    def first_batch(self, rows: Tensor) -> Tensor:
        """The first batch in which each of the searched `rows` (m,) stands: (m,)."""
        return self.batch[self._start[rows]]

    def by_batch(self, values: Tensor) -> Tensor:
        """The largest of `values` (n,), one per searched row, in each batch: (batches,)."""
        return values.new_zeros(self.batches).scatter_reduce_(0, self.batch, values[self.group], "amax")

    def by_row(self, values: Tensor) -> Tensor:
        """The smallest of `values` (batches,) over the batches in which each searched row stands: (n,)."""
        if self._one_each:
            return values[self.batch]
        lowest = values.max().expand(len(self.copies)).clone()
        return lowest.scatter_reduce_(0, self.group, values[self.batch], "amin")


class Contenders:
    """Evaluated pairs (i, j), i < j, of searched rows, with float64 squares and the ties each stands for."""

    def __init__(self, rows: Tensor, shift: int, places: Places) -> None:
        self.places = places
        self._exact = ExactSquares(rows, shift)
        self._i = self._j = self._ties = torch.empty(0, dtype=torch.int64)
        self._square = torch.empty(0, dtype=torch.float64)

    def copy(self) -> "Contenders":
        """The same contenders, to go back to: taking more in one does not change the other."""
        return copy(self)

    def add(self, i: Tensor, j: Tensor, square: Tensor) -> None:
        """Take more evaluated pairs; each stands for the pairs of its rows' copies too."""
        self._append(i, j, square, self.places.copies[i] * self.places.copies[j])

    def add_exact(self, i: Tensor, j: Tensor, square: Tensor, ties: Tensor) -> None:
        """Take more pairs whose squares are exact, each standing for so many `ties` of equal distance.

        Of masses of them only each batch's smallest at its maximum are kept, and at the largest square the number.
        """
        smallest = torch.argsort(i * len(self.places.copies) + j)
        order = smallest[square[smallest].argsort(descending=True, stable=True)]
        i, j, square, ties = i[order], j[order], square[order], ties[order]
        entries = [self._entries(i, j), self._entries(j, i)]
        batch, pair, named_i, named_j = (torch.cat(parts) for parts in zip(*entries, strict=True))
        by_name = torch.argsort(named_i * len(self.places.copies) + named_j)
        by_square = by_name[square[pair[by_name]].argsort(descending=True, stable=True)]
        by_batch = by_square[batch[by_square].argsort(stable=True)]
        first = torch.ones(len(by_batch), dtype=torch.bool)
        first[1:] = batch[by_batch][1:] != batch[by_batch][:-1]
        ties = torch.where(torch.arange(len(ties)) == 0, ties[square == square[0]].sum(), 0)
        kept = torch.unique(torch.cat([torch.tensor([0]), pair[by_batch[first]]]))
        self._exact.learn(i[kept], j[kept], square[kept])
        self._append(i[kept], j[kept], square[kept], ties[kept])

    def _append(self, i: Tensor, j: Tensor, square: Tensor, ties: Tensor) -> None:
        self._i, self._j = torch.cat([self._i, i]), torch.cat([self._j, j])
        self._square, self._ties = torch.cat([self._square, square]), torch.cat([self._ties, ties])

    def replace(self, i: Tensor, j: Tensor, square: Tensor, ties: Tensor) -> None:
        """Have these pairs (m,), each standing for so many `ties`, and no others."""
        self._i, self._j, self._square, self._ties = i, j, square, ties

    @property
    def pairs(self) -> Tensor:
        """All contenders as rows (i, j, ties): (m, 3)."""
        return torch.stack([self._i, self._j, self._ties], dim=1)

    def keep(self, needed: Tensor) -> None:
        """Forget pairs whose square is below what both their rows' batches still need, `needed` (n,)."""
        lowest = torch.minimum(needed[self._i], needed[self._j]) * (1 - self._exact.tolerance)
        kept = self._square >= lowest
        self._i, self._j, self._square, self._ties = (
            part[kept] for part in (self._i, self._j, self._square, self._ties)
        )

    def leaders(self, batches: Tensor) -> dict[int, Winner]:
        """The farthest pair so far of each of `batches` (k,) that has one; near ties are not told apart."""
        return {b: max(found, key=lambda rival: rival.square).named for b, found in self._rivals(batches).items()}

    def winners(self, batches: Tensor) -> dict[int, Winner]:
        """The maximum's exact square, rounded once, and its smallest pair for each of `batches` (k,), all of whose
        pairs are decided."""
        decided = {b: self._decide(found) for b, found in self._rivals(batches).items()}
        squares = self._exact.rounded([rival.searched for rival in decided.values()])
        return {
            b: Winner(square, rival.named.i, rival.named.j)
            for (b, rival), square in zip(decided.items(), squares, strict=True)
        }

    def farthest(self) -> tuple[Winner, int, Winner | None]:
        """The farthest pair, the smallest (i, j) of those that tie; how many do; and where it is the only one, the
        next, if a next was worth evaluating."""
        distinct, at = torch.unique(self._i * len(self.places.copies) + self._j, return_inverse=True)
        ties = torch.zeros_like(distinct).scatter_reduce_(0, at, self._ties, "amax")
        entry = torch.empty_like(distinct).scatter_(0, at, torch.arange(len(at)))
        squares = self._square[entry]
        floor = squares.topk(min(2, len(squares))).values[-1] * (1 - self._exact.tolerance)
        chosen = (squares >= floor).nonzero().flatten()
        columns = (self._square[entry], self._i[entry], self._j[entry], ties)
        counts = {
            Winner(square, i, j): count
            for square, i, j, count in zip(*(column[chosen].tolist() for column in columns), strict=True)
        }
        order = self._exact.ordered({(pair.i, pair.j): pair.square for pair in counts})
        ranked = sorted(counts, key=lambda pair: (-order[pair.i, pair.j], pair.i, pair.j))
        first = ranked[0]
        tied = sum(counts[pair] for pair in ranked if order[pair.i, pair.j] == order[first.i, first.j])
        named = self._rounded(ranked[:2] if tied == 1 else ranked[:1])
        return named[0], tied, named[1] if len(named) > 1 else None

    def top(self, count: int) -> list[Winner]:
        """The `count` farthest pairs in order; equal distances stand in order of (i, j)."""
        floor = self._square.topk(min(count, len(self._square))).values[-1] * (1 - self._exact.tolerance)
        chosen = (self._square >= floor).nonzero().flatten()
        columns = (self._square[chosen], self._i[chosen], self._j[chosen])
        found = [Winner(*pair) for pair in zip(*(column.tolist() for column in columns), strict=True)]
        order = self._exact.ordered({(pair.i, pair.j): pair.square for pair in found})
        ranked = sorted(found, key=lambda pair: (-order[pair.i, pair.j], pair.i, pair.j))
        return self._rounded(ranked[:count])

    def _rounded(self, pairs: list[Winner]) -> list[Winner]:
        squares = self._exact.rounded([(pair.i, pair.j) for pair in pairs])
        return [Winner(square, pair.i, pair.j) for pair, square in zip(pairs, squares, strict=True)]

    def _rivals(self, batches: Tensor) -> dict[int, list["_Rival"]]:
        """For each of `batches` (k,), the pairs too close to its maximum for float64 to tell."""
        sides = [self._entries(self._i, self._j), self._entries(self._j, self._i)]
        batch, pair, i, j = (torch.cat(parts) for parts in zip(*sides, strict=True))
        wanted = torch.zeros(self.places.batches, dtype=torch.bool)
        wanted[batches] = True
        chosen = wanted[batch].nonzero().flatten()
        best = torch.zeros(self.places.batches, dtype=torch.float64)
        best.scatter_reduce_(0, batch[chosen], self._square[pair[chosen]], "amax")
        near = chosen[self._square[pair[chosen]] >= best[batch[chosen]] * (1 - self._exact.tolerance)]
        pair = pair[near]
        columns = (batch[near], self._square[pair], i[near], j[near], self._i[pair], self._j[pair])
        rivals: dict[int, list[_Rival]] = {}
        for b, square, named_i, named_j, u, v in zip(*(column.tolist() for column in columns), strict=True):
            rivals.setdefault(b, []).append(_Rival(square, Winner(square, named_i, named_j), (u, v)))
        return rivals

    def _entries(self, side: Tensor, other: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For each place of each pair's `side`: its batch, the pair, and the smallest (i, j) there."""
        pair, place = self.places.of(side)
        here, there = self.places.row[place], other[pair]
        return self.places.batch[place], pair, torch.minimum(here, there), torch.maximum(here, there)

    def _decide(self, rivals: list["_Rival"]) -> "_Rival":
        if len(rivals) == 1:
            return rivals[0]
        order = self._exact.ordered({rival.searched: rival.square for rival in rivals})
        return min(rivals, key=lambda rival: (-order[rival.searched], rival.named.i, rival.named.j))


@dataclass(frozen=True)
class _Rival:
    """A pair as a batch names it, and the pair of searched rows behind it."""

    square: float
    named: Winner
    searched: Pair
