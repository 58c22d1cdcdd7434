"""The histogram of distances from the centroid, both scales logarithmic, with the outliers and the pair marked."""

from collections.abc import Sequence
from typing import Final

from ....engine.events import Analysed, Histogram
from ....engine.report.outliers import Outlier, outliers
from ....engine.text.numbers import count
from ...view import View
from ..lines import Line, Role, wrap
from ..panel import Panel
from .axes import Axis, columns_of, framed, label_row, label_width, rows_of

EIGHTHS: Final = " ▁▂▃▄▅▆▇█"


def distance_lines(view: View, width: int, height: int) -> list[Line]:
    """The histogram for `width` by `height` cells."""
    record = view.record
    if record is None or record.analysis is None:
        return wrap("How far the tokens lie from the centroid appears here, once the pair is found.", width, "dim")
    found = record.analysis.histogram
    if found is None:
        return wrap("The program that made this run took no histogram; r runs it again.", width, "dim")
    listed = outliers(record)
    heading: list[Line] = [((_heading(found, listed, width), "dim"),)]
    rows = height - len(heading) - 2
    if rows < 1 or not found.counts:
        return heading[:height]
    tall = Axis(0.1, max(found.counts), log=True)  # a bin of one row is one step higher than an empty one
    ticks = rows_of(tall, [value for value in tall.ticks(max(rows // 2, 2)) if value >= 1], rows)
    ticks = [(y, _plain(name)) for y, name in ticks]
    across = width - label_width([name for _, name in ticks]) - 1
    if across < 8:
        return heading[:height]
    wide = Axis(found.edges[0], found.edges[-1], log=True)
    below = [label_row(columns_of(wide, wide.ticks(max(across // 8, 2)), across), across)]
    marks = _marks(record.analysis, wide, across)
    picture = _bars(found, _nearest(listed), tall, wide, across, rows)
    return [*heading, *framed([*picture, ((marks, "accent"),)], ticks, below)]


def _heading(found: Histogram, listed: Sequence[Outlier] | None, width: int) -> str:
    """How many tokens are outliers, in words that fit."""
    total = count(sum(found.counts) + found.at_zero)
    of = f"{total} tokens" if listed is None else f"{count(len(listed))} outliers of {total} tokens"
    if listed is not None and len(listed) == 1:
        of = f"1 outlier of {total} tokens"
    on_it = f"; {count(found.at_zero)} on the centroid" if found.at_zero else ""
    return next((sentence for sentence in (f"{of}{on_it}", of) if len(sentence) <= width), "")


def _nearest(listed: Sequence[Outlier] | None) -> float | None:
    """The smallest distance of an outlier from the centroid; None where there is no outlier, or it is not
    known."""
    return min((one.distance for one in listed or () if one.distance is not None), default=None)


def _bars(found: Histogram, nearest: float | None, tall: Axis, wide: Axis, width: int, height: int) -> list[Line]:
    """One bar for each bin, or for several bins together where they are narrower than a cell; bars of outliers are
    marked."""
    counts = merged(found.counts, width)
    bins = [x * len(counts) // width for x in range(width)]
    steps = [round(tall.place(counts[b]) * 8 * height) if counts[b] else 0 for b in bins]
    inside = width if nearest is None else min(int(wide.place(nearest) * width), width - 1)
    lines: list[Line] = []
    for y in range(height):
        above = 8 * (height - 1 - y)
        row = "".join(EIGHTHS[min(max(step - above, 0), 8)] for step in steps)
        spans: list[tuple[str, Role]] = [(row[:inside], "text"), (row[inside:], "warn")]
        lines.append(tuple(span for span in spans if span[0]))
    return lines


def merged(counts: Sequence[int], most: int) -> list[int]:
    """The counts of bins, with as few neighbours added together as leave at most `most` of them."""
    together = next(by for by in range(1, len(counts) + 1) if len(counts) % by == 0 and len(counts) // by <= most)
    return [sum(counts[start : start + together]) for start in range(0, len(counts), together)]


def _marks(found: Analysed, wide: Axis, width: int) -> str:
    """The marks of the pair: i and j under their bins, side by side where they share one."""
    places = {found.outlier.index: found.outlier.distance, found.other.index: found.other.distance}
    at = sorted(
        (round(wide.place(places[row]) * (width - 1)), name) for row, name in ((found.i, "i"), (found.j, "j"))
    )
    (first, one), (second, other) = at
    first = min(first, width - 2)
    second = max(second, first + 1)
    return " " * first + one + " " * (second - first - 1) + other


def _plain(name: str) -> str:
    """A count's label without an exponent."""
    return count(round(float(name)))


class Distances(Panel):
    """The histogram of distances."""

    TITLE = "distances from c"

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:
        """The lines that show `view` in `width` by `height` cells."""
        return distance_lines(view, width, height)
