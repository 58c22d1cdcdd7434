"""Upper bounds of distances for whole tiles of pairs, each by one matrix product.

A level gives every row a few coordinates p_i, k of them, and a residual q_i, such that for all pairs

    |x_i - x_j|^2  <=  |p_i - p_j|^2 + (q_i + q_j)^2 + slack (r_i + r_j)^2,                              (1)

r_i being the row's radius, an upper bound of |y_i| (see `space`). With b_i = |p_i|^2 + q_i^2 the first two
terms are b_i + b_j - 2 (p_i.p_j - q_i q_j), so -1/2 of them is the inner product of

    left_i  = [ p_i, -q_i, -b_i/2, 1 ]    and    right_j = [ p_j, q_j, 1, -b_j/2 ],                      (2)

and one GEMM bounds a tile. The deepest level has p_i = y_i, q_i = 0: it is the distance itself, but for rounding.

Leading directions. For V (d, k) with |V'V - I| <= eta, p_i = V'y_i. The part of y_i - y_j inside V's range has
squared norm at most |V'(y_i - y_j)|^2 / (1 - eta); the part outside, at most the sum of the two rows' own parts
outside, q_i = sqrt(r_i^2 - |V'y_i|^2 / (1 + eta)) (Pythagoras, then the triangle inequality).

Rounding. With s = r_i + r_j: the product (2) has k + 3 terms, whose magnitudes sum to at most s^2/2, twice
counted; b_i is a rounded sum; fl(V'y_i) is off by at most sqrt(k) gamma(d) (1 + eta) r_i, once in q_i and once
in p_i - p_j; y_i itself by 2^-24 r_i. `slack` adds these up, every one rounded upwards.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .certify import gamma
from .space import Space

_SAMPLE = 4096  # rows from which the leading directions are taken
_FAR = 4  # the power of a row's radius with which it counts among them
_BLOCK = 1 << 20  # float32 numbers projected at once
_ITERATIONS = 3  # of subspace iteration; the bound holds for any V, more only sharpen it


@dataclass(frozen=True)
class Projection:
    """Coordinates (m, k) of some rows along the leading directions; row i's are at `position[i]` (n,)."""

    position: Tensor
    coordinates: Tensor


@dataclass(frozen=True)
class Level:
    """One bound of the ladder: the first k coordinates, and the factor `slack` of inequality (1).

    `residual` and `half` (m,) hold q_i and b_i / 2 of the rows of the projection. The full level has neither:
    its coordinates are the centred rows themselves.
    """

    space: Space
    k: int
    slack: float
    projection: Projection | None = None
    residual: Tensor | None = None
    half: Tensor | None = None

    def slack_for(self, largest: float) -> float:
        """What is to be added to a bound of a pair with r_i + r_j <= `largest`, so that (1) holds."""
        return self.slack * largest**2 + (self.k + 8) * 2.0**-120


class Factors:
    """The factors of (2) for some rows, at whichever level is asked for; coordinates are gathered once for all.

    The three numbers beside the coordinates come first, so that narrower levels are views of the widest.
    """

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows
        self._projected: dict[bool, Tensor] = {}
        self._full: dict[bool, tuple[Tensor, Tensor]] = {}

    def left(self, level: Level) -> Tensor:
        """[-q_i, -b_i/2, 1, p_i] (m, 3 + k); overwritten by the next call of `left`."""
        factor, residual, half = self._parts(level, True)
        factor[:, 0], factor[:, 1], factor[:, 2] = -residual, -half, 1.0
        return factor

    def right(self, level: Level) -> Tensor:
        """[q_j, 1, -b_j/2, p_j] (m, 3 + k); overwritten by the next call of `right`."""
        factor, residual, half = self._parts(level, False)
        factor[:, 0], factor[:, 1], factor[:, 2] = residual, 1.0, -half
        return factor

    def _parts(self, level: Level, left: bool) -> tuple[Tensor, Tensor, Tensor]:
        """The factor with its coordinates filled in, the residuals and the halves of the rows."""
        rows = self.rows.to(level.space.rows.device)
        if level.projection is None or level.residual is None or level.half is None:
            if left not in self._full:
                factor = level.space.rows.new_empty((len(rows), 3 + level.k), dtype=torch.float32)
                coordinates = level.space.centred(rows, out=factor[:, 3:])
                half = torch.linalg.vector_norm(coordinates, dim=1).square_().mul_(0.5)
                self._full[left] = factor, half
            factor, half = self._full[left]
            return factor, torch.zeros_like(half), half
        at = level.projection.position[rows]
        if left not in self._projected:
            coordinates = level.projection.coordinates
            factor = coordinates.new_empty((len(rows), 3 + coordinates.shape[1]))
            factor[:, 3:] = coordinates[at]
            self._projected[left] = factor
        return self._projected[left][:, : 3 + level.k], level.residual[at], level.half[at]


