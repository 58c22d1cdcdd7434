"""Upper bounds of distances for whole tiles of pairs, each by one matrix product.

A level gives every row a few coordinates p_i, k of them, and a residual q_i, such that for all pairs

    |x_i - x_j|^2  <=  |p_i - p_j|^2 + (q_i + q_j)^2 + slack (r_i + r_j)^2,                              (1)

r_i being the row's radius, an upper bound of |y_i| (see `centered_rows`). With b_i = |p_i|^2 + q_i^2 the first two
terms are b_i + b_j - 2 (p_i.p_j - q_i q_j), so -1/2 of them is the inner product of

    left_i  = [ -q_i, -b_i/2, 1, p_i ]    and    right_j = [ q_j, 1, -b_j/2, p_j ],                      (2)

and one GEMM bounds a tile. The full level has p_i = y_i, q_i = 0: it is the distance itself except for rounding.
The GEMM may use a format narrower than float32, with b_i/2 in two parts and an allowance for rounding the
coordinates (`precision`, inequality (3)).

A threshold may be part of the product: with (a_i - b_i)/2 for -b_i/2 on the left it is -1/2 of the bound less a_i,
and a pair matters only where it is zero or less.

Leading directions. For V (d, k) with |V'V - I| <= eta, p_i = V'y_i. The part of y_i - y_j inside V's range has
squared norm at most |V'(y_i - y_j)|^2 / (1 - eta); the part outside, at most the sum of the two rows' own parts
outside, q_i = sqrt(r_i^2 - |V'y_i|^2 / (1 + eta)) (Pythagoras, then the triangle inequality).

Rounding. With s = r_i + r_j: twice the product (2) is off by at most error(k) s^2, the precision's; b_i is a
rounded sum; fl(V'y_i) is off by at most sqrt(k) gamma(d) (1 + eta) r_i, once in q_i and once in p_i - p_j; y_i
itself by 2^-24 r_i. `slack` adds these up, every one rounded upwards.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import ProofError
from ..memory import memory_ran_out
from .block_sizes import COORDINATES
from .centered_rows import CenteredRows
from .int8_level import Int8Level
from .matmul import behind_witness, product, witness_of
from .precision import VANISHING, Precision
from .rounding import gamma
from .workspace import Slot, Workspace

_SAMPLE = 4096  # rows from which the leading directions are computed
_FAR = 4  # the power of its radius by which a row is weighted among them
_BLOCK = 1 << 19  # float32 numbers centred and projected at once
_MOST_SKEWED = 0.1  # of |V'V - I|: with more, a level's bounds are weak
_FEW_COLUMNS = 768  # columns for which directions are found by an eigendecomposition
_ITERATIONS = 3  # steps of subspace iteration; the bound holds for any V, more steps only sharpen it


Side = Literal["left", "right"]


@dataclass(frozen=True)
class Projection:
    """Coordinates of some rows along the leading directions, rounded to the precision: those of row i are the last
    k of `factors` (m, beside + k) at `position[i]` (n,). The numbers beside them are written by each level."""

    position: Tensor
    factors: Tensor
    slot: Slot | None = None

    def checked(self) -> Tensor:
        """The factors. Raises ProofError where their slot was overwritten."""
        return self.factors if self.slot is None else self.slot.checked()


@dataclass(frozen=True, eq=False)
class Level:
    """One of the screening levels: the first k coordinates, and the factor `slack` of inequality (1).

    `residual` and `half` (m,) hold q_i and b_i / 2 of the rows of the projection, and in a narrow format `lost`
    the norms of what rounding takes from their coordinates. The full level has none of these: its coordinates are
    the centred rows.
    """

    centered: CenteredRows
    precision: Precision
    k: int
    slack: float
    projection: Projection | None = None
    residual: Tensor | None = None
    half: Tensor | None = None
    lost: Tensor | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slack) and self.slack >= 0):
            raise ProofError(f"the slack of a level of {self.k} coordinates is {self.slack}")

    @property
    def cost(self) -> float:
        """The approximate time of a product for each coordinate, relative to float32."""
        return self.precision.cost(self.centered.rows.device)

    def slack_for(self, largest: float, most: float | None = None) -> float:
        """The slack to add to the bound of a pair with r_i + r_j <= `largest`, so that (1) holds.

        Where thresholds of up to `most`, less this slack, are part of the product, they are among the numbers that
        it adds up, and its error is error(k) max(most, slack) more. The factor 1.001 covers their own rounding.
        """
        slack = self.slack * largest**2 + (self.k + 8) * 2.0**-120
        if most is None:
            return slack
        error = 1.001 * self.precision.error(self.k)
        if not error < 1:
            raise ProofError(f"a product of {self.k} coordinates may be off by all of a threshold")
        return (slack + error * most) / (1 - error)


class Factors:
    """The left or right factors of (2) for some rows, at any level.

    Coordinates are gathered once for the projected levels, which are views of the widest, and once for the full
    level. They are placed in the `workspace`, from row `first` of its part for this side on, and gathered again
    after they were overwritten. Left factors begin with a witness (see `matmul`).
    """

    def __init__(self, rows: Tensor, side: Side, workspace: Workspace | None = None, first: int = 0) -> None:
        self.rows = rows
        self._side: Side = side
        self._workspace, self._first = workspace, first
        self._full: _Placed | None = None
        self._projected: _Placed | None = None
        self._int8: _Placed | None = None

    def at(self, level: Level, less: Tensor | None = None) -> Tensor:
        """The factors (m, width), or (1 + m, width) with the witness, the numbers beside the coordinates first;
        the next call may overwrite them.

        Products of left factors are -1/2 of bounds; with thresholds `less` (m,) float64, of bounds less these,
        which are rounded down. Raises ProofError where a threshold is not finite, or a row in a narrow format.
        """
        if level.projection is None or level.residual is None or level.half is None:
            if self._full is None or self._full.level is not level or not self._full.held:
                self._full = self._gathered(level)
            placed = self._full
            factor = placed.tensor
        else:
            if self._projected is None or not self._projected.held:
                self._projected = self._gathered_projection(level, level.projection)
            placed = self._projected
            factor = placed.tensor[:, : level.precision.beside + level.k]
            if placed.level is not level or placed.half is None:
                at = level.projection.position[self.rows.to(level.half.device)]
                lost = None if level.lost is None else level.lost[at]
                placed.level, placed.half = level, level.half[at]
                self._write_beside(factor, level, level.residual[at], placed.half, lost)
                placed.is_less = False
        assert placed.half is not None
        if less is not None or placed.is_less:
            self._write_own(factor, level.precision, _half_less(placed.half, less))
            placed.is_less = less is not None
        return factor

    def in_int8(self, level: Int8Level, less: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The factors of the level in whole numbers, (1 + m, width) with thresholds `less` (m,) float64 on the
        left, (m, width) on the right; and the right ones' checksums (m,)."""
        placed = self._int8
        if placed is None or placed.level is not level or not placed.held:
            tensor, slot = self._place("", level.width, level.factors)
            number = (level.left if self._side == "left" else level.right)(self.rows, tensor)
            placed = self._int8 = _Placed(tensor, slot, level, number)
        assert placed.half is not None
        if less is not None:
            level.write_less(placed.tensor, placed.half, less)
        return placed.tensor, placed.half

    @property
    def _witnesses(self) -> int:
        return 1 if self._side == "left" else 0

    def _gathered(self, level: Level) -> "_Placed":
        """The full level's factors."""
        centered, precision = level.centered, level.precision
        like = torch.empty(0, dtype=precision.dtype(centered.rows.device), device=centered.rows.device)
        end = precision.beside + level.k
        tensor, slot = self._place("", precision.padded(end), like)
        factor = tensor[self._witnesses :]
        half, lost = factor.new_empty((2, len(factor)), dtype=torch.float32)
        rows = self.rows.to(factor.device)
        step = max(1, _BLOCK // level.k)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            coordinates = factor[part, precision.beside : end]
            centred = centered.centred(rows[part], out=None if precision.rounds else coordinates)
            half[part] = torch.linalg.vector_norm(centred, dim=1).square_().mul_(0.5)
            if precision.rounds:
                precision.round_into(coordinates, centred)
                rounding = torch.linalg.vector_norm(centred.sub_(coordinates), dim=1)
                lost[part] = precision.lost(rounding.square_(), level.k)
        factor[:, end:] = 0.0
        self._write_beside(tensor, level, torch.zeros_like(half), half, lost if precision.rounds else None)
        return _Placed(tensor, slot, level, half)

    def _gathered_projection(self, level: Level, projection: "Projection") -> "_Placed":
        """The factors of all projected levels, with the coordinates of the widest."""
        factors = projection.checked()
        tensor, slot = self._place("projected_", factors.shape[1], factors)
        at = projection.position[self.rows.to(factors.device)]
        torch.index_select(factors, 0, at, out=tensor[self._witnesses :])
        return _Placed(tensor, slot, level)

    def _place(self, kind: str, width: int, like: Tensor) -> tuple[Tensor, Slot | None]:
        """Memory for these rows' factors, with the dtype and device of `like`."""
        shape = self._witnesses + len(self.rows), width
        if self._workspace is None:
            return like.new_empty(shape), None
        slot = self._workspace.slot(kind + self._side, *shape, first=self._first, dtype=like.dtype)
        return slot.tensor, slot

    def _write_beside(
        self, factor: Tensor, level: Level, residual: Tensor, half: Tensor, lost: Tensor | None
    ) -> None:
        """Write q, as many ones as b / 2 has parts, in a narrow format the two numbers of (3), and the witness, in
        this side's columns."""
        precision, left = level.precision, self._side == "left"
        if left:
            factor[0] = 0.0
            factor[0, 1] = witness_of(precision.unit)  # where right factors have a one
        beside = factor[self._witnesses :, : precision.beside]
        rounded = precision.rounded(residual)
        beside[:, 0] = -rounded if left else rounded
        beside[:, 1:] = 0.0
        ones = 1 + precision.parts if left else 1
        beside[:, ones : ones + precision.parts] = 1.0
        self._write_own(factor, precision, -half)
        if lost is not None:
            norm = (half * 2).sqrt() * (1 + gamma(level.k + 8)) + math.sqrt(level.k) * VANISHING
            lost = (lost.square() + (residual - rounded).square()).sqrt()
            if not bool((norm + lost).isfinite().all()):
                raise ProofError("a row is not finite in the format in which pairs are screened")
            end = 1 + 2 * precision.parts
            beside[:, end] = -precision.rounded_up(lost) if left else precision.rounded_up(norm)
            beside[:, end + 1] = -precision.rounded_up(norm + lost) if left else precision.rounded_up(lost)

    def _write_own(self, factor: Tensor, precision: Precision, number: Tensor) -> None:
        """Write the parts of `number` (m,), -b / 2 or more, in this side's columns."""
        ours = 1 if self._side == "left" else 1 + precision.parts
        for at, part in enumerate(precision.split(number), start=ours):
            factor[self._witnesses :, at] = part


@dataclass
class _Placed:
    """Factors, their slot in a workspace, and what they hold: the level whose numbers stand beside the
    coordinates, the rows' b / 2 at that level (for whole numbers their a, or checksums), and whether thresholds
    are among them."""

    tensor: Tensor
    slot: Slot | None
    level: Level | Int8Level
    half: Tensor | None = None
    is_less: bool = False

    @property
    def held(self) -> bool:
        return self.slot is None or self.slot.held


def _half_less(half: Tensor, less: Tensor | None) -> Tensor:
    """(less - b) / 2 (m,) float32 on the device of `half`, b / 2 (m,), rounded down; exactly -b / 2 without
    `less`.

    The threshold is rounded down; the difference is off by 2^-24 of itself, and 2^-22 of it is subtracted.
    """
    if less is None:
        return -half
    if not bool(less.isfinite().all()):
        raise ProofError("a threshold of a screening level is not finite")
    rounded = less.to(torch.float32)
    rounded = rounded.nextafter(torch.full_like(rounded, -torch.inf)).mul_(0.5).to(half.device)
    number = rounded.sub_(half)
    return number.sub_(number.abs().mul_(2.0**-22))


def full_level(centered: CenteredRows, precision: Precision) -> Level:
    """The full level: every coordinate of the centred rows."""
    d = centered.rows.shape[1]
    return Level(centered, precision, d, slack=precision.error(d) + gamma(d + 8))


def projected_levels(
    centered: CenteredRows,
    precision: Precision,
    index: Tensor,
    basis: Tensor,
    widths: list[int],
    workspace: Workspace | None = None,
) -> list[Level]:
    """A level for each of `widths`, ascending, over the rows at `index` (m,), on the first columns of `basis`.

    The coordinates are kept in the `workspace`, if given. There are no levels where the basis is not finite, or
    too far from orthonormal to bound anything.
    """
    d = centered.rows.shape[1]
    basis = basis[:, : widths[-1]].contiguous()
    eta = _departure(basis)
    if not eta < _MOST_SKEWED:
        return []
    shape, dtype = (len(index), precision.beside + widths[-1]), precision.dtype(basis.device)
    slot = workspace.slot(COORDINATES, *shape, dtype=dtype) if workspace else None
    factors = basis.new_empty(shape, dtype=dtype) if slot is None else slot.tensor
    factors[:, : precision.beside] = 0.0
    more = [k - narrower for narrower, k in itertools.pairwise([0, *widths])]
    squared_norms, squared_losses = basis.new_zeros((2, len(widths), len(index)))
    behind = behind_witness(basis.T)
    for part, block in centered.blocks(index):
        found = product(block, behind)
        rounded = factors[part, precision.beside :]
        precision.round_into(rounded, found)
        _accumulate(found.square(), more, squared_norms[:, part])
        if precision.rounds:
            _accumulate((found - rounded).square_(), more, squared_losses[:, part])
    position = torch.full((len(centered.rows),), -1, dtype=torch.int64)
    position[index] = torch.arange(len(index))
    projection = Projection(position.to(basis.device), factors, slot)
    radius = centered.radius[index]
    levels = []
    for k, squares, losses in zip(widths, squared_norms.cpu().to(torch.float64), squared_losses, strict=True):
        off = math.sqrt(k) * gamma(d) * (1 + eta)
        inner = (squares.sqrt() * (1 - gamma(k + 4)) - off * radius).clamp_min_(0.0).square_() / (1 + eta)
        residual = (radius.square() - inner).clamp_min_(0.0).sqrt_() * (1 + 1e-6)
        half = (squares + residual.square()) / 2
        slack = 3 * off + 2 * eta + precision.error(k) + gamma(k + 8) + gamma(4)
        q, b = (part.to(torch.float32).to(basis.device) for part in (residual, half))
        lost = precision.lost(losses, k) if precision.rounds else None
        levels.append(Level(centered, precision, k, slack, projection, q, b, lost))
    return levels


def _accumulate(squares: Tensor, more: list[int], out: Tensor) -> None:
    """The sums of the first, of the first two, ... of the blocks of `more` columns each of `squares` (m, k), into
    `out` (blocks, m)."""
    sums = [columns.sum(dim=1) for columns in torch.split(squares, more, dim=1)]
    for at, total in enumerate(itertools.accumulate(sums)):
        out[at] = total


def _departure(basis: Tensor) -> float:
    """An upper bound of |V'V - I| for V (d, k) float32; not a number where V is not finite."""
    gram = -torch.eye(basis.shape[1], dtype=torch.float64)
    for part in torch.split(basis, 256):
        wide = part.cpu().to(torch.float64)
        gram.addmm_(wide.T, wide)
    return float(gram.square().sum().sqrt()) * (1 + 1e-6) + 1e-12


def leading_directions(
    centered: CenteredRows, index: Tensor, k: int, workspace: Workspace | None = None
) -> Tensor | None:
    """V (d, k) float32: nearly orthonormal directions in which the rows at `index` spread most; None where the
    library finds none that are finite.

    Rows are weighted by the fourth power of their radius, because the pairs of far rows are hard to discard. V
    holds the eigenvectors of a sample's second moments where d is small, else the result of subspace iteration
    (Halko, Martinsson and Tropp, 2011, algorithm 4.4). Its first columns serve the narrower levels too.
    """
    device = centered.rows.device
    sampled = index[:: max(1, len(index) // _SAMPLE)]
    weight = ((centered.radius[sampled] / centered.radius[sampled].max()) ** _FAR).to(torch.float32).to(device)
    shape = len(sampled), centered.rows.shape[1]
    if workspace:
        sample = workspace.scratch(*shape).tensor
    else:
        sample = torch.empty(shape, dtype=torch.float32, device=device)
    step = max(1, _BLOCK // sample.shape[1])
    for first in range(0, len(sampled), step):
        part = slice(first, first + step)
        centered.centred(sampled[part].to(device), out=sample[part]).mul_(weight[part, None])
    try:
        basis = _spread_of(sample, k)
    except RuntimeError as error:  # torch's linear algebra errors are RuntimeErrors
        if memory_ran_out(error):
            raise
        return None
    return basis if bool(basis.isfinite().all()) else None


def _spread_of(sample: Tensor, k: int) -> Tensor:
    """The k directions (d, k) in which a sample (m, d) spreads most, most first."""
    if sample.shape[1] <= _FEW_COLUMNS:
        by_rising_spread: Tensor = torch.linalg.eigh((sample.T @ sample).cpu()).eigenvectors
        return by_rising_spread[:, -k:].flip(1).contiguous().to(sample.device)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn((sample.shape[1], k), generator=generator, dtype=torch.float32).to(sample.device)
    basis: Tensor = torch.linalg.qr(start).Q
    for _ in range(_ITERATIONS):
        basis = torch.linalg.qr(sample.T @ (sample @ basis)).Q
    return basis.contiguous()
