"""The line of batch maxima: every batch's maximum, or its lower bound so far, in the cluster's order."""

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from ....engine.journal.record import RunRecord
from ....engine.text.numbers import count
from ...view import View
from ..lines import EMPTY, Line, left, wrap
from .axes import Axis, framed, label_row, label_width, rows_of
from .canvas import DOTS_ACROSS, DOTS_DOWN, DrawnPanel, Stroke, draw

SECONDS: Final = 1.0  # seconds between two drawings while a search is going


def maxima_lines(view: View, width: int, height: int, *, drawing: bool = True) -> list[Line]:
    """The line for `width` by `height` cells; without `drawing`, its axes alone."""
    record = view.record
    values = [row.value for row in record.batches] if record else []
    known = [value for value in values if value is not None]
    if record is None or not known:
        return wrap("Every batch's maximum appears here, in the cluster's order.", width, "dim")
    rows = height - 2
    axis = Axis(min(known), max(known))
    ticks = rows_of(axis, axis.ticks(max(rows // 2, 2)), max(rows, 1))
    across = width - label_width([name for _, name in ticks]) - 1
    if rows < 1 or across < 8:
        return []
    picture = [EMPTY] * rows
    if drawing:
        picture = [((row, "accent"),) for row in draw(_strokes(values, axis, across, rows), across, rows)]
    n = record.batches[-1].end
    ends = label_row([(0, "0"), (across // 2, "rows"), (across - 1, count(n))], across)
    return [_heading(record, known, width), *framed(picture, ticks, [ends])]


def _heading(record: RunRecord, known: list[float], width: int) -> Line:
    settled, batches = record.batches_done, len(record.batches)
    spread = f"the largest is {max(known) / min(known):.3g} × the least" if min(known) > 0 else ""
    so_far = "" if settled == batches else f"{count(settled)} of {count(batches)} settled"
    words = " · ".join(part for part in (so_far, spread) if part)
    return ((left(words, width), "dim"),)


def _strokes(values: Sequence[float | None], axis: Axis, width: int, height: int) -> tuple[Stroke, ...]:
    """The line in dots: from batch to batch, or where there are more batches than dots, in each column of dots
    from its smallest to its largest maximum."""
    across, down = DOTS_ACROSS * width - 1, DOTS_DOWN * height - 1
    columns: dict[int, list[int]] = {}
    for b, value in enumerate(values):
        if value is not None:
            at = round(b * across / max(len(values) - 1, 1))
            columns.setdefault(at, []).append(round((1 - axis.place(value)) * down))
    strokes: list[Stroke] = []
    for (x, places), (following, its_places) in pairwise(sorted(columns.items())):
        here, there = places[-1], its_places[0]
        if following == x + 1:
            # Half of a line between neighbours lies in either column, and is drawn with the rest of that column.
            middle = here + int((there - here) / 2)
            places.append(middle)
            its_places.insert(0, middle + (there > here) - (there < here))
        else:
            strokes.append((x, here, following, there))
    return (*strokes, *((x, min(places), x, max(places)) for x, places in columns.items()))


class Maxima(DrawnPanel):
    """The line of batch maxima."""

    TITLE = "batch maxima"
    _shown_at = 0.0

    def show(self, view: View) -> None:
        """Take a newer view; while a search is going, no more often than a person can read it."""
        same = self._view is not None and view.record is self._view.record and view.stage == "searching"
        if same and time.monotonic() - self._shown_at < SECONDS:
            return
        self._shown_at = time.monotonic()
        super().show(view)

    def has_picture(self, view: View) -> bool:
        """Whether `view` has what there is to draw."""
        return bool(view.record and view.record.batches)

    def picture_lines(self, view: View, width: int, height: int, *, drawing: bool) -> Sequence[Line]:
        """The lines that show `view`; without `drawing`, in words."""
        return maxima_lines(view, width, height, drawing=drawing)
