"""Evaluates whole tiles in float64, where float32 leaves too many pairs undecided.

For rows on a sphere, one-hot rows or the corners of a cube, float32 leaves masses of candidates. One float64
product for each tile decides most of them. Where the rows lie on a grid coarse enough for that product to be
exact, ties are known to be ties, and only the smallest pair of each row is kept, with the number of ties.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..device import float64_device
from .centered_rows import CenteredRows
from .matmul import product, write_witness
from .rounding import gamma, scaled, scaled_difference, underflow
from .thresholds import Thresholds

_BLOCK = 1 << 18  # float64 numbers processed at once: 2 MB


@dataclass(frozen=True)
class Float64Tile:
    """The pairs of a tile that may matter, i < j, each once. A `square`, if given, is exact, and `ties` counts the
    pairs that each stands for; otherwise the pairs are still to be evaluated."""

    i: Tensor
    j: Tensor
    square: Tensor | None = None
    ties: Tensor | None = None


class Float64Tiles:
    """Tiles in float64 of the rows of a search, `size` rows to a block.

    Where products are exact, masses of ties are reduced to a few pairs and their number, or with `most` to that
    many pairs.
    """

    def __init__(self, centered: CenteredRows, size: int, most: int | None = None) -> None:
        self._centered, self._size, self._most = centered, size, most
        self._where = float64_device(centered.rows.device)

    def tiles(self, left: Tensor, right: Tensor, thresholds: Thresholds) -> Iterator[Float64Tile]:
        """The pairs of rows `left` (a,) with rows `right` (b,) that may still matter, tile by tile.

        Both are ascending indices, either the same or disjoint; for rows with themselves each pair is taken once.
        Each tile raises the `thresholds`.
        """
        same = torch.equal(left, right)
        parts = torch.split(right, self._rows_at_once) if len(right) else ()
        for at, rows in enumerate(torch.split(left, self._rows_at_once)):
            x = self._operand(rows)
            for partners in parts[at if same else 0 :]:
                squares = product(x, self._operand(partners, behind_witness=True)).cpu().mul_(-2)
                squares += self._norms[rows].to(squares)[:, None]
                squares += self._norms[partners].to(squares)
                if torch.equal(partners, rows):
                    squares.masked_fill_(torch.ones_like(squares, dtype=torch.bool).tril_(), -torch.inf)
                if not self.are_exact:
                    yield self._undecided(squares, rows, partners, thresholds)
                elif self._most is None:
                    yield _smallest_pairs(squares, rows, partners, thresholds.groups.copies)
                else:
                    yield _largest_pairs(squares, rows, partners, thresholds, self._most)

    @property
    def _rows_at_once(self) -> int:
        """The rows and columns of a tile: more of them where the dtype is smaller."""
        return 2 * self._size if self._exact_dtype is torch.float32 else self._size

    def _undecided(self, squares: Tensor, left: Tensor, right: Tensor, thresholds: Thresholds) -> Float64Tile:
        reach = float(self._centered.radius[left].max() + self._centered.radius[right].max())
        d = self._centered.rows.shape[1]
        slack = 4 * gamma(d + 8, torch.float64) * reach**2 + underflow(d)
        lower = torch.cat([squares.amax(dim=1), squares.amax(dim=0)]) - slack
        thresholds.at_least(torch.cat([left, right]), lower)
        threshold = torch.minimum(thresholds.of(left)[:, None], thresholds.of(right))
        row, column = (~(squares + slack < threshold)).nonzero(as_tuple=True)
        i, j = left[row], right[column]
        return Float64Tile(torch.minimum(i, j), torch.maximum(i, j))

    def _operand(self, index: Tensor, behind_witness: bool = False) -> Tensor:
        """The rows at `index` (m,), unchanged where products are exact, else centred, in float64, as an operand of
        `matmul.product`: left (m, d + 1), or right behind its witness (1 + m, d + 1)."""
        rows = self._centered.rows.index_select(0, index.to(self._centered.rows.device)).to(self._where)
        dtype = self._exact_dtype or torch.float64
        shape = behind_witness + len(index), rows.shape[1] + 1
        operand = torch.empty(shape, dtype=dtype, device=self._where)
        coordinates = scaled(rows.to(dtype), self._centered.shift) if self.are_exact else self._centred(rows)
        operand[behind_witness:, :-1] = coordinates
        operand[:, -1] = 1.0
        if behind_witness:
            write_witness(operand)
        return operand

    def _centred(self, rows: Tensor) -> Tensor:
        centre = self._centered.centre.to(self._where).to(torch.float64)
        return scaled_difference(rows.to(torch.float64), centre, self._centered.shift)

    @property
    def are_exact(self) -> bool:
        """Whether products of the rows are exact, so that masses of ties are reduced."""
        return self._exact_dtype is not None

    @cached_property
    def _exact_dtype(self) -> torch.dtype | None:
        """The narrowest type in which |x|^2 + |y|^2 - 2 x.y is exact for all rows.

        Their numbers are whole multiples of one power of two g, and |x|^2 <= 2^(p - 3) g^2, so that every partial
        sum is a whole number of g^2 that the type's p bits hold.
        """
        if self._centered.shift and self._centered.rows.dtype == torch.float64:
            return None
        largest = float(self._uncentred_norms.max()) * (1 + 1e-9)
        _, exponent = math.frexp(largest)  # |x|^2 < 2^exponent
        for dtype, bits, orders in ((torch.float32, 24, 80), (torch.float64, 53, 800)):
            grain = 2.0 ** -((bits - 3 - exponent) // 2)
            safe = math.isfinite(largest) and abs(exponent) <= orders  # no overflow, no underflow
            if safe and all(_are_whole(scaled(part, self._centered.shift) / grain) for part in self._blocks()):
                return dtype
        return None

    @cached_property
    def _norms(self) -> Tensor:
        """The coordinates' squared norms (n,) float64 on the CPU."""
        if self.are_exact:
            return self._uncentred_norms
        return torch.cat([self._centred(part).square_().sum(dim=1).cpu() for part in self._blocks()])

    @cached_property
    def _uncentred_norms(self) -> Tensor:
        blocks = (scaled(part, self._centered.shift) for part in self._blocks())
        return torch.cat([part.square().sum(dim=1).cpu() for part in blocks])

    def _blocks(self) -> Iterator[Tensor]:
        """The rows, uncentred, in float64."""
        for part in torch.split(self._centered.rows, max(1, _BLOCK // self._centered.rows.shape[1])):
            yield part.to(self._where).to(torch.float64)


def _are_whole(numbers: Tensor) -> bool:
    return torch.equal(numbers, numbers.round())


def _smallest_pairs(squares: Tensor, left: Tensor, right: Tensor, copies: Tensor) -> Float64Tile:
    """The first pair at the maximum of each row and column of exact squares (a, b); those of rows count the ties.

    Among them are the tile's farthest pair, the smallest among ties, and the next: if only one pair (p, q) is at
    the maximum, the next is at the maximum of its row, or if that row is p, of its column.
    """
    row_best, column_best = squares.amax(dim=1), squares.amax(dim=0)
    row_ties = squares == row_best[:, None]
    first_column = row_ties.to(torch.uint8).argmax(dim=1)
    first_row = (squares == column_best).to(torch.uint8).argmax(dim=0)
    row = torch.cat([torch.arange(len(left)), first_row])
    column = torch.cat([first_column, torch.arange(len(right))])
    ties = torch.cat([copies[left] * (row_ties * copies[right]).sum(dim=1), torch.zeros_like(right)])
    at, which = torch.unique(row * len(right) + column, return_inverse=True)
    ties = torch.zeros_like(at).scatter_reduce_(0, which, ties, "amax")
    return _pairs_at(squares, left, right, at, ties)


def _largest_pairs(squares: Tensor, left: Tensor, right: Tensor, thresholds: Thresholds, most: int) -> Float64Tile:
    """The `most` largest pairs of exact squares (a, b) that reach the thresholds, the smallest (i, j) first among
    ties."""
    threshold = torch.minimum(thresholds.of(left)[:, None], thresholds.of(right))
    at = (squares >= threshold).flatten().nonzero().flatten()
    if len(at) > most:
        i, j = left[at // len(right)], right[at % len(right)]
        by_name = torch.argsort(torch.minimum(i, j) * len(thresholds.groups.copies) + torch.maximum(i, j))
        by_square = squares.flatten()[at[by_name]].argsort(descending=True, stable=True)
        at = at[by_name[by_square[:most]]]
    return _pairs_at(squares, left, right, at, torch.ones_like(at))


def _pairs_at(squares: Tensor, left: Tensor, right: Tensor, at: Tensor, ties: Tensor) -> Float64Tile:
    """The pairs at places `at` (m,) of squares (a, b), except those at minus infinity, which are there twice."""
    square = squares.flatten()[at].to(torch.float64)
    real = square >= 0
    i, j = left[at // len(right)][real], right[at % len(right)][real]
    return Float64Tile(torch.minimum(i, j), torch.maximum(i, j), square[real], ties[real])
