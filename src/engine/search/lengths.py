"""Lengths of vectors, each the float64 nearest to the exact one.

They are computed many at a time in pairs of float64 numbers (Dekker, A floating-point technique for extending the
available precision, 1971), to some 90 bits. Where these do not decide how to round, whole numbers do.
"""

from fractions import Fraction
from typing import Final

import torch
from torch import Tensor

from .exact_rounding import distance
from .rounding import power_of_two

LARGEST: Final = 2.0**960


def lengths(ends: Tensor, starts: Tensor) -> list[float]:
    """|ends - starts| of ends (k, d) and starts (k, d) or (d,): k floats, each rounded once.

    Both are float64 on the CPU, of numbers up to `LARGEST`.
    """
    away, lost = _difference(ends, starts)
    size = torch.frexp(away.abs().amax(1, keepdim=True)).exponent
    half = size // 2  # in two steps, because 2^1074 overflows
    down, further = power_of_two(-half), power_of_two(half - size)
    root, rest, error = _root(*_square(away * down * further, lost * down * further))
    least, most = root + (rest - error), root + (rest + error)
    found = (least / further[:, 0] / down[:, 0]).tolist()
    certain = (least == most).tolist()
    for k, length in enumerate(found):
        if not certain[k] or 0 < length < 2.0**-1021:  # where scaling back would round once more
            found[k] = distance(ends[k].tolist(), starts.expand_as(ends)[k].tolist())
    return found


def difference_of_squares(ends: Tensor, starts: Tensor) -> tuple[Fraction, Fraction]:
    """|ends_0 - starts_0|^2 - |ends_1 - starts_1|^2 of ends and starts (2, d), and a bound of its error.

    Both are float64 on the CPU, of numbers up to `LARGEST`.
    """
    away, lost = _difference(ends, starts)
    size = int(torch.frexp(away.abs().max()).exponent)
    down, further = 2.0 ** -(size // 2), 2.0 ** (size // 2 - size)
    high, rest, relative = _square(away * down * further, lost * down * further)
    one, other = (Fraction(a) + Fraction(b) for a, b in zip(high.tolist(), rest.tolist(), strict=True))
    unit = Fraction(4) ** size
    return (one - other) * unit, ((one + other) * Fraction(2 * relative) + Fraction(2) ** -890) * unit


def _difference(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """one - other as a sum of two numbers, exact (Knuth's TwoSum)."""
    high = one - other
    virtual = one - high
    return high, (one - (high + virtual)) + (virtual - other)


def _square(high: Tensor, low: Tensor) -> tuple[Tensor, Tensor, float]:
    """The sums of (high + low)^2 in each row of (k, d), where |low| <= 2^-53 |high| <= 2^-53: each as a sum of two
    numbers, and their relative error.

    The squares of `high` and every sum of two are exact with the second number; the d + log d second numbers are
    at most (log d + 3) 2^-53 of the whole together, and are added as they are. What vanishes is below 2^-900.
    """
    squares, rest = _product(high, high)
    rest = (rest + 2 * high * low).sum(1)
    width = squares.shape[1]
    steps = max(width - 1, 1).bit_length()
    while squares.shape[1] > 1:
        if squares.shape[1] % 2:
            squares = torch.nn.functional.pad(squares, (0, 1))
        squares, lost = _difference(squares[:, ::2], -squares[:, 1::2])
        rest = rest + lost.sum(1)
    return squares[:, 0], rest, (width + steps + 8) * (steps + 4) * 2.0**-105


def _root(square: Tensor, rest: Tensor, relative: float) -> tuple[Tensor, Tensor, Tensor]:
    """The root of square + rest as a sum of two numbers, and its error, by one step of Newton's method."""
    root = square.sqrt()
    again, lost = _product(root, root)
    more = torch.where(root > 0, ((square - again) - lost + rest) / (2 * root), 0.0)
    return root, more, root * (relative + 2.0**-100)


def _product(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """one * other as a sum of two numbers, exact (Dekker's product, with Veltkamp's split)."""
    product = one * other
    (a, b), (c, d) = _split(one), _split(other)
    return product, ((a * c - product) + a * d + b * c) + b * d


def _split(x: Tensor) -> tuple[Tensor, Tensor]:
    large = x * (2.0**27 + 1)
    high = large - (large - x)
    return high, x - high
