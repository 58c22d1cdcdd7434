"""The triangle centroid, i, j drawn to scale in braille dots, its vertices labelled above and below the
drawing."""

from math import sqrt

import msgspec
from rich.cells import cell_len

from ....engine.events import Triangle
from ..lines import EMPTY, Line
from .canvas import DOTS_ACROSS, DOTS_DOWN, draw


class Vertex(msgspec.Struct, frozen=True):
    """A corner: its label, and its place in the triangle's own units, y upward from the longest side."""

    label: str
    x: float
    y: float


def vertices(triangle: Triangle, labels: tuple[str, str, str]) -> tuple[Vertex, Vertex, Vertex]:
    """The left and right ends of the longest side, which lies flat, and the corner above it.

    `labels` are those of the centroid, i and j.
    """
    c, i, j = labels
    ends = max(
        (triangle.side_ij, (i, j, c), (triangle.side_i, triangle.side_j)),
        (triangle.side_j, (c, j, i), (triangle.side_i, triangle.side_ij)),
        (triangle.side_i, (c, i, j), (triangle.side_j, triangle.side_ij)),
        key=lambda side: side[0],
    )
    base, (left, right, top), (to_left, to_right) = ends
    if base <= 0:
        return Vertex(left, 0, 0), Vertex(right, 0, 0), Vertex(top, 0, 0)
    # The law of cosines in lengths divided by the base, so that no square overflows or vanishes.
    a, b = to_left / base, to_right / base
    x = min(max((a * a + 1 - b * b) / 2, 0.0), 1.0)
    y = sqrt(max(a * a - x * x, 0.0))
    return Vertex(left, 0, 0), Vertex(right, 1, 0), Vertex(top, x, y)


def draw_triangle(triangle: Triangle, labels: tuple[str, str, str], width: int, height: int) -> list[Line]:
    """The triangle as large as `width` by `height` cells allow, one row above and one below it for labels.

    Both directions have the same scale. Labels never overlap and stay inside the drawing; where two do not fit
    beside each other, each keeps only its first word. Below 3 rows or 5 columns nothing is drawn.
    """
    rows = height - 2
    if rows < 1 or width < 5:
        return []
    left, right, top = vertices(triangle, labels)
    span = max(right.x, 1e-9)
    dots = min((DOTS_ACROSS * width - 1) / span, (DOTS_DOWN * rows - 1) / max(top.y, 1e-9))
    used_rows = min(int(top.y * dots) // DOTS_DOWN + 1, rows)
    margin = (DOTS_ACROSS * width - 1 - dots * span) / 2
    floor = DOTS_DOWN * used_rows - 1

    def dot(vertex: Vertex) -> tuple[int, int]:
        """The place of the vertex, in dots from the upper left of the drawing."""
        return round(margin + vertex.x * dots), max(round(floor - vertex.y * dots), 0)

    a, b, c = dot(left), dot(right), dot(top)
    drawn = draw(((*a, *b), (*b, *c), (*c, *a)), width, used_rows)
    above = _label_row([(top.label, c[0] // DOTS_ACROSS)], width)
    below = _label_row([(left.label, a[0] // DOTS_ACROSS), (right.label, b[0] // DOTS_ACROSS)], width)
    return [above, *(((line, "text"),) for line in drawn), below]


def _label_row(labels: list[tuple[str, int]], width: int) -> Line:
    """Labels centred on their columns, as near as the row's ends and each other allow."""
    texts = [label for label, _ in labels]
    if sum(cell_len(text) + 1 for text in texts) > width:
        texts = [text.split()[0] for text in texts]
    starts: list[int] = []
    for n, (text, (_, column)) in enumerate(zip(texts, labels, strict=True)):
        room_after = sum(cell_len(later) + 1 for later in texts[n + 1 :])
        start = min(column - cell_len(text) // 2, width - cell_len(text) - room_after)
        free_from = starts[-1] + cell_len(texts[n - 1]) + 1 if starts else 0
        starts.append(max(start, free_from, 0))
    row = ""
    for text, start in zip(texts, starts, strict=True):
        row += " " * (start - cell_len(row)) + text
    return ((row, "accent"),) if row else EMPTY
