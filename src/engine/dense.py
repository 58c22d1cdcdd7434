"""Tiles in which too many pairs are too close to call in float32: the whole tile in float64 at once.

Rows on a sphere, one-hot rows, the corners of a cube: there float32 leaves not a few candidates but a mass.
One float64 product per tile decides most of them. Where the rows lie on a grid coarse enough for that product
to be exact, equal distances are known to be equal, and of a mass of ties only the smallest pair of each row is
kept, with their number.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from .certify import gamma, scaled
from .device import float64_device
from .products import product
from .space import Space

Raise = Callable[[Tensor, Tensor], Tensor]

_BLOCK = 1 << 18  # float64 numbers looked at together: 2 MB


@dataclass(frozen=True)
class DenseTile:
    """Pairs of a tile, i < j, that may matter. Where `square` is given it is exact, and `ties` counts the pairs
    of rows that each stands for; where not, the pairs are still to be evaluated."""

    i: Tensor
    j: Tensor
    square: Tensor | None = None
    ties: Tensor | None = None


class Dense:
    """The rows of a search in float64, a block at a time; `size` rows to a block.

    Where products are exact, a mass of ties is collapsed to a few pairs and their number, if `collapse`.
    """

    def __init__(self, space: Space, size: int, collapse: bool = True) -> None:
        self._space, self._size, self._collapse = space, size, collapse
        self._where = float64_device(space.rows.device)

    def tiles(self, left: Tensor, right: Tensor, copies: Tensor, raise_bounds: Raise) -> Iterator[DenseTile]:
        """The pairs of rows `left` (a,) with rows `right` (b,) that may still matter, tile by tile.

        Both are ascending indices, either the same or disjoint; of rows with themselves each pair is taken once.
        `copies` (n,) counts the rows for which each row stands. `raise_bounds(rows, squares)` is told lower bounds
        of the squared distance to each row's farthest partner and answers with what is then needed (n,).
        """
        same = torch.equal(left, right)
        parts = torch.split(right, self._rows_at_once) if len(right) else ()
        for at, rows in enumerate(torch.split(left, self._rows_at_once)):
            x = self._coordinates(rows)
            for partners in parts[at if same else 0 :]:
                y = x if partners is rows or torch.equal(partners, rows) else self._coordinates(partners)
                squares = product(x, y.T).cpu().mul_(-2)
                squares += self._norms[rows].to(squares)[:, None]
                squares += self._norms[partners].to(squares)
                if y is x:
                    squares.masked_fill_(torch.ones_like(squares, dtype=torch.bool).tril_(), -1.0)
                if self.collapses:
                    yield _smallest_pairs(squares, rows, partners, copies)
                else:
                    yield self._undecided(squares.to(torch.float64), rows, partners, raise_bounds)

    @property
    def _rows_at_once(self) -> int:
        """Rows and columns of a tile: more of them where they take less room."""
        return 2 * self._size if self._exact_dtype is torch.float32 else self._size

    def _undecided(self, squares: Tensor, left: Tensor, right: Tensor, raise_bounds: Raise) -> DenseTile:
        reach = float(self._space.radius[left].max() + self._space.radius[right].max())
        slack = 4 * gamma(self._space.rows.shape[1] + 8, torch.float64) * reach**2
        lower = torch.cat([squares.amax(dim=1), squares.amax(dim=0)]) - slack
        needed = raise_bounds(torch.cat([left, right]), lower)
        mattering = squares + slack >= torch.minimum(needed[left][:, None], needed[right])
        row, column = mattering.nonzero(as_tuple=True)
        i, j = left[row], right[column]
        return DenseTile(torch.minimum(i, j), torch.maximum(i, j))

    def _coordinates(self, index: Tensor) -> Tensor:
        """Rows (m, d) at `index` (m,): as they are where products are exact, else centred, in float64."""
        if self._exact_dtype is None:
            return self._scaled(index, torch.float64).sub_(self._space.centre.to(self._where).to(torch.float64))
        return self._scaled(index, self._exact_dtype)

    def _scaled(self, index: Tensor | slice, dtype: torch.dtype) -> Tensor:
        """The rows at `index`, scaled, in a type that holds them; a copy where `index` is a tensor."""
        rows = self._space.rows[index if isinstance(index, slice) else index.to(self._space.rows.device)]
        return scaled(rows.to(self._where).to(dtype), self._space.shift)

    @property
    def collapses(self) -> bool:
        """Whether masses of ties are collapsed."""
        return self._collapse and self._exact_dtype is not None

    @cached_property
    def _exact_dtype(self) -> torch.dtype | None:
        """The narrowest type in which |x|^2 + |y|^2 - 2 x.y is exact for all rows.

        Their numbers are whole multiples of one power of two g, and |x|^2 <= 2^(p - 3) g^2, so that every partial
        sum is a whole number of g^2 that the type's p bits hold.
        """
        if self._space.shift and self._space.rows.dtype == torch.float64:
            return None
        largest = float(self._uncentred_norms.max())
        for dtype, bits in ((torch.float32, 24), (torch.float64, 53)):
            grain = 2.0 ** math.ceil((math.log2(largest) - (bits - 3)) / 2 + 1e-9)
            if all(_are_whole(part / grain) for part in self._all_scaled()):
                return dtype
        return None

    @cached_property
    def _norms(self) -> Tensor:
        """The coordinates' squared norms (n,) float64 on the CPU."""
        if self._exact_dtype:
            return self._uncentred_norms
        centre = self._space.centre.to(self._where).to(torch.float64)
        return torch.cat([(part - centre).square_().sum(dim=1).cpu() for part in self._all_scaled()])

    @cached_property
    def _uncentred_norms(self) -> Tensor:
        return torch.cat([part.square().sum(dim=1).cpu() for part in self._all_scaled()])

    def _all_scaled(self) -> Iterator[Tensor]:
        n, d = self._space.rows.shape
        step = max(1, _BLOCK // d)
        return (self._scaled(slice(start, start + step), torch.float64) for start in range(0, n, step))


def _are_whole(numbers: Tensor) -> bool:
    return torch.equal(numbers, numbers.round())


def _smallest_pairs(squares: Tensor, left: Tensor, right: Tensor, copies: Tensor) -> DenseTile:
    """The first pair at the maximum of each row and each column of exact squares (a, b); rows count the ties."""
    row_best, column_best = squares.amax(dim=1), squares.amax(dim=0)
    row_ties = squares == row_best[:, None]
    first_column = row_ties.to(torch.uint8).argmax(dim=1)
    first_row = (squares == column_best).to(torch.uint8).argmax(dim=0)
    i = torch.cat([left, left[first_row]])
    j = torch.cat([right[first_column], right])
    square = torch.cat([row_best, column_best])
    ties = torch.cat([copies[left] * (row_ties * copies[right]).sum(dim=1), torch.zeros_like(right)])
    real = square >= 0
    square = square[real].to(torch.float64)
    return DenseTile(torch.minimum(i, j)[real], torch.maximum(i, j)[real], square, ties[real])
