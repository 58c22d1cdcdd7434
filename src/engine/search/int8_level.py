"""The screening level in whole numbers of eight bits: rows rounded to a grid, and a product without rounding.

Rows are turned first, each block of 64 coordinates y by a Hadamard matrix over 8, which is orthogonal: distances
stay, and a coordinate larger than the others is spread over its block. Then they are rounded to s z, s being one
step for all rows and z whole numbers from -127 to 127; numbers beyond are cut. What that takes from a row, e = y -
s z, is measured: E_i >= |e_i|, and M_i = |y_i| + E_i >= |s z_i|. With Cauchy and Schwarz, as in inequality (3) of
`precision`,

    |y_i - y_j|^2  <=  |y_i|^2 + |y_j|^2 - 2 s^2 z_i.z_j + 2 (E_i M_j + M_i E_j),

and for any t > 0, 2 E_i M_j <= t E_i^2 + M_j^2 / t, so that with

    a_i = (|y_i|^2 + t E_i^2 + M_i^2 / t) / (2 s^2)

a pair is at most 2 s^2 (a_i + a_j - z_i.z_j) apart, squared. It is discarded where z_i.z_j exceeds a_i + a_j - T_i
/ (2 s^2), T_i being what the row's pairs need less the slack. The product z_i.z_j is exact. The two sides of the
rest,

    l_i = a_i - T_i / (2 s^2) + m    and    r_j = a_j - m,

are rounded up to multiples of 127 and written into further columns, as numbers of eight bits that add up to them
against columns of 127s. Then the product itself is z_i.z_j - l_i - r_j, rounded down, and its sign decides.
Rounding up costs 127 of numbers that are some 10^5. A side below what its columns can say is raised to that, which
only weakens the bound.
"""

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from ..errors import ProofError
from .block_sizes import COORDINATES, TURNED, in_whole_blocks, most_int8
from .centered_rows import CenteredRows
from .int8 import LARGEST, MOST_TERMS
from .matmul import behind_witness, product
from .precision import VANISHING
from .rounding import gamma
from .workspace import Slot, Workspace

_BLOCK = 1 << 19  # float32 numbers rounded at once
_CUT = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)  # of the rows looked at, have no coordinate that a step tried cuts
_LEAST = 2.0**-20  # of the longest row: the least number that decides a step
_LARGEST_SIDE = 2.0**40  # whose rounding in float64 is nothing beside a hundredth of 127
_MULTIPLE = 16  # of which a factor's width is one, for a processor's instructions
_BITS = 8  # of the step: times whole numbers of seven bits it is exact in float32


@dataclass(frozen=True, eq=False)
class Int8Level:
    """Whole numbers z of all coordinates of some rows, `step` s apart.

    Row i's right factor is at `position[i]` (n,) of `factors` (m, width): z, columns of 127s, as many as the left
    side's part of the bound takes, and the right side's part. `own` (m,) float64 is a, `checksum` (m,) int32 what
    the witness of `int8.product` gives. `middle` is m, `left_columns` says where the columns of either side are.
    `cost` is how long a product takes for each coordinate, beside one in float32.
    """

    k: int
    step: float
    middle: float
    left_columns: slice
    right_columns: slice
    position: Tensor
    factors: Tensor
    slot: Slot | None
    own: Tensor
    checksum: Tensor
    cost: float

    def slack_for(self, largest: float) -> float:
        """The slack to add to the bound of a pair with r_i + r_j <= `largest`; the product itself is exact."""
        return _slack(self.k, largest)

    @property
    def width(self) -> int:
        """The numbers of a factor."""
        return self.factors.shape[1]

    def right(self, rows: Tensor, out: Tensor) -> Tensor:
        """Write the right factors of the rows at indices (m,) into `out` (m, width); return their checksums
        (m,)."""
        at = self._at(rows)
        torch.index_select(self.factors, 0, at, out=out)
        return self.checksum[at]

    def left(self, rows: Tensor, out: Tensor) -> Tensor:
        """Write the left factors of the rows at indices (m,), without thresholds, into `out` (1 + m, width),
        behind a witness; return their a (m,)."""
        at = self._at(rows)
        out[0] = LARGEST
        torch.index_select(self.factors, 0, at, out=out[1:])
        out[1:, self.right_columns] = LARGEST
        return self.own[at.cpu()]

    def write_less(self, out: Tensor, own: Tensor, less: Tensor) -> None:
        """Write thresholds `less` (m,) into the left factors `out` (1 + m, width) of rows with `own` (m,).

        Raises ProofError where a threshold is less than any was when the level was made.
        """
        _write(out[1:, self.left_columns], own - less / (2 * self.step**2) + self.middle)

    def _at(self, rows: Tensor) -> Tensor:
        if self.slot is not None:
            self.slot.checked()
        return self.position[rows.to(self.factors.device)]