def full_level(space: Space) -> Level:
    """The deepest level: every coordinate of the centred rows."""
    d = space.rows.shape[1]
    return Level(space, d, slack=2 * gamma(d + 8))


def projected_levels(space: Space, index: Tensor, basis: Tensor, widths: list[int]) -> list[Level]:
    """A level for each of `widths`, ascending, over the rows at `index` (m,), on the first columns of `basis`."""
    d = space.rows.shape[1]
    basis = basis[:, : widths[-1]].contiguous()
    gram = basis.to("cpu", torch.float64).T @ basis.to("cpu", torch.float64)
    eta = float(torch.linalg.matrix_norm(gram - torch.eye(widths[-1], dtype=torch.float64))) * (1 + 1e-6) + 1e-12
    coordinates = basis.new_empty((len(index), widths[-1]))
    squared_norms = basis.new_empty((len(widths), len(index)))
    step = max(1, _BLOCK // d)
    for start in range(0, len(index), step):
        part = slice(start, start + step)
        block = torch.mm(space.centred(index[part].to(basis.device)), basis, out=coordinates[part]).square()
        for at, k in enumerate(widths):
            torch.sum(block[:, :k], dim=1, out=squared_norms[at, part])
    position = torch.full((len(space.rows),), -1, dtype=torch.int64)
    position[index] = torch.arange(len(index))
    projection = Projection(position.to(basis.device), coordinates)
    radius = space.radius[index]
    levels = []
    for k, squares in zip(widths, squared_norms.to("cpu", torch.float64), strict=True):
        off = math.sqrt(k) * gamma(d) * (1 + eta)
        inner = (squares.sqrt() * (1 - gamma(k + 4)) - off * radius).clamp_min_(0.0).square_() / (1 + eta)
        residual = (radius.square() - inner).clamp_min_(0.0).sqrt_() * (1 + 1e-6)
        half = (squares + residual.square()) / 2
        slack = 3 * off + 2 * eta + 2 * gamma(k + 8) + gamma(4)
        levels.append(
            Level(
                space, k, slack, projection, *(part.to(basis.device, torch.float32) for part in (residual, half))
            )
        )
    return levels


def leading_directions(space: Space, index: Tensor, k: int) -> Tensor:
    """V (d, k) float32: nearly orthonormal directions in which the rows at `index` spread most.

    Rows count by the fourth power of their radius, since it is the pairs of far rows that are hard to discard.
    Subspace iteration on a sample (Halko, Martinsson and Tropp, 2011, algorithm 4.4), so that the first
    columns of V serve the narrower levels too.
    """
    device = space.rows.device
    sampled = index[:: max(1, len(index) // _SAMPLE)]
    weight = (space.radius[sampled] / space.radius[sampled].max()) ** _FAR
    sample = space.centred(sampled.to(device)).mul_(weight.to(device, torch.float32)[:, None])
    generator = torch.Generator().manual_seed(0)
    start = torch.randn((sample.shape[1], k), generator=generator).to(device)
    basis: Tensor = torch.linalg.qr(start).Q
    for _ in range(_ITERATIONS):
        basis = torch.linalg.qr(sample.T @ (sample @ basis)).Q
    return basis.contiguous()
