"""The two tokens of the farthest pair and their triangle with the centroid, in float64.

Vectors are sequences of d floats. Lengths are taken by `math.hypot` and `math.dist`, which scale as they sum:
right to about a unit in the last place, and neither overflowing nor vanishing on the way.
"""

import math
from collections.abc import Sequence

from .events import TokenMeasure, Triangle


def measure(index: int, row: Sequence[float], centroid: Sequence[float]) -> TokenMeasure:
    """Where row `index` of the cluster lies: its norm, its norm over the centroid's, its distance from it."""
    norm = math.hypot(*row)
    return TokenMeasure(
        index=index,
        norm=norm,
        norm_ratio=_ratio(norm, math.hypot(*centroid)),
        distance=math.dist(row, centroid),
    )


def outlier_first(first: TokenMeasure, second: TokenMeasure) -> tuple[TokenMeasure, TokenMeasure]:
    """The token of larger norm, then the other; of equal norms the second counts as larger, as in the notebook."""
    return (first, second) if first.norm > second.norm else (second, first)


def both_far(first: TokenMeasure, second: TokenMeasure, centroid_norm: float) -> bool:
    """The notebook's verdict: both norms are more than twice the centroid's."""
    return first.norm > 2 * centroid_norm and second.norm > 2 * centroid_norm


def triangle(row_i: Sequence[float], row_j: Sequence[float], centroid: Sequence[float]) -> Triangle:
    """The triangle of the centroid and the rows i and j: sides, angles, and the check by dot product."""
    to_i, to_j, across = _arm(centroid, row_i), _arm(centroid, row_j), _arm(row_i, row_j)
    at_centroid = angle(to_i, to_j)
    at_i = angle(_arm(row_i, centroid), across)
    at_j = angle(_arm(row_j, centroid), _arm(row_j, row_i))
    side_i, side_j, side_ij = math.dist(centroid, row_i), math.dist(centroid, row_j), math.dist(row_i, row_j)
    known = [one for one in (at_centroid, at_i, at_j) if one is not None]
    return Triangle(
        side_i=side_i,
        side_j=side_j,
        side_ij=side_ij,
        at_centroid=at_centroid,
        at_i=at_i,
        at_j=at_j,
        angle_sum=math.fsum(known) if len(known) == 3 else None,
        at_centroid_dot=angle_by_dot(to_i, to_j),
        degenerate=_degenerate(side_i, side_j, side_ij, on_a_line=180.0 in known),
    )


def angle(u: Sequence[float], v: Sequence[float]) -> float | None:
    """The angle between two arms in degrees, None where either has no length.

    It is the angle of the law of cosines, acos((|u|² + |v|² - |u - v|²) / 2|u||v|), by W. Kahan's formula ("How
    Futile are Mindless Assessments of Roundoff in Floating-Point Computation?", 2006, section 12)

        2 arctan( | u/|u| - v/|v| |  /  | u/|u| + v/|v| | )

    which is good to rounding everywhere, where the law of cosines loses half the digits near 0° and 180° and
    may leave [-1, 1] altogether. An angle within rounding of 0° or 180° is exactly that.
    """
    p, q = _unit(u), _unit(v)
    if p is None or q is None:
        return None
    apart = math.dist(p, q)
    together = math.hypot(*(x + y for x, y in zip(p, q, strict=True)))
    if apart <= _ROUNDING:
        return 0.0
    if together <= _ROUNDING:
        return 180.0
    return math.degrees(2 * math.atan2(apart, together))


def angle_by_dot(u: Sequence[float], v: Sequence[float]) -> float | None:
    """The same angle as acos(u · v / |u||v|), the notebook's check; None where either arm has no length.

    acos is steep near 0° and 180°: there this is good to a few 1e-6 degrees, elsewhere to about 1e-13.
    """
    p, q = _unit(u), _unit(v)
    if p is None or q is None:
        return None
    cosine = math.fsum(x * y for x, y in zip(p, q, strict=True))
    return math.degrees(math.acos(max(-1.0, min(1.0, cosine))))


# Each component of a unit vector is off by a few 2^-53 of itself, so the vector is off by no more than that.
_ROUNDING = 8 * 2.0**-53


def _arm(start: Sequence[float], end: Sequence[float]) -> list[float]:
    return [b - a for a, b in zip(start, end, strict=True)]


def _unit(arm: Sequence[float]) -> list[float] | None:
    """`arm` divided by its length, None where that is zero; scaled first, so that subnormal arms work too."""
    _, exponent = math.frexp(max(map(abs, arm)))
    scaled = [math.ldexp(x, -exponent) for x in arm]
    length = math.hypot(*scaled)
    return [x / length for x in scaled] if length else None


def _ratio(norm: float, centroid_norm: float) -> float | None:
    if centroid_norm == 0:
        return None
    ratio = norm / centroid_norm
    return ratio if math.isfinite(ratio) else None


def _degenerate(side_i: float, side_j: float, side_ij: float, *, on_a_line: bool) -> str | None:
    """What the three points are when they are no triangle, in one sentence; None for a triangle."""
    if side_i == 0 and side_j == 0:
        return "Both tokens lie on the centroid: there is no triangle."
    if side_ij == 0:
        return "Both tokens are the same point: only the angle at the centroid has a value."
    if side_i == 0 or side_j == 0:
        return "One token lies on the centroid: only the angle at the other has a value."
    return "The centroid and the two tokens lie on one line." if on_a_line else None
