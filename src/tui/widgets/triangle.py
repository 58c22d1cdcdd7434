"""The triangle panel: centroid, i and j to scale, each angle beside the side opposite it, and the dot-product
check."""

from collections.abc import Sequence

from ...engine.events import Triangle
from ...engine.journal.record import RunRecord
from ...engine.text.escape import token_label, visible
from ...engine.text.numbers import degrees
from ..shown_pair import ShownPair, shown_pair
from ..view import View
from .lines import EMPTY, Line, left, number, width_of, wrap
from .panel import title_of
from .plots.canvas import DrawnPanel
from .plots.triangle import draw_triangle

NUMBERS = 27  # cells of the block of numbers
BESIDE = 40  # cells from which the drawing stands beside the numbers instead of above them


def triangle_lines(view: View, width: int, height: int, *, drawing: bool = True) -> list[Line]:
    """The triangle for `width` by `height` cells; without `drawing`, its numbers alone in their places."""
    record, shown = view.record, shown_pair(view)
    if record is None or shown is None or shown.measures is None:
        return []
    triangle = shown.measures.triangle
    numbers = number_lines(triangle)
    labels = ("c", f"i {_id(record, shown.i)}", f"j {_id(record, shown.j)}")
    beside = width >= BESIDE
    text_width = width if not beside else min(max(NUMBERS, width // 2), 34)
    legend = _legend(record, shown, text_width)
    words = wrap(visible(triangle.degenerate), text_width, "warn") if triangle.degenerate else []
    block = [*numbers, *words][:height]
    if len(block) + len(legend) <= (height if beside else height - 6):
        spaced = len(block) + len(legend) < height
        block += [*([EMPTY] if spaced else []), *legend]
    if not beside:
        rows = height - len(block)
        picture = draw_triangle(triangle, labels, width, rows) if drawing else []
        return [*picture, *[EMPTY] * (rows - len(picture)), *block]
    across = width - text_width - 2
    picture = draw_triangle(triangle, labels, across, height) if drawing else []
    picture = [*[EMPTY] * ((height - len(picture)) // 2), *picture]
    block = [*[EMPTY] * max((height - len(block)) // 2, 0), *block]
    return [_side_by_side(_at(picture, y), _at(block, y), across + 2) for y in range(height)]


def number_lines(triangle: Triangle) -> list[Line]:
    """The three angles, each beside the side opposite it; their sum; and the angle at the centroid by dot
    product."""
    rows = (
        ("c", triangle.at_centroid, "i–j", triangle.side_ij),
        ("i", triangle.at_i, "c–j", triangle.side_j),
        ("j", triangle.at_j, "c–i", triangle.side_i),
    )
    lines: list[Line] = [(("  angle    opposite side", "dim"),)]
    for vertex, angle, side, length in rows:
        lines.append(
            (
                (f"{vertex} ", "accent"),
                (f"{degrees(angle):>7}", "text"),
                (f"  {side} ", "dim"),
                (number(length, 11), "text"),
            )
        )
    lines.append(
        (
            ("Σ ", "dim"),
            (f"{degrees(triangle.angle_sum):>7}", "text"),
            ("  c (dot) ", "dim"),
            (degrees(triangle.at_centroid_dot), "text"),
        )
    )
    return lines


def _legend(record: RunRecord, pair: ShownPair, width: int) -> list[Line]:
    """What the letters stand for."""
    lines: list[Line] = [(("c ", "accent"), ("the cluster's centroid", "dim"))]
    for name, row in (("i", pair.i), ("j", pair.j)):
        token = record.tokens.get(row)
        label = token_label(token, max(width - 2, 1)) if token else f"row {row}"
        lines.append(((f"{name} ", "accent"), (label, "text")))
    return lines


def _side_by_side(one: Line, other: Line, column: int) -> Line:
    return (*one, (left("", column - width_of(one)), "text"), *other)


def _at(lines: Sequence[Line], y: int) -> Line:
    return lines[y] if y < len(lines) else EMPTY


def _id(record: RunRecord, row: int) -> str:
    token = record.tokens.get(row)
    return str(token.id) if token else f"row {row}"


class TrianglePanel(DrawnPanel):
    """The triangle panel."""

    TITLE = "triangle"

    def title(self, view: View) -> str:
        """The panel's title for `view`."""
        return title_of(self.TITLE, view)

    def has_picture(self, view: View) -> bool:
        """Whether `view` has what there is to draw."""
        shown = shown_pair(view)
        return shown is not None and shown.measures is not None

    def picture_lines(self, view: View, width: int, height: int, *, drawing: bool) -> Sequence[Line]:
        """The lines that show `view`; without `drawing`, in words."""
        return triangle_lines(view, width, height, drawing=drawing)
