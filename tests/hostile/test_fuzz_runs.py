"""Journals and requests, damaged at random: each is read as far as possible and shown, or refused."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from farpair.engine.errors import JournalError, RunError
from farpair.engine.events import (
    AnyEvent,
    Checkpoint,
    Continued,
    Measured,
    PairTriangle,
    Paused,
    Queued,
    RunRequest,
)
from farpair.engine.journal.reader import JournalTail
from farpair.engine.journal.record import RunRecord
from farpair.engine.report.export import SUFFIXES, text_of
from farpair.engine.report.text_report import print_report
from farpair.engine.runs.control import crash_sentence
from farpair.engine.runs.folders import Run
from farpair.engine.runs.request import request_of
from farpair.tui.screens.compare import comparison_lines
from farpair.tui.screens.notes import note_lines
from farpair.tui.view import View
from farpair.tui.widgets.batches.rows import batch_line, heading
from farpair.tui.widgets.lines import Line, plain
from farpair.tui.widgets.notice import notice_lines
from farpair.tui.widgets.outliers import outlier_lines
from farpair.tui.widgets.plots.histogram import distance_lines
from farpair.tui.widgets.plots.ladder import ladder_lines
from farpair.tui.widgets.plots.maxima import maxima_lines
from farpair.tui.widgets.progress import progress_line
from farpair.tui.widgets.statistics import statistics_lines
from farpair.tui.widgets.title import title_line
from farpair.tui.widgets.triangle import triangle_lines
from hypothesis import given
from hypothesis import strategies as st
from support.hostile.checks import check_harmless, in_time
from support.hostile.journals import REQUEST, encoded, lines
from support.hostile.mutations import fuzzed, spoiled, spoiled_bytes, spoiled_json
from support.published import DATE, analysed, published, view_of

PUBLISHED = published()
PANELS = (
    notice_lines,
    outlier_lines,
    triangle_lines,
    statistics_lines,
    distance_lines,
    ladder_lines,
    maxima_lines,
)
# Events that not every run has, and where a run might have them.
_ANALYSED = analysed()
_MEASURED = Measured(
    centroid_norm=_ANALYSED.centroid_norm,
    tokens=(_ANALYSED.outlier, _ANALYSED.other),
    pairs=(PairTriangle(i=14, j=17, triangle=_ANALYSED.triangle),),
)
_POINT = Checkpoint(batches=3, pairs=((14, 17, 1), (17, 256, 2)), grouping=7)
_SELDOM = (Queued(ahead=1, behind="another"), Queued(ahead=0), Paused(), Continued(), _POINT, _MEASURED)
_SELDOM_LINES = [{"time": DATE, "event": msgspec.to_builtins(event)} for event in _SELDOM]
JOURNAL = [*lines()[:1], *_SELDOM_LINES[:2], *lines()[1:-2], *_SELDOM_LINES[2:], *lines()[-2:]]


@st.composite
def journals(draw: st.DrawFn) -> bytes:
    """A whole run, some of its lines spoiled, and some said again, left out or in another order."""
    if draw(st.booleans()):
        return draw(spoiled_bytes(encoded(JOURNAL)))
    written = [json.dumps(line).encode() for line in JOURNAL]
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(written) - 1))
        match draw(st.sampled_from(["spoil", "spoil", "spoil", "again", "away", "swap"])):
            case "spoil":
                written[at] = draw(spoiled_json(JOURNAL[at % len(JOURNAL)]))
            case "again":
                written.insert(at, written[draw(st.integers(0, len(written) - 1))])
            case "away" if len(written) > 1:
                del written[at]
            case _:
                written[0], written[at] = written[at], written[0]
    return b"\n".join(written) + draw(st.sampled_from([b"\n", b"", b"\n{"]))


@fuzzed
@given(journals())
def test_a_spoiled_journal_is_shown_as_far_as_it_is_one(content: bytes) -> None:
    with TemporaryDirectory() as folder, in_time():
        run = Run("20261122-185400-model-0000", Path(folder))
        run.journal.write_bytes(content)
        read = list(events_of(run.journal))
        events = [event for _, event in read]
        record = RunRecord()
        for when, event in read:
            record.apply(when, event)
        page = io.StringIO()
        print_report(record, page)
        check_harmless(page.getvalue())
        for form in SUFFIXES:
            check_harmless(text_of(record, form))
        check_harmless(crash_sentence(run, record) or "")
        for chosen in (None, 0, 8):
            check_view(view_of(events, chosen=chosen), record)


def events_of(journal: Path) -> Iterator[tuple[float, AnyEvent]]:
    """The events that can be read, before the sentence about the first that cannot."""
    tail = JournalTail(journal)
    try:
        while read := tail.read():
            yield from read
    except JournalError as error:
        check_harmless(str(error))
    finally:
        tail.close()


def check_view(view: View, record: RunRecord) -> None:
    """Every panel has lines for it, at any size, and none does anything to a terminal."""
    for width, height in ((1, 1), (20, 4), (80, 24), (200, 60)):
        drawn: list[Line] = [title_line(view, width), progress_line(view, width), heading(record, width)]
        for panel in PANELS:
            drawn += panel(view, width, height)
        drawn += [*note_lines(view, width), *comparison_lines(view, view_of(PUBLISHED), width)]
        drawn += [batch_line(record, batch, view.best, width) for batch in range(min(len(record.batches), 20))]
        check_harmless(plain(drawn))


@fuzzed
@given(spoiled(msgspec.to_builtins(REQUEST)))
def test_a_spoiled_request_is_read_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder, in_time():
        run = Run("20261122-185400-model-0000", Path(folder))
        run.request.write_bytes(content)
        try:
            asked = request_of(run)
        except RunError as error:
            said = str(error)
        else:
            assert isinstance(asked, RunRequest)
            said = ""
        check_harmless(said)
