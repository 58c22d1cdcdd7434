"""Statistics over all rows of a cluster: their mean, norms, distances from a point, and copies.

Rows are (n, d) float32 or float64, on any device, and are never copied whole: all arithmetic is float64 on
blocks of `_BLOCK` numbers (2 MB each, at most four at a time), on the rows' device, or on the CPU where the
device has no float64 (mps). Beside the blocks there are n-vectors only.

Float32 rows cannot overflow or vanish in float64 squares. Float64 rows that could are scaled by a power of two,
which is exact; a row more than about 1e150 times smaller than the largest number among them counts as zero.
"""

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from .device import float64_device
from .events import Copies, Histogram, Summary

_BLOCK = 1 << 18
_MOST_SIZES = 100
_BINS = 60  # many whole fractions: a narrow screen merges two, three, four or five
_FAR = 2.0  # times the median distance: what lies farther out is marked


def mean_row(rows: Tensor) -> Tensor:
    """The mean of rows (n, d): (d,) float64 on the CPU.

    It is the first row plus the mean difference from it, so equal rows have exactly themselves as their mean,
    and a tight cluster far from the origin loses no digits.
    """
    scale = _scale(rows)
    first = _float64(rows[0]) * scale
    total = torch.zeros_like(first)
    for _, block in _blocks(rows, scale):
        total += block.sub_(first).sum(0)
    return ((first + total / len(rows)) / scale).cpu()


def row_norms(rows: Tensor, origin: Tensor | None = None) -> Tensor:
    """|x - origin| of every row x, or |x| without `origin` (d,): (n,) float64 on the CPU, good to rounding."""
    scale = _scale(rows)
    norms = torch.empty(len(rows), dtype=torch.float64, device=float64_device(rows.device))
    shift = None if origin is None else origin.to(norms) * scale
    for start, block in _blocks(rows, scale):
        if shift is not None:
            block.sub_(shift)
        torch.sum(block.square_(), 1, out=norms[start : start + len(block)])  # sums pairwise; vector_norm does not
    return (norms.sqrt_() / scale).cpu()


def summary(values: Tensor) -> Summary:
    """Minimum, maximum, lower median and mean of values (n,) float64, n ≥ 1."""
    return Summary(
        minimum=values.min().item(),
        maximum=values.max().item(),
        median=values.median().item(),  # torch's median is the lower of the middle two
        mean=math.fsum(values.tolist()) / len(values),
    )


def histogram(distances: Tensor) -> Histogram:
    """The histogram of distances (n,) float64, n ≥ 1: `_BINS` bins whose edges grow by one factor."""
    apart = distances[distances > 0]
    threshold = _FAR * distances.median().item()
    edges = _edges(apart.min().item(), apart.max().item()) if len(apart) else []
    bins = torch.bucketize(apart, torch.tensor(edges[1:-1], dtype=torch.float64), right=True)
    return Histogram(
        edges=tuple(edges),
        counts=tuple(torch.bincount(bins, minlength=max(len(edges) - 1, 0)).tolist()),
        at_zero=len(distances) - len(apart),
        threshold=threshold,
        beyond=int((distances > threshold).sum()),
    )


def _edges(least: float, largest: float) -> list[float]:
    """The edges from `least` to `largest` on a log scale; one bin where float64 has no room for more between."""
    logs = math.log(least), math.log(largest)
    between = [math.exp(logs[0] + (logs[1] - logs[0]) * b / _BINS) for b in range(1, _BINS)]
    edges = [least, *between, largest]
    rising = all(below < above for below, above in pairwise(edges))
    return edges if rising else [least, largest]


def copies(original: Tensor) -> Copies:
    """How rows are alike bit for bit; `original` (n,) names for every row the first row equal to it."""
    counts = torch.bincount(original)
    counts = counts[counts > 0].sort(descending=True).values
    sizes = counts[counts > 1].tolist()
    return Copies(distinct=len(counts), groups=len(sizes), rows=sum(sizes), sizes=tuple(sizes[:_MOST_SIZES]))


def largest(rows: Tensor) -> float:
    """The largest magnitude among the numbers of rows (n, d), without a copy of them."""
    low, high = torch.aminmax(rows)
    return max(-low.item(), high.item())


def _float64(part: Tensor) -> Tensor:
    return part.to(float64_device(part.device)).to(torch.float64)


def _scale(rows: Tensor) -> float:
    """A power of two by which squares of float64 rows neither overflow nor vanish; 1 where none is needed."""
    if rows.dtype == torch.float32:
        return 1.0
    _, exponent = math.frexp(largest(rows))
    return 1.0 if abs(exponent) < 300 else math.ldexp(1.0, -max(-1000, min(1000, exponent)))


def _height(rows: Tensor) -> int:
    """Rows to a block."""
    return max(1, _BLOCK // max(rows.shape[1], 1))


def _blocks(rows: Tensor, scale: float) -> Iterator[tuple[int, Tensor]]:
    """(start, rows start … of the block in float64, times `scale`), in one buffer that each block overwrites."""
    height = _height(rows)
    buffer = torch.empty(
        min(height, len(rows)), rows.shape[1], dtype=torch.float64, device=float64_device(rows.device)
    )
    for start in range(0, len(rows), height):
        part = rows[start : start + height]
        block = buffer[: len(part)].copy_(part.to(buffer.device))
        if scale != 1.0:
            block *= scale
        yield start, block
