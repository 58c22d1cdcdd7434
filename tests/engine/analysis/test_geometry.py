"""The pair's measures and its triangle, against exact arithmetic and the notebook's published figures."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from farpair.engine.analysis import geometry
from farpair.engine.analysis.criteria import both_far, outlier_first
from farpair.engine.events import Triangle
from hypothesis import assume, given, settings
from hypothesis import strategies as st

Point = list[float]


def triangle(row_i: Point, row_j: Point, centroid: Point) -> Triangle:
    return geometry.triangle(row_i, row_j, centroid, math.dist(row_i, row_j))


points = st.lists(st.integers(-1000, 1000), min_size=3, max_size=3)
scales = st.integers(-1060, 950)


def exact_cosine_and_sine(u: list[int], v: list[int]) -> tuple[float, float]:
    """Of the angle between integer vectors: by integers and fifty-digit square roots."""
    dot = sum(a * b for a, b in zip(u, v, strict=True))
    product = sum(a * a for a in u) * sum(b * b for b in v)
    with localcontext() as context:
        context.prec = 50
        length = Decimal(product).sqrt()
        return float(Decimal(dot) / length), float(Decimal(product - dot * dot).sqrt() / length)


def by_law_of_cosines(a: str, b: str, opposite: str) -> float:
    """The angle between sides a and b, from their decimal digits."""
    x, y, z = Fraction(a), Fraction(b), Fraction(opposite)
    return math.degrees(math.acos((x * x + y * y - z * z) / (2 * x * y)))


def with_sides(side_i: float, side_j: float, side_ij: float) -> tuple[Point, Point, Point]:
    """Rows i and j and a centroid in the plane, at these distances."""
    along = (side_i**2 + side_j**2 - side_ij**2) / (2 * side_i)
    return [side_i, 0.0], [along, math.sqrt(side_j**2 - along**2)], [0.0, 0.0]


def test_the_published_triangle_has_the_published_angles() -> None:
    shape = triangle(*with_sides(1.10977745, 1.16093612, 1.60828757))
    assert [f"{side:.8f}" for side in (shape.side_i, shape.side_j, shape.side_ij)] == [
        "1.10977745",
        "1.16093612",
        "1.60828757",
    ]
    assert shape.at_centroid == pytest.approx(
        by_law_of_cosines("1.10977745", "1.16093612", "1.60828757"), abs=1e-9
    )
    assert shape.at_i == pytest.approx(by_law_of_cosines("1.10977745", "1.60828757", "1.16093612"), abs=1e-9)
    assert shape.at_j == pytest.approx(by_law_of_cosines("1.16093612", "1.60828757", "1.10977745"), abs=1e-9)
    shown = [f"{angle:.2f}" for angle in (shape.at_centroid, shape.at_i, shape.at_j, shape.angle_sum)]
    assert shown == ["90.16", "46.21", "43.63", "180.00"]
    assert f"{shape.at_centroid_dot:.2f}" == "90.16"
    assert shape.degenerate is None


def test_the_published_norms_have_the_published_ratios_and_verdict() -> None:
    centroid = [0.37091014]
    token_i, token_j = (geometry.measure(k, [norm], centroid) for k, norm in ((14, 1.16991878), (17, 1.21912193)))
    outlier, other = outlier_first(token_i, token_j)
    assert (outlier.index, other.index) == (17, 14)
    assert [f"{one.norm_ratio:.2f}" for one in (outlier, other)] == ["3.29", "3.15"]
    assert both_far(token_i, token_j, 0.37091014)
    assert not both_far(token_i, token_j, 0.6)


@settings(deadline=None)
@given(points, points, points, scales)
def test_angles_are_right_and_sum_to_180_at_any_magnitude(
    c: list[int], i: list[int], j: list[int], k: int
) -> None:
    assume(c != i and c != j and i != j)
    row_i, row_j, centroid = ([math.ldexp(x, k) for x in point] for point in (i, j, c))
    shape = triangle(row_i, row_j, centroid)
    corners = ((shape.at_centroid, c, i, j), (shape.at_i, i, c, j), (shape.at_j, j, c, i))
    for angle, at, one, two in corners:
        u = [a - b for a, b in zip(one, at, strict=True)]
        v = [a - b for a, b in zip(two, at, strict=True)]
        assert angle is not None
        cosine, sine = exact_cosine_and_sine(u, v)
        assert math.cos(math.radians(angle)) == pytest.approx(cosine, abs=4e-15)
        assert math.sin(math.radians(angle)) == pytest.approx(sine, abs=4e-15)
    assert shape.angle_sum == pytest.approx(180, abs=1e-12)
    assert shape.at_centroid_dot == pytest.approx(shape.at_centroid, abs=3e-6)


@settings(deadline=None)
@given(points, points, st.integers(-30, 30), scales)
def test_points_on_a_line_have_exactly_0_and_180_degrees_and_are_said_to(
    c: list[int], step: list[int], far: int, k: int
) -> None:
    assume(any(step) and far not in (0, 1))
    row_i = [math.ldexp(a + b, k) for a, b in zip(c, step, strict=True)]
    row_j = [math.ldexp(a + far * b, k) for a, b in zip(c, step, strict=True)]
    shape = triangle(row_i, row_j, [math.ldexp(a, k) for a in c])
    assert sorted(angle or 0 for angle in (shape.at_centroid, shape.at_i, shape.at_j)) == [0, 0, 180]
    assert shape.at_centroid == (180 if far < 0 else 0)
    assert shape.degenerate == "The centroid and the two tokens lie on one line."


def test_a_needle_keeps_its_tiny_angle() -> None:
    shape = triangle([1.0, 0.0], [1.0, 1e-12], [0.0, 0.0])
    assert shape.at_centroid == pytest.approx(math.degrees(1e-12), rel=1e-12)
    assert shape.at_i == pytest.approx(90)
    assert shape.at_j == pytest.approx(90)
    assert shape.degenerate is None


def test_a_zero_side_leaves_the_angles_on_it_without_a_value() -> None:
    a, b = [1.0, 2.0], [3.0, -1.0]
    on_centroid = triangle(a, b, a)
    assert (on_centroid.at_centroid, on_centroid.at_i, on_centroid.at_j) == (None, None, 0)
    assert (on_centroid.angle_sum, on_centroid.at_centroid_dot) == (None, None)
    assert on_centroid.degenerate == "One token lies on the centroid: only the angle at the other has a value."
    same = triangle(a, a, b)
    assert (same.at_centroid, same.at_i, same.at_j) == (0, None, None)
    assert same.at_centroid_dot == pytest.approx(0, abs=3e-6)
    assert same.degenerate == "Both tokens are the same point: only the angle at the centroid has a value."
    point = triangle(a, a, a)
    assert (point.side_i, point.side_j, point.side_ij) == (0, 0, 0)
    assert (point.at_centroid, point.at_i, point.at_j, point.at_centroid_dot) == (None, None, None, None)
    assert point.degenerate == "Both tokens lie on the centroid: there is no triangle."


def test_a_cosine_that_rounds_beyond_one_is_an_angle_all_the_same() -> None:
    u = [0.1, 0.2, 0.3, 0.7]
    for v, expected in ((u, 0), ([-3 * x for x in u], 180)):
        assert geometry.angle(u, v) == expected
        assert geometry.angle_by_dot(u, v) == pytest.approx(expected, abs=3e-6)


@pytest.mark.parametrize("magnitude", [5e-324, 1e-310, 1e-45, 1e38, 1e280])
def test_lengths_neither_overflow_nor_vanish(magnitude: float) -> None:
    one = geometry.measure(3, [3 * magnitude, 4 * magnitude], [0.0, magnitude])
    assert one.norm == pytest.approx(5 * magnitude, rel=1e-15)
    assert one.norm_ratio == pytest.approx(5, rel=1e-15)
    assert one.distance == pytest.approx(math.sqrt(18) * magnitude, rel=1e-15)
    assert triangle([magnitude, 0.0], [0.0, magnitude], [0.0, 0.0]).at_centroid == pytest.approx(90)


def test_over_a_zero_centroid_a_norm_has_no_ratio() -> None:
    assert geometry.measure(0, [1.0], [0.0]).norm_ratio is None
    assert geometry.measure(0, [1e300], [1e-300]).norm_ratio is None
