"""Tiles in which too many pairs are too close to call in float32: the whole tile in float64 at once.

Rows on a sphere, one-hot rows, the corners of a cube: there float32 leaves not a few candidates but a mass.
One float64 product per tile decides most of them. Where the rows lie on a grid coarse enough for that product
to be exact, equal distances are known to be equal, and of a mass of ties only the smallest pair of each row is
kept, with their number.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .certify import gamma
from .space import Space, scaled

Raise = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class DenseTile:
    """Pairs of a tile, i < j, that may matter. Where `square` is given it is exact, and `ties` counts the pairs
    of rows that each stands for; where not, the pairs are still to be evaluated."""

    i: Tensor
    j: Tensor
    square: Tensor | None = None
    ties: Tensor | None = None


def evaluate(space: Space, copies: Tensor, left: Tensor, right: Tensor, raise_bounds: Raise) -> DenseTile:
    """The pairs of rows `left` (a,) with rows `right` (b,) that may still matter.

    Both are ascending indices, either the same or disjoint; of a tile with itself each pair is taken once.
    `copies` (n,) counts the rows for which each row stands. `raise_bounds(rows, squares)` is told lower bounds
    of the squared distance to each row's farthest partner and answers with what is then `needed` (n,).
    Uses about 16 (a + b) d + 24 a b bytes.
    """
    where = torch.device("cpu") if space.rows.device.type == "mps" else space.rows.device
    x, y = (
        scaled(space.rows[part.to(space.rows.device)].to(where, torch.float64), space.scale)
        for part in (left, right)
    )
    exact = _on_a_grid(x, y) and (space.scale == 1.0 or space.rows.dtype == torch.float32)
    if not exact:
        x, y = x - space.centre.to(x), y - space.centre.to(y)
    squares = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1) - 2 * (x @ y.T)
    squares = squares.cpu()
    if torch.equal(left, right):
        squares.masked_fill_(torch.ones_like(squares, dtype=torch.bool).tril_(), -1.0)
    if exact:
        return _smallest_pairs(squares, left, right, copies)
    reach = float(space.radius[left].max() + space.radius[right].max())
    slack = 4 * gamma(x.shape[1] + 8, torch.float64) * reach**2
    lower = torch.cat([squares.amax(dim=1), squares.amax(dim=0)]) - slack
    needed = raise_bounds(torch.cat([left, right]), lower)
    row, column = (squares + slack >= torch.minimum(needed[left][:, None], needed[right])).nonzero(as_tuple=True)
    i, j = left[row], right[column]
    return DenseTile(torch.minimum(i, j), torch.maximum(i, j))


def _on_a_grid(x: Tensor, y: Tensor) -> bool:
    """Whether |x|^2 + |y|^2 - 2 x.y is exact in float64: all numbers are whole multiples of one power of two g,
    and |x|^2, |y|^2 <= 2^50 g^2, so that every partial sum is a whole number of g^2 below 2^53."""
    largest = max(float(x.square().sum(dim=1).max()), float(y.square().sum(dim=1).max()))
    if largest == 0.0:
        return True
    grain = 2.0 ** math.ceil((math.log2(largest) - 50) / 2 + 1e-9)
    return all(bool((torch.remainder(part / grain, 1.0) == 0).all()) for part in (x, y))


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
    return DenseTile(torch.minimum(i, j)[real], torch.maximum(i, j)[real], square[real], ties[real])
