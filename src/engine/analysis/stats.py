"""Statistics over all rows of a cluster: their mean, norms, distances from a point, and copies.

Rows are (n, d) float32 or float64, on any device, of magnitudes up to 2^960. Arithmetic is float64, on the rows'
device or on the CPU where the device has no float64 (mps). Rows are never copied whole: beside n-vectors the
workspace is at most four blocks of `_BLOCK` numbers (2 MB each).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from ..device import float64_device
from ..errors import InputError
from ..events import Copies, Histogram, Summary
from ..search.exact_rounding import finest, nearest_quotient, nearest_root, whole_numbers

_BLOCK = 1 << 18
_SAFE = 2.0**-700, 2.0**1000  # between them, no square that overflowed or vanished changes a sum of squares
_MOST_SIZES = 100
_BINS = 60  # has many divisors, so that a narrow screen can merge two, three, four or five bins
_FAR = 2.0  # in median distances; rows beyond it are counted separately


@dataclass(frozen=True)
class ExactMean:
    """The unrounded mean of `count` rows: in each column, `sums` (d) times 2^exponent over `count`."""

    sums: Sequence[int]
    exponent: int
    count: int

    @cached_property
    def nearest(self) -> Tensor:
        """The mean (d,), float64 on the CPU, each number rounded once."""
        numbers = [nearest_quotient(total, self.count, self.exponent) for total in self.sums]
        return torch.tensor(numbers, dtype=torch.float64, device="cpu")

    @cached_property
    def rest(self) -> Tensor:
        """The mean minus `nearest` (d,), float64 on the CPU, each number rounded once."""
        numbers = [
            nearest_quotient(total, self.count, exponent) for total, exponent in self._from(self.nearest.tolist())
        ]
        return torch.tensor(numbers, dtype=torch.float64, device="cpu")

    def distance(self, point: Sequence[float]) -> float:
        """The distance of a `point` (d,) from the mean, rounded once."""
        away = list(self._from(point))
        exponent = away[0][1] if away else 0
        return nearest_root(sum(total**2 for total, _ in away), exponent, self.count)

    def _from(self, point: Sequence[float]) -> Iterator[tuple[int, int]]:
        """count (mean - point) in each column, as a whole number of 2^exponent, and that exponent."""
        exponent = min(self.exponent, finest(point))
        finer = self.exponent - exponent
        for total, number in zip(self.sums, whole_numbers(point, exponent), strict=True):
            yield (total << finer) - self.count * number, exponent


def exact_mean(rows: Tensor) -> ExactMean:
    """The mean of rows (n, d), without any rounding. Raises InputError where the rows are not all finite.

    A power of two, sigma, is added to every number and subtracted again, which leaves the number's leading bits,
    those that are multiples of 2^-53 sigma. Where sigma is at least n + 2 times the largest number, their sum is
    exact in float64 in any order. The remainders are at most 2^-53 sigma; a smaller sigma extracts their leading
    bits, until no remainder is left (Rump, Ogita and Oishi, Accurate floating-point summation part I, section 3,
    2008).
    """
    bits = (len(rows) + 1).bit_length()  # 2^bits >= n + 2
    top = largest(rows)
    if not math.isfinite(top):
        raise InputError("The embeddings hold a NaN or an infinity.")
    first = math.frexp(top)[1] + bits
    sums = [0] * rows.shape[1]
    totals: list[Tensor] = []
    spare: Tensor | None = None
    for _, block in _blocks(rows):
        level = 0
        spare = torch.empty_like(block) if spare is None else spare[: len(block)]
        while level == 0 or int(torch.count_nonzero(block)):
            sigma = math.ldexp(1.0, max(first - level * (53 - bits), -1074))
            leading = torch.add(block, sigma, out=spare).sub_(sigma)
            if level == len(totals):
                totals.append(torch.zeros(rows.shape[1], dtype=torch.float64, device=block.device))
            totals[level] += leading.sum(0)
            block.sub_(leading)
            level += 1
    exponent = max(first - (len(totals) - 1) * (53 - bits) - 53, -1074) if totals else 0
    for total in totals:
        sums = [one + more for one, more in zip(sums, whole_numbers(total.tolist(), exponent), strict=True)]
    return ExactMean(sums, exponent, len(rows))


def mean_row(rows: Tensor) -> Tensor:
    """The mean (d,) of rows (n, d), float64 on the CPU, each number rounded once. Equal rows equal their mean."""
    return exact_mean(rows).nearest


def row_norms(rows: Tensor, origin: Tensor | None = None, rest: Tensor | None = None) -> Tensor:
    """|x - origin| of every row x, or |x| without `origin` (d,): (n,) float64 on the CPU, accurate to rounding.

    `rest` (d,) is added to an origin that has more digits than float64 holds. A row whose squares overflow or
    vanish is scaled by a power of two, which is exact.
    """
    norms = torch.empty(len(rows), dtype=torch.float64, device=float64_device(rows.device))
    shifts = [shift.to(norms) for shift in (origin, rest) if shift is not None]
    for start, block in _blocks(rows):
        for shift in shifts:  # the rest comes second, because it matters only beside a small difference
            block.sub_(shift)
        found = norms[start : start + len(block)]
        torch.sum(block.square(), 1, out=found)  # sums pairwise; vector_norm does not
        extreme = ((found < _SAFE[0]) | ~(found < _SAFE[1])).nonzero().flatten()
        found.sqrt_()
        if len(extreme):
            found[extreme] = _scaled_norms(block[extreme])
    return norms.cpu()


def _scaled_norms(rows: Tensor) -> Tensor:
    """|x| of float64 rows of any magnitude; each row is scaled by its own power of two."""
    exponents = torch.frexp(rows.abs().amax(1)).exponent
    half = exponents // 2  # in two steps, because 2^1074 overflows
    one = torch.ones_like(exponents, dtype=torch.float64)
    down, further = torch.ldexp(one, -half), torch.ldexp(one, half - exponents)
    lengths = (rows * down[:, None] * further[:, None]).square_().sum(1).sqrt_()
    return lengths / further / down


def summary(values: Tensor) -> Summary:
    """The minimum, maximum, lower median and mean of `values` (n,) float64, n ≥ 1."""
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
    bins = torch.bucketize(apart, torch.tensor(edges[1:-1], dtype=torch.float64, device="cpu"), right=True)
    return Histogram(
        edges=tuple(edges),
        counts=tuple(torch.bincount(bins, minlength=max(len(edges) - 1, 0)).tolist()),
        at_zero=len(distances) - len(apart),
        threshold=threshold,
        beyond=int((distances > threshold).sum()),
    )


def _edges(least: float, largest: float) -> list[float]:
    """The edges of bins from `least` to `largest` on a log scale; one bin where too few float64 lie between
    them."""
    logs = math.log(least), math.log(largest)
    between = [math.exp(logs[0] + (logs[1] - logs[0]) * b / _BINS) for b in range(1, _BINS)]
    edges = [least, *between, largest]
    rising = all(below < above for below, above in pairwise(edges))
    return edges if rising else [least, largest]


def copies(original: Tensor) -> Copies:
    """The counts of bit-identical rows. `original` (n,) holds for every row the first row equal to it."""
    counts = torch.bincount(original)
    counts = counts[counts > 0].sort(descending=True).values
    sizes = counts[counts > 1].tolist()
    return Copies(distinct=len(counts), groups=len(sizes), rows=sum(sizes), sizes=tuple(sizes[:_MOST_SIZES]))


def largest(rows: Tensor) -> float:
    """The largest magnitude among the numbers of rows (n, d), without a copy of them."""
    low, high = torch.aminmax(rows)
    return max(-low.item(), high.item())


def _height(rows: Tensor) -> int:
    """The number of rows in a block."""
    return max(1, _BLOCK // max(rows.shape[1], 1))


def _blocks(rows: Tensor) -> Iterator[tuple[int, Tensor]]:
    """Yield the rows in blocks, as (first row, block in float64); each block overwrites the one before."""
    height = _height(rows)
    buffer = torch.empty(
        min(height, len(rows)), rows.shape[1], dtype=torch.float64, device=float64_device(rows.device)
    )
    for start in range(0, len(rows), height):
        part = rows[start : start + height]
        yield start, buffer[: len(part)].copy_(part.to(buffer.device))
