"""The headline: the answer in one line under the title; during a run, the best pair so far and the times."""

from collections.abc import Sequence

from ...engine.journal.record import BatchRecord, RunRecord
from ...engine.report.sentences import headlines, pair_ids
from ...engine.text.numbers import date, distance, duration
from ..view import View, fraction, percent
from .lines import EMPTY, Line, spread
from .panel import Panel


def headline_line(view: View, width: int) -> Line:
    """The answer, or what is known of it, in one line of `width` cells."""
    record = view.record
    if record is None:
        return EMPTY
    room = width - 1
    if answers := headlines(record):
        answer = next((words for words in answers if len(words) <= room), answers[-1])
        refuted = record.verified is not None and not record.verified.confirmed
        proof: Line = (("✗ refuted ", "bad"),) if refuted else (("✓ proved ", "good"),)
        return spread(((f" {answer}", "strong"),), proof, width)
    best = view.best
    if best is None or best.i is None or best.j is None:
        return EMPTY
    so_far = _so_far(record, best)
    ways = [f"{words}{times}" for times in _times(view, record) for words in so_far]
    chosen = next((words for words in ways if len(words) <= room), so_far[-1])
    return ((f" {chosen}", "strong"),)


def _so_far(record: RunRecord, best: BatchRecord) -> list[str]:
    """The largest distance so far and its pair, the longest form first."""
    if best.value is None or best.i is None or best.j is None:
        return [""]
    least = f"≥ {distance(best.value)}"
    with_pair = f"{least} · {pair_ids(record, best.i, best.j)}"
    return [with_pair, least]


def _times(view: View, record: RunRecord) -> list[str]:
    """The time taken, the time left and when the search will be done; or where it was cut short."""
    if not view.going:
        return [f" · best so far, at {percent(fraction(record))}", f" · at {percent(fraction(record))}", ""]
    if record.progress is None:
        return [" · best so far", ""]
    elapsed, left = f" · {duration(record.progress.seconds)}", record.seconds_left
    if left is None or record.last_time is None:
        return [f" · best so far{elapsed}", elapsed, ""]
    remaining = f"{elapsed} · {duration(left)} left"
    return [f"{remaining} · done {date(record.last_time + left, '%H:%M')}", remaining, ""]


class Headline(Panel):
    """The line under the title."""

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002
        """The lines that show `view` in `width` by `height` cells."""
        return (headline_line(view, width),)
