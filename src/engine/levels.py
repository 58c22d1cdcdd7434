"""Upper bounds of distances for whole tiles of pairs, each by one matrix product.

A level gives every row a few coordinates p_i, k of them, and a residual q_i, such that for all pairs

    |x_i - x_j|^2  <=  |p_i - p_j|^2 + (q_i + q_j)^2 + slack (r_i + r_j)^2,                              (1)

r_i being the row's radius, an upper bound of |y_i| (see `space`). With b_i = |p_i|^2 + q_i^2 the first two
terms are b_i + b_j - 2 (p_i.p_j - q_i q_j), so -1/2 of them is the inner product of

    left_i  = [ -q_i, -b_i/2, 1, p_i ]    and    right_j = [ q_j, 1, -b_j/2, p_j ],                      (2)

and one GEMM bounds a tile. The deepest level has p_i = y_i, q_i = 0: it is the distance itself, but for rounding.
The GEMM may be carried out in a format narrower than float32 (`screen`), with b_i/2 in several parts.

Leading directions. For V (d, k) with |V'V - I| <= eta, p_i = V'y_i. The part of y_i - y_j inside V's range has
squared norm at most |V'(y_i - y_j)|^2 / (1 - eta); the part outside, at most the sum of the two rows' own parts
outside, q_i = sqrt(r_i^2 - |V'y_i|^2 / (1 + eta)) (Pythagoras, then the triangle inequality).

Rounding. With s = r_i + r_j: twice the product (2) is off by at most error(k) s^2, the screen's; b_i is a rounded
sum; fl(V'y_i) is off by at most sqrt(k) gamma(d) (1 + eta) r_i, once in q_i and once in p_i - p_j; y_i itself by
2^-24 r_i. `slack` adds these up, every one rounded upwards.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from .blocks import COORDINATES, Workspace
from .certify import gamma
from .products import product
from .screen import Screen
from .space import Space

_SAMPLE = 4096  # rows from which the leading directions are taken
_FAR = 4  # the power of a row's radius with which it counts among them
_BLOCK = 1 << 19  # float32 numbers centred and projected at once
_FEW_COLUMNS = 768  # whose directions are found by an eigendecomposition
_ITERATIONS = 3  # of subspace iteration; the bound holds for any V, more only sharpen it


Side = Literal["left", "right"]


@dataclass(frozen=True)
class Projection:
    """Coordinates of some rows along the leading directions, as the screen rounds them: row i's are the last k of
    `factors` (m, beside + k) at `position[i]` (n,). What stands beside them is a level's own."""

    position: Tensor
    factors: Tensor


@dataclass(frozen=True)
class Level:
    """One bound of the ladder: the first k coordinates, and the factor `slack` of inequality (1).

    `residual` and `half` (m,) hold q_i and b_i / 2 of the rows of the projection. The full level has neither:
    its coordinates are the centred rows themselves.
    """

    space: Space
    screen: Screen
    k: int
    slack: float
    projection: Projection | None = None
    residual: Tensor | None = None
    half: Tensor | None = None

    def slack_for(self, largest: float) -> float:
        """What is to be added to a bound of a pair with r_i + r_j <= `largest`, so that (1) holds."""
        return self.slack * largest**2 + (self.k + 8) * 2.0**-120