def int8_level(
    centered: CenteredRows,
    index: Tensor,
    sample: Tensor,
    lowest: float,
    cost: float,
    workspace: Workspace | None = None,
) -> Int8Level | None:
    """The level for the rows at `index` (m,), no pair of which needs less than `lowest`, a squared distance; kept
    in the `workspace`, where there is one. None where the numbers beside the coordinates take too many columns, as
    where a few rows lie far out from all others, where sums could exceed 32 bits, or where the workspace has no
    room.

    The step is the one that takes least from the rows at `sample` (p,).
    """
    k = in_whole_blocks(centered.rows.shape[1])
    most = most_int8(k)
    if most > MOST_TERMS:
        return None
    looked_at = _turned(centered.centred(sample.to(centered.rows.device)))
    step, weight = _grid(centered, looked_at)
    shape = len(index), most
    slot = workspace.slot_if_room(COORDINATES, *shape, dtype=torch.int8) if workspace else None
    if workspace and slot is None:
        return None
    factors = torch.empty(shape, dtype=torch.int8, device=looked_at.device) if slot is None else slot.tensor
    own, sums = _rounded(centered, index, step, weight, factors[:, :k])
    middle = lowest / (4 * step**2)
    farthest = 2 * float(centered.radius[index].max())
    needed = (lowest - _slack(k, farthest)) / (2 * step**2)
    shares = [int(float(sides.abs().max()) / LARGEST**2) + 2 for sides in (own - needed + middle, own - middle)]
    if k + sum(shares) > most or max(middle, float(own.max())) > _LARGEST_SIDE:
        return None
    left, right = slice(k, k + shares[0]), slice(k + shares[0], k + sum(shares))
    factors = factors[:, : -(-(k + sum(shares)) // _MULTIPLE) * _MULTIPLE]
    factors[:, left], factors[:, right.stop :] = LARGEST, 0
    sums += LARGEST * shares[0] + _write(factors[:, right], own - middle)
    position = torch.full((len(centered.rows),), -1, dtype=torch.int64)
    position[index] = torch.arange(len(index))
    checksum = (LARGEST * sums).to(torch.int32).to(factors.device)
    return Int8Level(k, step, middle, left, right, position.to(factors.device), factors, slot, own, checksum, cost)


def left_by_int8(centered: CenteredRows, left: Tensor, right: Tensor, need: Tensor, largest: Tensor) -> Tensor:
    """Whether such a level would leave the pairs of rows at `left` (a,) and `right` (b,), as booleans (a, b), if
    they must reach the squared distances `need` and (r_i + r_j)^2 is `largest`, both (a, b)."""
    looked_at = _turned(centered.centred(torch.cat([left, right]).to(centered.rows.device)))
    step, weight = _grid(centered, looked_at)
    k, z, own = looked_at.shape[1], [], []
    for rows in (left, right):
        whole = torch.empty(len(rows), k, dtype=torch.int8, device=looked_at.device)
        own.append(_rounded(centered, rows, step, weight, whole)[0])
        z.append(whole.to(torch.float32))
    inner = torch.mm(z[0], z[1].T).cpu().to(torch.float64)
    bound = (own[0][:, None] + own[1] - inner) * (2 * step**2)
    return bound.add_(largest, alpha=_relative_slack(k)) >= need


def _slack(k: int, largest: float) -> float:
    """The slack of a pair with r_i + r_j <= `largest`: rounding in float32, and underflow."""
    return _relative_slack(k) * largest**2 + (k + 8) * 2.0**-120


def _relative_slack(k: int) -> float:
    """The rounding of centring and of the sum |y|^2 in float32, as a fraction of (r_i + r_j)^2."""
    return 2.0**-22 + gamma(k + 8)


def _rounded(
    centered: CenteredRows, index: Tensor, step: float, weight: float, out: Tensor
) -> tuple[Tensor, Tensor]:
    """Write z of the rows at `index` (m,) into `out` (m, k), int8; their a (m,), float64, and the sums of their z
    (m,), int64, both on the CPU. Raises ProofError where one is not finite."""
    k = out.shape[1]
    norm, lost, sums = torch.empty(3, len(index), dtype=torch.float32, device=out.device)
    at_once = max(1, _BLOCK // k)
    index = index.to(out.device)
    for start in range(0, len(index), at_once):
        part = slice(start, start + at_once)
        turned = _turned(centered.centred(index[part]))
        torch.linalg.vector_norm(turned, dim=1, out=norm[part])
        whole = (turned * (1 / step)).round_().clamp_(-LARGEST, LARGEST)
        out[part] = whole
        torch.sum(whole, dim=1, out=sums[part])  # exact: below 2^24
        torch.linalg.vector_norm(turned.sub_(whole.mul_(step)), dim=1, out=lost[part])
    off, vanished = 1 + gamma(k + 4), math.sqrt(k) * VANISHING
    y, e = (length.cpu().to(torch.float64) * off + vanished for length in (norm, lost))
    turning = math.sqrt(TURNED) * gamma(TURNED + 1) * y
    y, e = y + turning, e + turning
    own = (y.square() + weight * e.square() + (y + e).square() / weight) / (2 * step**2)
    if not bool(own.isfinite().all()):
        raise ProofError("a row is not finite in the whole numbers in which pairs are screened")
    return own, sums.cpu().to(torch.int64)


def _write(columns: Tensor, sides: Tensor) -> Tensor:
    """Write minus the `sides` (m,), float64, rounded up to multiples of 127, into `columns` (m, share), each a
    share's part of their 127th; what the columns add up to, (m,) int64 on the CPU.

    Raises ProofError where a side is more than the columns can say: the bound would not hold.
    """
    share = columns.shape[1]
    steps = (sides / LARGEST + 1.01).floor_().to(torch.int64).clamp_min_(-LARGEST * share)
    if bool((steps > LARGEST * share).any()):
        raise ProofError("a row's part of a bound is larger than its columns of whole numbers can say")
    each = steps.div(share, rounding_mode="floor")
    more = steps - each * share  # columns have one more
    columns.copy_((each[:, None] + (torch.arange(share) < more[:, None])).neg_())
    return -steps


def _grid(centered: CenteredRows, turned: Tensor) -> tuple[float, float]:
    """The step and the t of the docstring that take least from turned rows (m, k); no step so small, beside the
    longest of all rows, that numbers overflow."""
    largest = turned.abs().amax(dim=1).sort().values.clamp_min_(float(centered.radius.max()) * _LEAST)
    tried = [_short(float(largest[int(part * (len(largest) - 1))]) / LARGEST) for part in _CUT]
    losses = [_loss(turned, step) for step in tried]
    step, loss = min(zip(tried, losses, strict=True), key=lambda one: float(one[1].square().mean()))
    norm = torch.linalg.vector_norm(turned, dim=1)
    return step, max(1.0, float(((norm + loss) / loss.clamp_min(step / 2)).median()))


def _short(step: float) -> float:
    """A number of `_BITS` bits, about the `step`."""
    fraction, exponent = math.frexp(step)
    return math.ldexp(round(math.ldexp(fraction, _BITS)), exponent - _BITS)


def _loss(turned: Tensor, step: float) -> Tensor:
    """What rounding to whole numbers a `step` apart takes from turned rows (m, k): norms (m,)."""
    whole = (turned * (1 / step)).round_().clamp_(-LARGEST, LARGEST)
    norms: Tensor = torch.linalg.vector_norm(turned - whole.mul_(step), dim=1)
    return norms


def _turned(centred: Tensor) -> Tensor:
    """Rows (m, d) float32 with each block of coordinates turned by a Hadamard matrix, and filled up with zeros to
    whole blocks: (m, k).

    Each coordinate is off by gamma(65) times the norm of its block, a row by sqrt(64) gamma(65) times its own.
    """
    m, d = centred.shape
    filled = torch.nn.functional.pad(centred, (0, -d % TURNED)).view(-1, TURNED)
    return product(torch.nn.functional.pad(filled, (0, 1), value=1.0), _hadamard(centred.device)).reshape(m, -1)


@cache
def _hadamard(device: torch.device) -> Tensor:
    """A Hadamard matrix over sqrt(64) (64, 64), orthogonal, behind a witness: numbers 1/8 and -1/8."""
    matrix = torch.full((1, 1), 1 / math.sqrt(TURNED), dtype=torch.float32)
    while len(matrix) < TURNED:
        matrix = torch.cat([torch.cat([matrix, matrix], dim=1), torch.cat([matrix, -matrix], dim=1)])
    return behind_witness(matrix).to(device)
