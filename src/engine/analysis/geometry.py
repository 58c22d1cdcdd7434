"""Measures tokens, and the triangles of pairs of tokens with the centroid, in float64.

Lengths are the float64 numbers nearest to the exact ones (see `lengths`). Angles are right to about 1e-13 degrees.
Both are computed for many tokens at a time.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..events import TokenMeasure, Triangle
from ..search.lengths import lengths


def measure(index: int, row: Sequence[float], centroid: Sequence[float]) -> TokenMeasure:
    """The measures of row `index`: its norm, the ratio of that to the centroid's, and its centroid distance."""
    return measures([index], _vectors(row), _vectors(centroid)[0])[0]


def measures(indices: Sequence[int], rows: Tensor, centroid: Tensor) -> list[TokenMeasure]:
    """The measures of `rows` (k, d), whose indices are `indices`, from the `centroid` (d,), both float64."""
    centroid_norm = length(centroid)
    found = zip(indices, lengths(rows, torch.zeros_like(centroid)), lengths(rows, centroid), strict=True)
    return [
        TokenMeasure(index=index, norm=norm, norm_ratio=_ratio(norm, centroid_norm), distance=distance)
        for index, norm, distance in found
    ]


def length(vector: Tensor) -> float:
    """The length of one vector (d,) float64."""
    return lengths(vector[None], torch.zeros_like(vector))[0]


def triangle(row_i: Sequence[float], row_j: Sequence[float], centroid: Sequence[float], apart: float) -> Triangle:
    """The triangle of the centroid and the rows i and j: sides, angles, and the check by dot product.

    `apart` is the distance between the two rows that the search found, which is the side's length.
    """
    return triangles(_vectors(row_i), _vectors(row_j), _vectors(centroid)[0], [apart])[0]


def triangles(rows_i: Tensor, rows_j: Tensor, centroid: Tensor, apart: Sequence[float]) -> list[Triangle]:
    """The k triangles of the centroid (d,) and the rows at the same place in `rows_i` and `rows_j` (k, d),
    float64.

    `apart` (k,) are the distances between the two rows that the search found, which are the sides' lengths. The
    workspace is about ten times as large as the rows.
    """
    to_i, to_j, across = _units(rows_i - centroid), _units(rows_j - centroid), _units(rows_j - rows_i)
    corners = zip(
        _angles(to_i, to_j), _angles(-to_i, across), _angles(to_j, across), _angles_by_dot(to_i, to_j), strict=True
    )
    sides = zip(lengths(rows_i, centroid), lengths(rows_j, centroid), apart, strict=True)
    return [_triangle(*three, *angles) for three, angles in zip(sides, corners, strict=True)]


def angle(u: Sequence[float], v: Sequence[float]) -> float | None:
    """The angle between two arms in degrees; None where either has length zero.

    It is the angle of the law of cosines, acos((|u|² + |v|² - |u - v|²) / 2|u||v|), by W. Kahan's formula ("How
    Futile are Mindless Assessments of Roundoff in Floating-Point Computation?", 2006, section 12)

        2 arctan( | u/|u| - v/|v| |  /  | u/|u| + v/|v| | )

    which is accurate to rounding everywhere. The law of cosines loses half of the digits near 0° and 180°, and its
    cosine may lie outside [-1, 1]. An angle within rounding of 0° or 180° is returned as exactly 0° or 180°.
    """
    return _angles(_units(_vectors(u)), _units(_vectors(v)))[0]


def angle_by_dot(u: Sequence[float], v: Sequence[float]) -> float | None:
    """The same angle as acos(u · v / |u||v|), the notebook's check; None where either arm has length zero.

    The angle is accurate to about 1e-13 degrees, but only to a few 1e-6 near 0° and 180°, where acos is steep.
    """
    return _angles_by_dot(_units(_vectors(u)), _units(_vectors(v)))[0]


# Each component of a unit vector has a relative error of a few 2^-53, and so has the vector.
_ROUNDING = 8 * 2.0**-53


def _vectors(vector: Sequence[float]) -> Tensor:
    return torch.tensor([vector], dtype=torch.float64, device="cpu")


def _units(arms: Tensor) -> Tensor:
    """Arms (k, d) over their lengths, NaN where a length is zero. They are scaled first, for subnormal arms."""
    exponents = torch.frexp(arms.abs().amax(1, keepdim=True)).exponent
    half = exponents // 2  # in two steps, because 2^1074 overflows
    one = torch.ones_like(exponents, dtype=torch.float64)
    scaled = arms * torch.ldexp(one, -half) * torch.ldexp(one, half - exponents)
    return scaled / _lengths(scaled)[:, None]


def _lengths(vectors: Tensor) -> Tensor:
    return vectors.square().sum(1).sqrt()  # sums pairwise; vector_norm does not


def _angles(p: Tensor, q: Tensor) -> list[float | None]:
    """The angles between unit vectors p and q (k, d), by the formula of `angle`."""
    both = zip(_lengths(p - q).tolist(), _lengths(p + q).tolist(), strict=True)
    return [_angle(apart, together) for apart, together in both]


def _angle(apart: float, together: float) -> float | None:
    if math.isnan(apart):
        return None
    if apart <= _ROUNDING:
        return 0.0
    if together <= _ROUNDING:
        return 180.0
    return math.degrees(2 * math.atan2(apart, together))


def _angles_by_dot(p: Tensor, q: Tensor) -> list[float | None]:
    cosines = (p * q).sum(1).clamp(-1, 1).tolist()
    return [None if math.isnan(cosine) else math.degrees(math.acos(cosine)) for cosine in cosines]


def _triangle(
    side_i: float,
    side_j: float,
    side_ij: float,
    at_centroid: float | None,
    at_i: float | None,
    at_j: float | None,
    at_centroid_dot: float | None,
) -> Triangle:
    known = [one for one in (at_centroid, at_i, at_j) if one is not None]
    return Triangle(
        side_i=side_i,
        side_j=side_j,
        side_ij=side_ij,
        at_centroid=at_centroid,
        at_i=at_i,
        at_j=at_j,
        angle_sum=math.fsum(known) if len(known) == 3 else None,
        at_centroid_dot=at_centroid_dot,
        degenerate=_degenerate(side_i, side_j, side_ij, on_a_line=180.0 in known),
    )


def _ratio(norm: float, centroid_norm: float) -> float | None:
    if centroid_norm == 0:
        return None
    ratio = norm / centroid_norm
    return ratio if math.isfinite(ratio) else None


def _degenerate(side_i: float, side_j: float, side_ij: float, *, on_a_line: bool) -> str | None:
    """A sentence about three points that form no triangle; None for a triangle."""
    if side_i == 0 and side_j == 0:
        return "Both tokens lie on the centroid: there is no triangle."
    if side_ij == 0:
        return "Both tokens are the same point: only the angle at the centroid has a value."
    if side_i == 0 or side_j == 0:
        return "One token lies on the centroid: only the angle at the other has a value."
    return "The centroid and the two tokens lie on one line." if on_a_line else None
