"""The centered rows of a search: shifted to a centre near which they lie, and scaled to a range without overflow.

Distances do not change when one vector c is subtracted from every row. Near the centre of the rows the GEMM form
|y_i|^2 + |y_j|^2 - 2 y_i.y_j, y = x - c, loses little to cancellation; far from it, everything. Any c is valid;
the mean of a few hundred rows is a good one.

Rounding y_i = fl(x_i - c) is off by at most u |y_i| in norm, so |x_i - x_j| and |y_i - y_j| differ by at most
u (|y_i| + |y_j|), which the slack of `screening_levels` covers. Squares of float32 overflow beyond 2^63
and vanish below 2^-63; rows outside a safe range are multiplied by one power of two, which is exact.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import ProofError
from .matmul import behind_witness, product
from .rounding import gamma, scaled, scaled_difference
from .workspace import aligned

_SAMPLE = 512  # rows averaged for the centre, or one in eight where that is fewer
_BLOCK = 1 << 19  # float32 numbers centred at once: 2 MB, so that a block stays in cache
_SAMPLED = 16  # one in this many columns is looked at to find the rows far out
_FAR_OUT = 4  # times the median radius: few rows lie so far out
_SAFE = (2.0**-20, 2.0**40)  # radii whose squares neither overflow nor vanish


@dataclass(frozen=True)
class Met:
    """`products` (n, m) float32: inner products of all centred rows with those at `index` (m,), ascending."""

    index: Tensor
    products: Tensor


@dataclass(frozen=True)
class CenteredRows:
    """rows (n, d) float32 or float64 on the search's device, seen as y = 2^shift (x - centre) in float32.

    `radius` (n,) float64 on the CPU holds upper bounds of |2^shift (x_i - centre)|; `met` holds products that the
    same pass over the rows has computed, if any.
    """

    rows: Tensor
    shift: int
    centre: Tensor
    radius: Tensor
    met: Met | None = None

    def centred(self, index: Tensor, out: Tensor | None = None) -> Tensor:
        """y (m, d) float32 of the rows at `index` (m,)."""
        if out is None:
            shape = len(index), self.rows.shape[1]
            out = torch.empty(shape, dtype=torch.float32, device=self.centre.device)
        step = max(1, _BLOCK // self.rows.shape[1])
        for start in range(0, len(index), step):
            part = slice(start, start + step)
            _centred(self.rows.index_select(0, index[part]), self.shift, self.centre, out[part])
        return out

    def farthest_out(self, count: int) -> Tensor:
        """The `count` rows of largest radius, ascending."""
        return self.radius.topk(count).indices.sort().values

    def blocks(self, index: Tensor | None = None) -> Iterator[tuple[slice, Tensor]]:
        """The rows, or those at `index` (m,), centred, in cache-sized blocks (b, d + 1) whose last column is ones.
        Each block overwrites the one before."""
        yield from _blocks(self.rows, self.shift, self.centre, index)


def center_rows(rows: Tensor, near: Tensor | None = None, far_out: int = 0) -> CenteredRows:
    """The centered rows of rows (n, d), finite, float32 or float64, in one pass where their range is safe.

    The centre is that of the rows at `near` (m,), if given, whose distances are then resolved best. The same pass
    multiplies all rows with the `far_out` outermost rows, if a sample of columns shows that few rows lie far out.
    Raises ProofError where a radius is not finite.
    """
    centre = _centre(rows, near, 0)
    index = _far_out(rows, centre, far_out)
    radius, products = _measure(rows, 0, centre, index)
    if _SAFE[0] <= float(radius.max()) <= _SAFE[1]:
        return CenteredRows(rows, 0, centre, radius, None if index is None else Met(index.cpu(), products))
    shift = -_exponent_of_extent(rows)
    centre = _centre(rows, near, shift)
    radius = _measure(rows, shift, centre)[0]
    if not bool(radius.isfinite().all()):
        raise ProofError("a row's distance from the centre is not finite, although the rows are")
    return CenteredRows(rows, shift, centre, radius)


def _far_out(rows: Tensor, centre: Tensor, count: int) -> Tensor | None:
    """The `count` rows that lie far out by a sample of their columns, ascending; None where the sample shows none,
    or where there are so many rows that another pass costs little beside the search."""
    columns = max(1, rows.shape[1] // _SAMPLED)
    if not count or len(rows) * columns > _BLOCK:
        return None
    radius = torch.linalg.vector_norm(rows[:, :columns] - centre[:columns], dim=1)
    farthest, index = radius.topk(count)
    return index.sort().values if float(farthest[-1]) > _FAR_OUT * float(radius.median()) else None


def _centre(rows: Tensor, near: Tensor | None, shift: int) -> Tensor:
    """Approximately the mean (d,) of a sample of the rows or of those at `near`; the first row where that
    overflows.

    It is the first row plus the mean difference from it, so that a column in which all rows are equal has exactly
    their value: a rounded one could be farther from them than they are from each other.
    """
    step = max(8, len(rows if near is None else near) // _SAMPLE)
    sample = rows[::step] if near is None else rows[near[::step].to(rows.device)]
    first = sample[0]
    total = torch.zeros(rows.shape[1], dtype=torch.float32, device=rows.device)
    for _, block in _blocks(sample, shift, first):
        total += block[:, :-1].sum(dim=0)
    mean = first + scaled(total.to(rows.dtype) / len(sample), -shift)
    return mean if bool(mean.isfinite().all()) else first


def _measure(rows: Tensor, shift: int, centre: Tensor, index: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Upper bounds of |2^shift (x_i - centre)|, (n,) float64 on the CPU: off by gamma(d + 4) at most, rounded up.
    And the centred rows' products with those at `index` (m,): (n, m)."""
    n, d = rows.shape
    radius = torch.empty(n, dtype=torch.float32, device=rows.device)
    met = torch.empty((0, d), dtype=torch.float32, device=rows.device)
    if index is not None:
        met = _centred(rows[index], shift, centre, met.new_empty(len(index), d))
    products, behind = met.new_empty(n, len(met)), behind_witness(met)
    for part, block in _blocks(rows, shift, centre):
        torch.linalg.vector_norm(block[:, :-1], dim=1, out=radius[part])
        if len(met) and bool(radius[part].isfinite().all()):  # else the range is not safe
            products[part] = product(block, behind)
    vanished = math.sqrt(d) * 2.0**-63
    return radius.cpu().to(torch.float64) * (1 + gamma(d + 4)) + vanished, products


