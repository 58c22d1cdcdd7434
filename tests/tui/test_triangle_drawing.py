"""The triangle is drawn to scale, inside its panel, with labels that never overlap."""

from math import dist, hypot, isclose

import pytest
from farpair.engine.events import Triangle
from farpair.tui.widgets.lines import plain, width_of
from farpair.tui.widgets.triangle_drawing import draw_triangle, vertices
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_too_little_room_draws_nothing() -> None:
    assert draw_triangle(triangle(1, 1, 1), LABELS, 40, 2) == []
    assert draw_triangle(triangle(1, 1, 1), LABELS, 4, 10) == []
