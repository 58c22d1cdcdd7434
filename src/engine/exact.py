"""Squared distances compared beyond rounding: in rational arithmetic, where float64 is too close to call."""

import itertools
import math
from fractions import Fraction

import torch
from torch import Tensor

from .certify import float64_error, float64_is_exact, scaled, subtraction_is_exact

Pair = tuple[int, int]


class ExactSquares:
    """Exact squares of 2^shift (x_i - x_j) for rows (n, d), float32 or float64; each is worked out once."""

    def __init__(self, rows: Tensor, shift: int) -> None:
        self._rows, self._shift = rows, shift
        self.tolerance = 4 * float64_error(rows.shape[1])
        self._known: dict[Pair, Fraction | float] = {}
        self._rounded: dict[Pair, float] = {}
        self._by_difference: dict[bytes, Fraction] = {}

    def learn(self, i: Tensor, j: Tensor, squares: Tensor) -> None:
        """Squares (m,) that float64 holds without rounding."""
        for a, b, square in zip(i.tolist(), j.tolist(), squares.tolist(), strict=True):
            self._known[a, b] = square

    def ordered(self, squares: dict[Pair, float]) -> dict[Pair, Fraction | float]:
        """For pairs and their float64 squares, numbers in the order of the exact squares, that tie as they do:
        the exact squares themselves wherever another pair's is within rounding.
        """
        ranked = sorted(squares.items(), key=lambda found: -found[1])
        close = {
            pair
            for (one, more), (other, less) in itertools.pairwise(ranked)
            if more - less <= more * self.tolerance
            for pair in (one, other)
        }
        self._work_out([pair for pair in close if pair not in self._known], squares)
        return {pair: self._known[pair] if pair in close else square for pair, square in ranked}

    def rounded(self, pairs: list[Pair]) -> list[float]:
        """The exact squares of pairs, each rounded once to float64."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._rounded]
        if new:
            self._rounded |= zip(new, self._round(new), strict=True)
        return [self._rounded[pair] for pair in pairs]

    def _round(self, pairs: list[Pair]) -> list[float]:
        i, j = torch.tensor(pairs).T
        left, right = (
            scaled(self._rows[at.to(self._rows.device)].cpu().to(torch.float64), self._shift) for at in (i, j)
        )
        difference = left - right
        plain = subtraction_is_exact(left, right, difference) & self._is_safe(difference)
        squares, certain = _sum_of_squares(difference)
        return [
            square if is_certain else float(self._rational(*pair))
            for pair, square, is_certain in zip(pairs, squares.tolist(), (plain & certain).tolist(), strict=True)
        ]

    def _is_safe(self, difference: Tensor) -> Tensor:
        """Where scaling lost nothing, and neither squaring nor splitting overflows or vanishes."""
        if self._rows.dtype == torch.float32:  # whose numbers lie between 2^-149 and 2^128 before they are scaled
            return torch.ones(len(difference), dtype=torch.bool)
        scaling = self._shift == 0
        size = difference.abs().masked_fill_(difference == 0, 1.0)
        return (size.amin(dim=1) > 2.0**-400) & (size.amax(dim=1) < 2.0**400) & scaling

    def _work_out(self, pairs: list[Pair], squares: dict[Pair, float]) -> None:
        if not pairs:
            return
        i, j = torch.tensor(pairs).T
        floats = torch.tensor([squares[pair] for pair in pairs], dtype=torch.float64)
        unrounded = float64_is_exact(self._rows, i, j, self._shift, floats)
        for pair, square, is_exact in zip(pairs, floats.tolist(), unrounded.tolist(), strict=True):
            self._known[pair] = square if is_exact else self._rational(*pair)

    def _rational(self, i: int, j: int) -> Fraction:
        """The exact square of a pair; pairs whose coordinates differ by the same amounts share it."""
        left, right = (self._rows[at].cpu().to(torch.float64) for at in (i, j))
        difference = left - right
        if bool(subtraction_is_exact(left[None], right[None], difference[None])):
            key = difference.abs().sort().values.numpy().tobytes()
        else:
            key = left.numpy().tobytes() + right.numpy().tobytes()
        if key not in self._by_difference:
            self._by_difference[key] = Fraction(4) ** self._shift * sum(
                ((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(left.tolist(), right.tolist(), strict=True)),
                Fraction(0),
            )
        return self._by_difference[key]


def _sum_of_squares(x: Tensor) -> tuple[Tensor, Tensor]:
    """The sums of squares of rows (m, d) float64, rounded once, (m,), and where that is certain.

    Squares are taken as unevaluated sums of two numbers, k = 2 d terms in all. Adding and taking away sigma, a
    power of two of at least (k + 2) times the largest term, cuts off the terms' leading bits, whose sum is exact;
    so does a second sigma with what is left (Rump, Ogita and Oishi, Accurate floating-point summation part I,
    section 3, 2008). The terms are then below a third sigma over k: their rounded sum is off by at most k u sigma.
    """
    terms = torch.cat(_square_exactly(x), dim=1)
    k = terms.shape[1]
    bits = math.ceil(math.log2(k + 2))
    sigma = _power_of_two(torch.frexp(terms.amax(dim=1, keepdim=True)).exponent + bits)
    sums = []
    for _ in range(2):
        leading = (sigma + terms).sub_(sigma)
        terms.sub_(leading)
        sums.append(leading.sum(dim=1))
        sigma = sigma * 2.0 ** (bits - 53)
    high = sums[0] + sums[1]
    low = (sums[1] - (high - sums[0])) + terms.sum(dim=1)
    error = (k * sigma[:, 0] + low.abs()) * 2.0**-52
    return high + low, high + (low - 2 * error) == high + (low + 2 * error)


def _power_of_two(exponent: Tensor) -> Tensor:
    """2^exponent in float64, from its bits: `torch.exp2` promises no exactness."""
    return ((exponent.to(torch.int64) + 1023) << 52).view(torch.float64)


def _square_exactly(x: Tensor) -> tuple[Tensor, Tensor]:
    """x^2 as an unevaluated sum of two float64 numbers (Dekker's product, with Veltkamp's split of x)."""
    large = x * (2.0**27 + 1)
    high = large - (large - x)
    low = x - high
    square = x * x
    return square, (high * high).sub_(square).addcmul_(high, low, value=2).addcmul_(low, low)