class Factors:
    """The left or right factors of (2) for some rows, at whichever level is asked for.

    Coordinates are gathered once: those of projected levels, which are views of the widest, and those of the full
    one. They are kept in the `workspace`, `first` rows into its part for this side, and overwrite what is there.
    """

    def __init__(self, rows: Tensor, side: Side, workspace: Workspace | None = None, first: int = 0) -> None:
        self.rows = rows
        self._side: Side = side
        self._workspace, self._first = workspace, first
        self._full: tuple[Screen, Tensor] | None = None
        self._projected: Tensor | None = None
        self._beside: Level | None = None

    def at(self, level: Level) -> Tensor:
        """(m, beside + k), the numbers beside the coordinates first; the next call may overwrite these."""
        if level.projection is None or level.residual is None or level.half is None:
            if self._full is None or self._full[0] is not level.screen:
                self._full = level.screen, self._gathered(level)
            return self._full[1]
        if self._projected is None:
            self._projected = self._gathered_projection(level.projection)
        factor = self._projected[:, : level.screen.beside + level.k]
        if self._beside is not level:
            at = level.projection.position[self.rows.to(level.half.device)]
            self._write_beside(factor, level.screen, level.residual[at], level.half[at])
            self._beside = level
        return factor

    def _gathered(self, level: Level) -> Tensor:
        """The full level's factors."""
        space, screen = level.space, level.screen
        like = torch.empty(0, dtype=screen.dtype(space.rows.device), device=space.rows.device)
        factor = self._place("", screen.beside + level.k, like)
        half = factor.new_empty(len(factor), dtype=torch.float32)
        rows = self.rows.to(factor.device)
        step = max(1, _BLOCK // level.k)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            coordinates = factor[part, screen.beside :]
            if screen.unit:
                centred = space.centred(rows[part])
                coordinates.copy_(screen.rounded(centred))
            else:
                centred = space.centred(rows[part], out=coordinates)
            half[part] = torch.linalg.vector_norm(centred, dim=1).square_().mul_(0.5)
        self._write_beside(factor, screen, torch.zeros_like(half), half)
        return factor

    def _gathered_projection(self, projection: Projection) -> Tensor:
        """Room for the factors of all projected levels, with the widest one's coordinates."""
        factors = projection.factors
        place = self._place("projected_", factors.shape[1], factors)
        return torch.index_select(factors, 0, projection.position[self.rows.to(factors.device)], out=place)

    def _place(self, kind: str, width: int, like: Tensor) -> Tensor:
        """Room for these rows' factors, of the type of those `like` them and where they are."""
        shape = len(self.rows), width
        if self._workspace is None:
            return like.new_empty(shape)
        return self._workspace.take(kind + self._side, *shape, first=self._first, dtype=like.dtype)

    def _write_beside(self, factor: Tensor, screen: Screen, residual: Tensor, half: Tensor) -> None:
        """q, the parts of b / 2 and as many ones, in the columns that this side has for them."""
        left, parts = self._side == "left", screen.parts
        factor[:, 0] = screen.rounded(-residual if left else residual)
        ours, ones = (1, 1 + parts) if left else (1 + parts, 1)
        factor[:, ones : ones + parts] = 1.0
        for at, part in enumerate(screen.split(-half), start=ours):
            factor[:, at] = part


def full_level(space: Space, screen: Screen) -> Level:
    """The deepest level: every coordinate of the centred rows."""
    d = space.rows.shape[1]
    return Level(space, screen, d, slack=screen.error(d) + gamma(d + 8))


def projected_levels(
    space: Space,
    screen: Screen,
    index: Tensor,
    basis: Tensor,
    widths: list[int],
    workspace: Workspace | None = None,
) -> list[Level]:
    """A level for each of `widths`, ascending, over the rows at `index` (m,), on the first columns of `basis`.

    The coordinates are kept in the `workspace`, where there is one.
    """
    d = space.rows.shape[1]
    basis = basis[:, : widths[-1]].contiguous()
    eta = _departure(basis)
    shape, dtype = (len(index), screen.beside + widths[-1]), screen.dtype(basis.device)
    room = workspace.take(COORDINATES, *shape, dtype=dtype) if workspace else None
    factors = basis.new_empty(shape, dtype=dtype) if room is None else room
    more = [k - narrower for narrower, k in itertools.pairwise([0, *widths])]
    squared_norms = basis.new_empty((len(widths), len(index)))
    step = max(1, _BLOCK // d)
    for start in range(0, len(index), step):
        part = slice(start, start + step)
        found = product(space.centred(index[part].to(basis.device)), basis)
        factors[part, screen.beside :] = screen.rounded(found)
        sums = [columns.sum(dim=1) for columns in torch.split(found.square_(), more, dim=1)]
        torch.cumsum(torch.stack(sums), dim=0, out=squared_norms[:, part])
    position = torch.full((len(space.rows),), -1, dtype=torch.int64)
    position[index] = torch.arange(len(index))
    projection = Projection(position.to(basis.device), factors)
    radius = space.radius[index]
    levels = []
    for k, squares in zip(widths, squared_norms.cpu().to(torch.float64), strict=True):
        off = math.sqrt(k) * gamma(d) * (1 + eta)
        inner = (squares.sqrt() * (1 - gamma(k + 4)) - off * radius).clamp_min_(0.0).square_() / (1 + eta)
        residual = (radius.square() - inner).clamp_min_(0.0).sqrt_() * (1 + 1e-6)
        half = (squares + residual.square()) / 2
        slack = 3 * off + 2 * eta + screen.error(k) + gamma(k + 8) + gamma(4)
        on_device = (part.to(torch.float32).to(basis.device) for part in (residual, half))
        levels.append(Level(space, screen, k, slack, projection, *on_device))
    return levels


def _departure(basis: Tensor) -> float:
    """An upper bound of |V'V - I| for V (d, k) float32."""
    gram = -torch.eye(basis.shape[1], dtype=torch.float64)
    for part in torch.split(basis, 256):
        wide = part.cpu().to(torch.float64)
        gram.addmm_(wide.T, wide)
    return float(torch.linalg.matrix_norm(gram)) * (1 + 1e-6) + 1e-12


def leading_directions(space: Space, index: Tensor, k: int, workspace: Workspace | None = None) -> Tensor:
    """V (d, k) float32: nearly orthonormal directions in which the rows at `index` spread most.

    Rows count by the fourth power of their radius, since it is the pairs of far rows that are hard to discard.
    Of a sample, and the first columns of V serve the narrower levels too: the eigenvectors of its second moments
    where d is small, else by subspace iteration (Halko, Martinsson and Tropp, 2011, algorithm 4.4).
    """
    device = space.rows.device
    sampled = index[:: max(1, len(index) // _SAMPLE)]
    weight = ((space.radius[sampled] / space.radius[sampled].max()) ** _FAR).to(torch.float32).to(device)
    shape = len(sampled), space.rows.shape[1]
    sample = workspace.scratch(*shape) if workspace else torch.empty(shape, device=device)
    step = max(1, _BLOCK // sample.shape[1])
    for first in range(0, len(sampled), step):
        part = slice(first, first + step)
        space.centred(sampled[part].to(device), out=sample[part]).mul_(weight[part, None])
    if sample.shape[1] <= _FEW_COLUMNS:
        by_rising_spread: Tensor = torch.linalg.eigh((sample.T @ sample).cpu()).eigenvectors
        return by_rising_spread[:, -k:].flip(1).contiguous().to(device)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn((sample.shape[1], k), generator=generator).to(device)
    basis: Tensor = torch.linalg.qr(start).Q
    for _ in range(_ITERATIONS):
        basis = torch.linalg.qr(sample.T @ (sample @ basis)).Q
    return basis.contiguous()
