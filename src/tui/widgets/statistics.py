"""The statistics panel: norms and distances from the centroid, the centroid itself, the identical rows."""

from collections.abc import Sequence

from ...engine.events import Analysed
from ...engine.journal.record import RunRecord
from ...engine.text.numbers import count, distance
from ..view import View
from .lines import EMPTY, Line, Span, number, right, wrap
from .panel import Panel

LABEL = 8


def statistics_lines(view: View, width: int, height: int) -> list[Line]:
    """Minimum, maximum, median and mean of norms and distances, then the centroid and the identical rows in
    words."""
    record = view.record
    if record is None or record.analysis is None:
        return []
    lines = _table(record.analysis, width)
    notes = [_centroid(record.analysis, width, height), *_copies(record, record.analysis, width)]
    room = height - len(lines) - sum(len(note) for note in notes)
    for note in notes:
        if room > 0:
            lines.append(EMPTY)
            room -= 1
        lines += note
    return [*lines, *_in_full(record.analysis, width, room)]


def _in_full(analysis: Analysed, width: int, room: int) -> list[Line]:
    """The same numbers to their last digit, for a panel that fills the screen."""
    column = 24
    if room < 8 or width < LABEL + 2 * column:
        return []

    def row(name: str, norm: float, from_c: float) -> Line:
        return ((f"{name:<{LABEL}}", "dim"), (right(repr(norm), column) + right(repr(from_c), column), "text"))

    norms, distances = analysis.norms, analysis.distances
    return [
        EMPTY,
        (("to the last digit", "accent"),),
        row("min", norms.minimum, distances.minimum),
        row("max", norms.maximum, distances.maximum),
        row("median", norms.median, distances.median),
        row("mean", norms.mean, distances.mean),
    ]


def _table(analysis: Analysed, width: int) -> list[Line]:
    summaries = [("norm", analysis.norms), ("from c", analysis.distances)]
    if analysis.distances_from_mean is not None and width >= LABEL + 3 * 12:
        summaries.append(("from mean", analysis.distances_from_mean))
    column = min(max((width - LABEL) // len(summaries) - 1, 6), 14)

    def row(name: str, texts: Sequence[str], tone: bool = True) -> Line:
        cells: list[Span] = [(" " + right(text, column), "text" if tone else "dim") for text in texts]
        return ((f"{name:<{LABEL}}", "dim"), *cells)

    return [
        row("", [name for name, _ in summaries], tone=False),
        row("min", [number(summary.minimum, column) for _, summary in summaries]),
        row("max", [number(summary.maximum, column) for _, summary in summaries]),
        row("median", [number(summary.median, column) for _, summary in summaries]),
        row("mean", [number(summary.mean, column) for _, summary in summaries]),
    ]


def _centroid(analysis: Analysed, width: int, height: int) -> list[Line]:
    if height < 8:  # only a line of its own is left
        off = analysis.centroid_offset
        away = "the rows' mean" if off is None else f"{off:.2e} off mean"
        return wrap(f"|c| {distance(analysis.centroid_norm)}, {away}", width)
    norm = f"centroid norm {distance(analysis.centroid_norm)}"
    if analysis.centroid_offset is None:
        return wrap(f"{norm}, the rows' mean", width)
    return wrap(f"{norm}, {analysis.centroid_offset:.2e} from the rows' mean", width)


def _copies(record: RunRecord, analysis: Analysed, width: int) -> list[list[Line]]:
    copies = analysis.copies
    n = record.started.n if record.started else 0
    if not copies.groups:
        return [wrap(f"no identical rows among {count(n)}", width)]
    groups = "1 group" if copies.groups == 1 else f"{count(copies.groups)} groups"
    if width < 36:
        return [wrap(f"{groups} of copies: {count(copies.rows)} rows", width)]
    sizes = ", ".join(count(size) for size in copies.sizes[:4]) + (", …" if copies.groups > 4 else "")
    words = f"{groups} of identical rows, {count(copies.rows)} of {count(n)}, of sizes {sizes}"
    return [wrap(f"{words}; {count(copies.distinct)} different rows in all", width)]


class Statistics(Panel):
    """The statistics panel."""

    TITLE = "cluster"

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:
        """The lines that show `view` in `width` by `height` cells."""
        return statistics_lines(view, width, height)
