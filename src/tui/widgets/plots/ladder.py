"""The outlier ladder: the diameter without the k farthest tokens, as a plot and a table, and the step at which it
drops."""

from collections.abc import Sequence
from typing import Final

from ....engine.analysis.criteria import telling
from ....engine.events import Ladder
from ....engine.journal.record import RunRecord
from ....engine.report import sentences
from ....engine.text.escape import token_label
from ...view import View
from ..lines import EMPTY, Line, left, number, width_of, wrap
from .axes import Axis, framed, label_row, label_width, rows_of
from .canvas import DOTS_ACROSS, DOTS_DOWN, DrawnPanel, Stroke, draw

TABLE: Final = 34  # cells of the table where it stands beside the plot
BESIDE: Final = 62  # cells from which it does
LEAST_PLOT: Final = 6  # rows


def ladder_lines(view: View, width: int, height: int, *, drawing: bool = True) -> list[Line]:
    """The ladder for `width` by `height` cells; without `drawing`, all but the plot's line."""
    record = view.record
    found = record.ladder if record else None
    if record is None or found is None:
        return wrap(_waiting(view), width, "dim")
    words = [line for sentence in sentences.ladder(found) for line in wrap(sentence, width, "text")]
    room = height - len(words)
    if not found.rungs or room < 3:
        return words[:height]
    if width >= BESIDE:
        plot = _plot(found, width - TABLE - 2, room, drawing)
        table = _table(record, found, TABLE, room)
        return [*words, *(_beside(_at(plot, y), _at(table, y), width - TABLE) for y in range(room))]
    rows = min(room, max(LEAST_PLOT, room // 2))
    table = _table(record, found, width, room - rows) if room - rows >= 4 and width >= TABLE - 4 else []
    return [*words, *_plot(found, width, room if not table else rows, drawing), *table]


def _waiting(view: View) -> str:
    if view.stage == "analysing":
        return "Removing the farthest tokens one by one …"
    if view.stage == "done":
        return "No ladder was taken of this run; r runs it again."
    return "The diameter without the farthest tokens appears here, once the pair is found."


def _plot(found: Ladder, width: int, height: int, drawing: bool) -> list[Line]:
    """The diameter (log scale) by how many tokens are taken away, as a staircase."""
    diameters = [rung.diameter for rung in found.rungs]
    apart = [diameter for diameter in diameters if diameter > 0]
    rows = height - 1
    if not apart:
        return []
    axis = Axis(min(apart), max(apart), log=True)
    ticks = rows_of(axis, axis.ticks(max(rows // 2, 2)), rows)
    across = width - label_width([name for _, name in ticks]) - 1
    if across < 8:
        return []
    picture = [EMPTY] * rows
    if drawing:
        picture = [((row, "accent"),) for row in draw(_stairs(diameters, axis, across, rows), across, rows)]
    return framed(picture, ticks, [label_row(_marks(found, across), across)])


def _marks(found: Ladder, width: int) -> list[tuple[int, str]]:
    """The numbers of tokens removed at both ends, and ▲ under the step, which takes precedence over the ends."""
    last = len(found.rungs) - 1
    ends = [(0, "0"), (width - 1, str(last))] if last else [(0, "0")]
    if not found.outside or found.outside >= last:
        return ends
    at, step = round(found.outside / last * (width - 1)), f"▲ {found.outside}"
    middle = (at + len(step) // 2, step)  # ▲ itself is centred under the step
    return [middle, *ends[1:]] if at < 2 else [ends[0], middle, *ends[1:]]


def _stairs(diameters: Sequence[float], axis: Axis, width: int, height: int) -> tuple[Stroke, ...]:
    across, down = DOTS_ACROSS * width - 1, DOTS_DOWN * height - 1
    xs = [round(k * across / max(len(diameters) - 1, 1)) for k in range(len(diameters))]
    ys = [round((1 - axis.place(diameter)) * down) for diameter in diameters]
    strokes: list[Stroke] = [(xs[0], ys[0], xs[0], ys[0])]
    for k in range(1, len(diameters)):
        strokes += [(xs[k - 1], ys[k - 1], xs[k], ys[k - 1]), (xs[k], ys[k - 1], xs[k], ys[k])]
    return tuple(strokes)


def _table(record: RunRecord, found: Ladder, width: int, height: int) -> list[Line]:
    """The most informative rungs: the number of tokens removed, the diameter, and the last token removed."""
    lines: list[Line] = [((left(" removed  diameter     last removed", width), "dim"),)]
    for k in telling([rung.diameter for rung in found.rungs], height - 1):
        rung = found.rungs[k]
        token = record.tokens.get(rung.removed) if rung.removed is not None else None
        gone = "" if rung.removed is None else f"row {rung.removed}"
        name = token_label(token, max(width - 22, 1)) if token else gone
        mark, falls = ("★" if k == found.outside else " "), k == found.outside
        lines.append(
            (
                (f"{mark} ", "good"),
                (f"{k:>6}  {number(rung.diameter, 10):<10}  ", "strong" if falls else "text"),
                (left(name, width - 22), "strong" if falls else "text"),
            )
        )
    return lines


def _beside(one: Line, other: Line, column: int) -> Line:
    return (*one, (left("", column - width_of(one)), "text"), *other)


def _at(lines: Sequence[Line], y: int) -> Line:
    return lines[y] if y < len(lines) else EMPTY


class LadderPanel(DrawnPanel):
    """The outlier ladder."""

    TITLE = "outlier ladder"

    def has_picture(self, view: View) -> bool:
        """Whether `view` has what there is to draw."""
        return bool(view.record and view.record.ladder)

    def picture_lines(self, view: View, width: int, height: int, *, drawing: bool) -> Sequence[Line]:
        """The lines that show `view`; without `drawing`, in words."""
        return ladder_lines(view, width, height, drawing=drawing)
