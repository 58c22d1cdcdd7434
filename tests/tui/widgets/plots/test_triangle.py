"""The triangle is drawn to scale, inside its panel, with labels that never overlap."""

from math import dist, hypot, isclose

import pytest
from farpair.engine.events import Triangle
from farpair.tui.widgets.lines import number, plain, width_of
from farpair.tui.widgets.plots.triangle import draw_triangle, vertices
from farpair.tui.widgets.triangle import triangle_lines
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn import dots
from support.published import analysed, done, named, pair_found, started, view_of

LABELS = ("c", "i 151643", "j 71473")


def triangle(side_i: float, side_j: float, side_ij: float) -> Triangle:
    """A triangle with these sides: centroid to i, centroid to j, i to j."""
    return Triangle(
        side_i=side_i,
        side_j=side_j,
        side_ij=side_ij,
        at_centroid=None,
        at_i=None,
        at_j=None,
        angle_sum=None,
        at_centroid_dot=None,
        degenerate=None,
    )


coordinates = st.tuples(st.floats(-1, 1), st.floats(-1, 1))


@st.composite
def triangles(draw: st.DrawFn) -> Triangle:
    c, i, j = draw(coordinates), draw(coordinates), draw(coordinates)
    scale = draw(st.sampled_from([1e-300, 1e-6, 1.0, 1e300]))
    return triangle(*(scale * hypot(a[0] - b[0], a[1] - b[1]) for a, b in ((c, i), (c, j), (i, j))))


@given(triangles())
def test_corners_are_as_far_apart_as_the_sides_say(shape: Triangle) -> None:
    places = {corner.label: (corner.x, corner.y) for corner in vertices(shape, ("c", "i", "j"))}
    sides = {("c", "i"): shape.side_i, ("c", "j"): shape.side_j, ("i", "j"): shape.side_ij}
    longest = max(sides.values())
    assert set(places) == {"c", "i", "j"}
    for (one, other), side in sides.items():
        if longest > 0:
            assert isclose(dist(places[one], places[other]), side / longest, abs_tol=1e-6)


@settings(max_examples=60, deadline=None)
@given(triangles(), st.integers(1, 90), st.integers(1, 30))
def test_nothing_leaves_the_panel_and_labels_never_overlap(shape: Triangle, width: int, height: int) -> None:
    lines = draw_triangle(shape, LABELS, width, height)
    assert len(lines) <= height
    assert all(width_of(line) <= width for line in lines)
    if lines:
        words = plain([lines[0], lines[-1]]).split()
        assert [word for word in words if word in ("c", "i", "j")].count("c") == 1
        assert sorted(set(words) & {"c", "i", "j"}) == ["c", "i", "j"]
        assert set(words) <= {"c", "i", "j", "151643", "71473"}, "a label is whole or only its letter"


@pytest.mark.parametrize(
    "sides", [(1, 1, 1), (1.109, 1.161, 1.608), (1, 1, 2), (1e-9, 1, 1), (0, 1, 1), (0, 0, 0)]
)
def test_equilateral_right_flat_needle_and_point_are_all_drawn(sides: tuple[float, float, float]) -> None:
    lines = draw_triangle(triangle(*sides), LABELS, 40, 12)
    assert any("\u2800" < character <= "\u28ff" for character in plain(lines))


def test_both_directions_have_the_same_scale() -> None:
    """An equilateral triangle 80 dots wide is 69 dots high: 18 rows of 4."""
    whole = plain(draw_triangle(triangle(1, 1, 1), ("c", "i", "j"), 41, 60)).splitlines()
    drawn = [row for row in whole[1:-1] if row.strip()]
    across = max(len(row.rstrip()) for row in drawn) - min(len(row) - len(row.lstrip()) for row in drawn)
    assert across == 41
    assert abs(len(drawn) * 4 - 81 * 0.866) <= 4


@settings(max_examples=150, deadline=None)
@given(triangles(), st.integers(5, 120), st.integers(3, 40))
def test_what_is_drawn_has_the_triangles_own_shape_within_a_dot(shape: Triangle, width: int, height: int) -> None:
    drawn = dots(draw_triangle(shape, LABELS, width, height)[1:-1])
    _, right, top = vertices(shape, LABELS)
    xs, ys = [x for x, _ in drawn], [y for _, y in drawn]
    across, high = max(xs) - min(xs), max(ys) - min(ys)
    if right.x == 0:
        assert (across, high) == (0, 0)
        return
    base = [(min(xs), max(ys)), (max(xs), max(ys))]
    corner = (min(xs) + across * top.x, max(ys) - across * top.y)
    assert across == 2 * width - 1 or high >= 4 * (height - 2) - 2, "it is as large as its room allows"
    assert min(dist(corner, dot) for dot in drawn) <= 1.5
    for dot in drawn:
        assert min(away(dot, *side) for side in ((*base,), (base[0], corner), (base[1], corner))) <= 1.5


Point = tuple[float, float]


def away(point: Point, start: Point, end: Point) -> float:
    """How far a point is from the straight stroke between two others."""
    along = (end[0] - start[0], end[1] - start[1])
    length = along[0] ** 2 + along[1] ** 2
    share = (point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]
    share = min(max(share / length, 0.0), 1.0) if length else 0.0
    return dist(point, (start[0] + share * along[0], start[1] + share * along[1]))


@settings(max_examples=100, deadline=None)
@given(triangles(), st.integers(27, 200), st.integers(1, 50))
def test_the_whole_panel_stays_in_its_room_with_its_numbers_first(
    shape: Triangle, width: int, height: int
) -> None:
    events = [*started(), named(), pair_found(), analysed(triangle=shape), done()]
    lines = triangle_lines(view_of(events), width, height)
    assert len(lines) <= height
    assert all(width_of(line) <= width for line in lines)
    if height >= 5:
        text = plain(lines)
        assert all(f"{side} {number(length, 11)}" in text for side, length in (
            ("i–j", shape.side_ij), ("c–j", shape.side_j), ("c–i", shape.side_i)))  # fmt: skip


def test_too_little_room_draws_nothing() -> None:
    assert draw_triangle(triangle(1, 1, 1), LABELS, 40, 2) == []
    assert draw_triangle(triangle(1, 1, 1), LABELS, 4, 10) == []
