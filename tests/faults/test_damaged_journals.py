"""A journal cut at any byte, or with any bytes changed, is shown as far as it is valid by everything that reads
it."""

import asyncio
import io
import os
import random
import time

import pytest
from farpair.engine.errors import JournalError
from farpair.engine.events import RunRequest
from farpair.engine.journal.reader import JournalTail, read_kept
from farpair.engine.journal.record import RunRecord
from farpair.engine.journal.replay import ReplayTail
from farpair.engine.report.json_report import as_json
from farpair.engine.report.text_report import print_report
from farpair.engine.runs.cleanup import clean
from farpair.engine.runs.folders import Run, new_run
from farpair.engine.runs.latest import latest
from farpair.engine.runs.listing import listed
from farpair.engine.worker.queue import Turn
from farpair.engine.worker.resume import resume_from, run_before
from farpair.tui.monitor import Watched
from farpair.tui.view import Settings
from faults.conftest import Of
from support.published import HandWritten, a_model, point_after, published


@pytest.fixture
def whole() -> tuple[RunRequest, bytes]:
    """What was asked of a run, and its journal of some forty lines, a checkpoint among them."""
    written = HandWritten(a_model())
    events = published()
    events.insert(-3, point_after(9))
    written.write(*events)
    written.close()
    return written.request, written.run.journal.read_bytes()


def test_a_journal_cut_at_any_byte_is_read_by_everything(whole: tuple[RunRequest, bytes], of: Of) -> None:
    request, journal = whole
    run = new_run(request)
    for cut in range(0, len(journal) + 1, of(41, 1)):
        run.journal.write_bytes(journal[:cut])
        read_by_all(run, request)
        record, error = read_kept(run.journal)
        assert error is None
        whole_lines = journal[: journal.rfind(b"\n", 0, cut) + 1]
        assert record.batches_done == whole_lines.count(b'"BatchDone"')


def test_a_journal_with_any_bytes_changed_is_read_by_everything_and_never_differently(
    whole: tuple[RunRequest, bytes], of: Of
) -> None:
    request, journal = whole
    run = new_run(request)
    run.journal.write_bytes(journal)
    sound = JournalTail(run.journal).read()
    chance = random.Random(6)
    for _ in range(of(60, 3000)):
        changed = bytearray(journal)
        for _ in range(chance.randrange(1, 5)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        run.journal.write_bytes(changed)
        read_by_all(run, request)
        tail, events = JournalTail(run.journal), []
        try:
            while read := tail.read():
                events += read
        except JournalError:
            pass
        assert events == sound[: len(events)]


def read_by_all(run: Run, request: RunRequest) -> None:
    """Read the journal as the list, the report, the queue, a resumed run, a replay and the app do; none fails."""
    os.utime(run.request, (1, 1))  # its engine is not about to start
    listed(run)
    latest(request)
    clean()
    Turn(run, "cpu").look()
    record, _ = read_kept(run.journal)
    print_report(record, io.StringIO())
    as_json(record)
    started = record.started
    if started:
        _, told = resume_from(run_before(run.id), request, started)
        assert told.message.startswith(("Resumes from ", "Starts anew: "))
    replayed, tail = RunRecord(), ReplayTail(run.journal, 1e9)
    try:
        while not tail.at_the_end:
            for when, event in tail.read():
                replayed.apply(when, event)
            time.sleep(0.001)
    except JournalError:
        pass
    assert replayed == record
    watched = Watched(a_model())
    asyncio.run(watched.take_up(run))
    assert watched.view(Settings()).stage in ("starting", "done", "died")


def test_a_journal_that_is_a_folder_or_not_there_is_a_sentence() -> None:
    run = new_run(HandWritten(a_model()).request)
    os.utime(run.request, (1, 1))
    assert listed(run).place == "died"
    run.journal.mkdir()
    assert listed(run).place == "unreadable"
    assert "cannot be read" in listed(run).result
    assert "cannot be read" in str(read_kept(run.journal)[1])
