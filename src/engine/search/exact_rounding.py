"""Rounds exact numbers once, to the nearest float64, ties to even. No torch here."""

import math
from collections.abc import Iterable, Sequence


def whole_numbers(values: Sequence[float], exponent: int) -> list[int]:
    """Finite floats in units of 2^exponent, of which each has to be a whole multiple."""
    ratios = (value.as_integer_ratio() for value in values)
    return [
        (above << -exponent) // below if exponent < 0 else above // (below << exponent) for above, below in ratios
    ]


def finest(values: Iterable[float]) -> int:
    """The largest exponent, at most 0, for which `whole_numbers` takes these values."""
    return -max((value.as_integer_ratio()[1].bit_length() - 1 for value in values), default=0)


def nearest_quotient(above: int, below: int, exponent: int) -> float:
    """above / below 2^exponent; below > 0. Raises OverflowError beyond float64."""
    return (above << exponent) / below if exponent >= 0 else above / (below << -exponent)


def nearest_root(square: int, exponent: int, divisor: int = 1) -> float:
    """sqrt(square) / divisor 2^exponent; square >= 0 and divisor > 0. Raises OverflowError beyond float64.

    The root is taken of the square times 4^k, so that the quotient has 64 whole bits; one more bit says whether
    there is a remainder, which is all that rounding once needs.
    """
    k = max(0, 66 + divisor.bit_length() - square.bit_length() // 2)
    root = math.isqrt(square << 2 * k)
    more = root * root != square << 2 * k
    quotient, rest = divmod(root, divisor)
    return nearest_quotient(2 * quotient + (more or rest != 0), 1, exponent - k - 1)


def distance(one: Sequence[float], other: Sequence[float]) -> float:
    """|one - other| of two points in the same space, rounded once."""
    exponent = min(finest(one), finest(other))
    pairs = zip(whole_numbers(one, exponent), whole_numbers(other, exponent), strict=True)
    return nearest_root(sum((a - b) ** 2 for a, b in pairs), exponent)
