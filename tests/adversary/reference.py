"""The judge: what is true of the distances between rows, whatever the rows are.

All pairs are bounded by float64 products with a bound of the judge's own, and what that leaves open is decided in
whole numbers: rows times a power of two. Rows that a common factor turns into small whole numbers need no bound,
for then float64 products are exact. Nothing here is shared with the program.

Everything follows from each row's farthest distance and its first partner there. A batch's maximum is the largest
of its rows'. A pair other than the farthest one has a row that is none of those two, and so the second distance is
the largest among all rows but those. By the triangle inequality each of these distances is at least half of the
largest, and so an error that is small beside the largest is small beside all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Pair = tuple[int, int]

_BLOCK = 1 << 22  # numbers of a block of products: 32 MB
_TOO_MANY = 8_000_000  # numbers squared one by one to decide near ties
UNIT = 2.0**-53


class TooManyNearTies(Exception):
    """Whole numbers would take too long to decide between so many pairs."""


@dataclass(frozen=True)
class Truth:
    """What is true of n rows. Squares are whole numbers of `unit`, which is a rational number.

    `square[i]` is row i's largest squared distance and `partner[i]` the first row at it. `ties` counts the pairs
    at the largest distance of all.
    """

    unit: Fraction
    square: Sequence[int]
    partner: Sequence[int]
    ties: int

    @property
    def n(self) -> int:
        """The number of rows."""
        return len(self.square)

    def batch(self, start: int, end: int) -> tuple[Fraction, Pair]:
        """The largest squared distance of a row start <= i < end to any row, and the smallest pair at it."""
        return self._among(range(start, end))

    @cached_property
    def farthest(self) -> tuple[Fraction, Pair]:
        """The largest squared distance, and the smallest pair at it."""
        return self._among(range(self.n))

    @cached_property
    def second(self) -> tuple[Fraction, Pair] | None:
        """The same of all pairs but the farthest; None where that is not the only one at its distance."""
        if self.ties > 1 or self.n < 3:
            return None
        return self._among([i for i in range(self.n) if i not in self.farthest[1]])

    def _among(self, rows: Sequence[int]) -> tuple[Fraction, Pair]:
        largest = max(self.square[i] for i in rows)
        pairs = (_ordered(i, self.partner[i]) for i in rows if self.square[i] == largest)
        return largest * self.unit, min(pairs)


def truth_of(rows: torch.Tensor) -> Truth:
    """The truth about rows (n, d), n >= 2, finite, of any float dtype.

    Raises TooManyNearTies where it would take too long to find out.
    """
    numbers = _Numbers(rows.detach().to("cpu", torch.float64).numpy() + 0.0)
    first, of = _distinct(numbers.values)
    n = len(of)
    if len(first) == 1:
        return Truth(Fraction(1), [0] * n, [1] + [0] * (n - 1), n * (n - 1) // 2)
    count = np.bincount(of)
    square: list[int] = [0] * len(first)
    partner: list[int] = [0] * len(first)
    tied: list[int] = [0] * len(first)  # pairs of a row of this kind, at its largest distance
    work = 0
    products = numbers.products(first)
    for start, block in products.blocks():
        largest = block.max(axis=1)
        if products.error == 0:
            best = block.argmax(axis=1)
            at = (block == largest[:, None]) @ count
            for k, (most, j, ties) in enumerate(zip(largest.tolist(), best.tolist(), at.tolist(), strict=True)):
                square[start + k], partner[start + k], tied[start + k] = int(most), int(first[j]), int(ties)
            continue
        row, column = (block >= largest[:, None] - 2 * products.error).nonzero()
        row, column = numbers.farthest_of(row, column, first[start + row], first[column])
        work += len(row) * numbers.values.shape[1]
        if work > _TOO_MANY:
            raise TooManyNearTies
        for k, j in zip(row.tolist(), column.tolist(), strict=True):
            i = start + k
            found = numbers.square(int(first[i]), int(first[j]))
            if found > square[i]:
                square[i], partner[i], tied[i] = found, int(first[j]), 0
            if found == square[i]:
                tied[i] += int(count[j])
    most = max(square)
    ties = sum(int(count[c]) * tied[c] for c in range(len(first)) if square[c] == most) // 2
    unit = products.unit
    return Truth(unit, [square[c] for c in of], [partner[c] for c in of], ties)


def top_pairs(rows: torch.Tensor, k: int) -> list[tuple[Fraction, Pair]]:
    """The k farthest pairs of few rows (n, d) with their squared distances, in order of (-square, i, j)."""
    numbers = _Numbers(rows.detach().to("cpu", torch.float64).numpy() + 0.0)
    n = len(rows)
    ranked = sorted((-numbers.square(i, j), i, j) for i in range(n) for j in range(i + 1, n))
    return [(-square * numbers.unit, (i, j)) for square, i, j in ranked[:k]]


def is_root(distance: float, square: Fraction, ulps: int = 2) -> bool:
    """Whether `distance` is within so many units in the last place of the square root of `square`."""
    off = Fraction(np.spacing(distance).item()) * ulps
    low, high = Fraction(distance) - off, Fraction(distance) + off
    return (low <= 0 or low * low <= square) and square <= high * high


def _ordered(i: int, j: int) -> Pair:
    return (i, j) if i < j else (j, i)


def _distinct(values: Floats) -> tuple[Whole, list[int]]:
    """The first of every kind of equal rows, ascending, and of every row which kind it is."""
    kinds: dict[bytes, int] = {}
    of = [kinds.setdefault(row.tobytes(), len(kinds)) for row in values]
    first = np.full(len(kinds), len(of))
    np.minimum.at(first, of, np.arange(len(of)))
    return first, of


@dataclass(frozen=True)
class _Products:
    """Squared distances between rows y (m, d), off by `error` at most; where that is 0, they are the exact whole
    numbers of `unit`."""

    y: Floats
    error: float
    unit: Fraction

    def blocks(self) -> "list[tuple[int, Floats]] | _Blocks":
        return _Blocks(self.y)


class _Blocks:
    """(start, squares (b, m)) of so many rows at a time; a row with itself is at -1."""

    def __init__(self, y: Floats) -> None:
        self._y, self._norms = y, np.einsum("ij,ij->i", y, y)

    def __iter__(self):  # type: ignore[no-untyped-def]
        m = len(self._y)
        step = max(1, _BLOCK // m)
        for start in range(0, m, step):
            part = slice(start, min(start + step, m))
            block = self._y[part] @ self._y.T
            block *= -2
            block += self._norms
            block += self._norms[part, None]
            block[np.arange(part.stop - start), np.arange(start, part.stop)] = -1.0
            yield start, block


class _Numbers:
    """Rows (n, d) float64 as whole numbers: each is a whole number of 2^-place."""

    def __init__(self, values: Floats) -> None:
        self.values = values
        mantissa, exponent = np.frexp(values)
        self._odd = (mantissa * 2.0**53).astype(np.int64)
        trailing = np.frexp((self._odd & -self._odd).astype(np.float64))[1] - 1
        trailing[self._odd == 0] = 0
        self._odd >>= trailing
        self._at = exponent.astype(np.int64) - 53 + trailing
        used = self._odd != 0
        self._place = -int(self._at[used].min()) if used.any() else 0
        self._bits = int(exponent[used].max()) + self._place if used.any() else 0
        self._at[~used] = -self._place
        self._rows: dict[int, list[int]] = {}
        self.unit = Fraction(2) ** (-2 * self._place)

    def square(self, i: int, j: int) -> int:
        """The exact squared distance of two rows, in units of `unit`."""
        return sum([(a - b) ** 2 for a, b in zip(self._row(i), self._row(j), strict=True)])

    def farthest_of(self, row: Whole, column: Whole, i: Whole, j: Whole) -> tuple[Whole, Whole]:
        """Of candidates (m,), the pairs of rows `i` and `j`, those that numbers of 64 bits cannot tell from the
        farthest with the same `row`: their `row` and `column`."""
        if np.finfo(np.longdouble).nmant < 63 or len(row) <= len(np.unique(row)):
            return row, column
        d = self.values.shape[1]
        squares = np.empty(len(row), dtype=np.longdouble)
        step = max(1, (1 << 20) // d)
        for start in range(0, len(row), step):
            part = slice(start, start + step)
            difference = self.values[i[part]].astype(np.longdouble) - self.values[j[part]]
            squares[part] = (difference * difference).sum(axis=1)  # off by d + 2 roundings, of 2^-64 each
        most = np.zeros(int(row.max()) + 1, dtype=np.longdouble)
        np.maximum.at(most, row, squares)
        kept = squares >= most[row] * (1 - np.longdouble(4 * d + 16) * np.longdouble(2) ** -64)
        return row[kept], column[kept]

    def _row(self, i: int) -> list[int]:
        if i not in self._rows:
            shifts = (self._at[i] + self._place).tolist()
            self._rows[i] = [odd << shift for odd, shift in zip(self._odd[i].tolist(), shifts, strict=True)]
        return self._rows[i]

    def products(self, chosen: Whole) -> _Products:
        """The products of the `chosen` rows, exact if they are few bits wide."""
        d = self.values.shape[1]
        if self._bits <= 61:
            whole = np.ldexp(self.values[chosen], self._place).astype(np.int64)
            whole -= whole[0].copy()
            factor = int(np.gcd.reduce(whole, axis=None)) or 1
            whole //= factor
            whole -= (whole.min(axis=0) + whole.max(axis=0)) // 2
            if 4 * d * int(np.abs(whole).max()) ** 2 < 2**53:
                return _Products(whole.astype(np.float64), 0.0, self.unit * factor**2)
        y = self._near_one(chosen)
        y -= y.mean(axis=0)
        extent = float(np.einsum("ij,ij->i", y, y).max()) * (1 + 2 * d * UNIT)
        # Moving the rows twice rounds each by 3 u of the extent; products and sums by d + 3 roundings each.
        return _Products(y, (4 * d + 80) * UNIT * 1.01 * extent + d * 2.0**-900, self.unit)

    def _near_one(self, chosen: Whole) -> Floats:
        """The `chosen` rows less the first, times a power of two that puts the largest number near 1; each number
        is rounded once, or lost where it is below 2^-900."""
        values = self.values[chosen]
        largest = float(np.abs(values).max())
        if 2.0**-400 < largest < 2.0**400 and not 0 < float(np.abs(values[values != 0]).min()) < 2.0**-400:
            moved = values - values[0]
            found: Floats = np.ldexp(moved, -int(np.frexp(np.abs(moved).max())[1]))
            return found
        first = self._row(int(chosen[0]))
        whole = [[a - b for a, b in zip(self._row(int(i)), first, strict=True)] for i in chosen]
        bits = max(max(abs(number) for number in row).bit_length() for row in whole)
        return np.array([[_shifted(number, bits) for number in row] for row in whole])


def _shifted(number: int, bits: int) -> float:
    """number / 2^bits, rounded once or, where it is tiny, twice."""
    excess = max(0, abs(number).bit_length() - 64)
    return float(np.ldexp(float(number >> excess), excess - bits))
