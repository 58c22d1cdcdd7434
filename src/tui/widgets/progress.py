"""The progress line: the settled batches, the share, the rate and a bar, or how the run ended."""

from collections.abc import Sequence

from ...engine.journal.record import RunRecord
from ...engine.text.escape import visible
from ...engine.text.numbers import count, date, duration, rate
from ..view import View, fraction, percent
from .lines import EMPTY, Line, Span, width_of
from .panel import Panel
from .status import place, waiting_for


def progress_line(view: View, width: int) -> Line:
    """The state of the run, in one line of `width` cells."""
    record = view.record
    if record is None:
        return _not_run(view)
    match view.stage:
        case "queued" if record.queued is not None:
            return (("◌ ", "accent"), (place(record.queued), "strong"), (f", {waiting_for(record)}", "text"))
        case "starting":
            run = record.engine.request.settings if record.engine else view.settings.run
            doing = f"starting the engine (device {visible(run.device, 20)}) and reading the rows …"
            return (("● ", "accent"), (doing, "text"))
        case "searching" | "paused":
            return _searching(record, width, view.settings.key("pause") if view.stage == "paused" else "")
        case "analysing" if record.analysis:
            return _climbing(record)
        case "analysing":
            return (("● ", "accent"), ("the pair is found; measuring its tokens …", "text"))
        case "done":
            return _done(record, view.changed, width)
        case _:
            return _ended(view, record)


def when(seconds: float | None) -> str:
    """A date and time of this machine's clock: "22 Nov 2026 19:20"; "" where there is none, or no such date."""
    return date(seconds, "%d %b %Y %H:%M")


def _not_run(view: View) -> Line:
    if view.stage == "no models":
        return EMPTY
    if view.stage == "broken":
        return (("✗ ", "bad"), ("this model cannot be searched", "text"))
    if not view.looked:
        return (("looking for earlier runs …", "dim"),)
    return (("not searched yet: ", "dim"), (view.settings.key("run"), "accent"), (" starts the search", "dim"))


def _searching(record: RunRecord, width: int, paused: str) -> Line:
    """`paused` is the key that resumes the run where it is paused, else ""."""
    share = fraction(record)
    texts: list[Span] = [
        (f"{count(record.batches_done)}/{count(len(record.batches))} batches", "text"),
        (f"{percent(share):>4}", "strong"),
    ]
    if paused:
        texts.append((f"paused – {paused} resumes", "warn"))
    elif record.progress and record.progress.pairs_per_second > 0:
        texts.append((f"{rate(record.progress.pairs_per_second):>13}", "text"))
    line: list[Span] = []
    for text in texts:
        line += [text, ("  ", "text")]
    # The bar comes last because it changes least: everything to the right of a change is sent to the terminal
    # again.
    return (*line, *bar(share, max(width - width_of(tuple(line)), 4)))


def bar(share: float, width: int) -> Line:
    """A bar of `width` cells, `share` of it filled."""
    filled = int(share * width)
    return (("━" * filled, "accent"), ("─" * (width - filled), "dim"))


def _climbing(record: RunRecord) -> Line:
    """The result is known; the ladder is still being worked out."""
    climbing = record.climbing
    share = percent(climbing.settled / climbing.pairs) if climbing and climbing.pairs else ""
    words = "the pair is found; counting the outliers …"
    return (("● ", "accent"), (words, "text"), (f"  {share}", "strong"))


def _done(record: RunRecord, changed: str | None, width: int) -> Line:
    line: list[Span] = [("✓ ", "good"), ("done", "strong"), (f"  {when(record.last_time)}", "text")]
    if changed:
        return (*line, (f"  {changed}", "warn"))
    if record.pair:
        line.append((f"  in {duration(record.pair.seconds)}", "text"))
        pairs = count(record.pair.pairs)
        batches = "1 batch" if len(record.batches) == 1 else f"{count(len(record.batches))} batches"
        longer: Span = (f"  ·  {batches}, {pairs} pairs", "dim")
        speed = record.pair.pairs / record.pair.seconds if record.pair.seconds > 0 else 0.0
        for more in (longer, (f", {rate(speed)}", "dim")):
            if speed and width_of((*line, more)) <= width:
                line.append(more)
    return tuple(line)


def _ended(view: View, record: RunRecord) -> Line:
    share = f"at {percent(fraction(record))}  {when(record.last_time)}"
    match view.stage:
        case "stopped" | "terminated":
            return (("■ ", "warn"), (f"{view.stage} ", "strong"), (share, "dim"))
        case "failed":
            return (("✗ ", "bad"), ("failed  ", "strong"), (when(record.last_time), "dim"))
        case _:
            return (("✗ ", "bad"), ("the engine died ", "strong"), (share, "dim"))


class ProgressLine(Panel):
    """The line between the model list and the table."""

    TITLE = "progress"

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002
        """The lines that show `view` in `width` by `height` cells."""
        return (progress_line(view, width),)