def _blocks(
    rows: Tensor, shift: int, centre: Tensor, index: Tensor | None = None
) -> Iterator[tuple[slice, Tensor]]:
    n, d = len(rows) if index is None else len(index), rows.shape[1]
    step = max(1, _BLOCK // d)
    # Padded, because rows that begin at cache lines are multiplied faster.
    whole = torch.empty((min(step, n), aligned(d + 1)), dtype=torch.float32, device=rows.device)
    whole[:, d] = 1.0
    for start in range(0, n, step):
        part = slice(start, min(start + step, n))
        block = whole[: part.stop - start, : d + 1]
        chosen = rows[part] if index is None else rows.index_select(0, index[part].to(rows.device))
        _centred(chosen, shift, centre, block[:, :-1])
        yield part, block


def _centred(rows: Tensor, shift: int, centre: Tensor, out: Tensor) -> Tensor:
    if shift == 0 and rows.dtype == torch.float32:
        return torch.sub(rows, centre, out=out)
    return out.copy_(scaled_difference(rows, centre, shift))


def _exponent_of_extent(rows: Tensor) -> int:
    """The exponent e with max |x_ic - x_0c| < 2^e over all rows i and columns c; 0 where all rows are equal."""
    largest = 0.0
    step = max(1, _BLOCK // rows.shape[1])
    first = rows[0].cpu().to(torch.float64) / 2
    for start in range(0, len(rows), step):
        block = rows[start : start + step].cpu().to(torch.float64) / 2
        largest = max(largest, float((block - first).abs().max()))
    return math.frexp(largest)[1] + 1 if largest else 0
