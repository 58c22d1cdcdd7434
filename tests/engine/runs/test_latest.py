"""Of the runs of one model the one that says most is shown; where a run stands is read from its journal's ends."""

import os
from pathlib import Path

import msgspec
import pytest
from farpair.engine.errors import JournalError
from farpair.engine.events import AnyEvent, BatchBound, Continued, Paused, Queued, RunEnded, RunStarted, SourceFile
from farpair.engine.journal.peek import Peek, peek
from farpair.engine.journal.writer import JournalWriter
from farpair.engine.models.source_files import changed_since
from farpair.engine.runs.folders import Run
from farpair.engine.runs.latest import latest, latest_runs
from farpair.engine.runs.request import request_of
from support.published import HandWritten, a_model, done, named, pair_found, progress, published, settled, started
from support.running import with_settings

STOPPED = RunEnded(outcome="cancelled", reason="Stopped.")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def file(tmp_path: Path) -> SourceFile:
    path = tmp_path / "W.safetensors"
    path.write_bytes(b"12345")
    return SourceFile(path=str(path), size=5, mtime_ns=path.stat().st_mtime_ns)


def run_with(number: int, *events: AnyEvent, file: SourceFile | None = None, batch: int = 256) -> Run:
    """A run of one model, newer the higher its number."""
    model = a_model()
    written = HandWritten(model, number)
    request = with_settings(written.request, batch=batch)
    written.run.request.write_bytes(msgspec.json.encode(request))
    os.utime(written.run.request, (number, number))
    for event in events:
        if isinstance(event, RunStarted) and file:
            event = msgspec.structs.replace(event, files=(file,))
        written.write(event)
    written.close()
    folder = written.run.folder
    moved = folder.parent / f"20260101-0000{number:02}-by-hand-{number:04x}"
    folder.rename(moved)
    return Run(moved.name, moved)


def test_one_that_is_going_is_shown_before_any_other(file: SourceFile) -> None:
    going = run_with(1, *started(alive=True))
    run_with(2, *published(), file=file)
    run_with(3, *started(), STOPPED)
    assert latest(request_of(going)) == going


def test_a_result_is_shown_rather_than_a_newer_run_of_the_same_that_was_cut_short(file: SourceFile) -> None:
    result = run_with(1, *published(), file=file)
    run_with(2, *started(), STOPPED)
    run_with(3, *started())
    assert latest(request_of(result)) == result


def test_a_result_of_other_settings_or_of_files_that_changed_is_not(file: SourceFile) -> None:
    request = request_of(run_with(1, *published(), file=file, batch=7))
    newest = run_with(2, *started(), STOPPED)
    assert latest(request) == newest
    result = run_with(3, *published(), file=file)
    newer = run_with(4, *started(), STOPPED)
    assert latest(request) == result
    Path(file.path).write_bytes(b"123456")
    assert latest(request) == newer
    assert changed_since([file]) == "W.safetensors has changed since (6 B; it was 5 B)"
    os.truncate(file.path, 5)
    assert changed_since([file]) == "W.safetensors has been written since"
    Path(file.path).unlink()
    assert changed_since([file]) == "W.safetensors is no longer there"


def test_the_newest_result_is_shown_whatever_its_settings(file: SourceFile) -> None:
    run_with(1, *published(), file=file)
    newest = run_with(2, *published(), file=file, batch=7)
    request = request_of(newest)
    assert latest_runs([None, request, msgspec.structs.replace(request, tensor="V")]) == [None, newest, None]


@pytest.mark.parametrize(
    ("events", "standing"),
    [
        ([], "starting"),
        (started()[:1], "starting"),
        ([*started()[:1], Queued(ahead=2, behind="r")], "queued"),
        ([*started()[:1], Queued(ahead=2, behind="r"), Queued(ahead=0)], "going"),
        (started(), "going"),
        ([*started(), Paused()], "paused"),
        ([*started(), Paused(), Continued()], "going"),
        ([*started(), progress(0.5), named(), settled(3)], "going"),
        ([*started(), STOPPED], "stopped"),
        ([*started(), msgspec.structs.replace(STOPPED, cause="signal")], "terminated"),
        (published(), "done"),
    ],
)
def test_where_a_run_stands_is_told_by_its_last_event(
    tmp_path: Path, events: list[AnyEvent], standing: str
) -> None:
    seen = peek(written(tmp_path / "journal", events))
    assert seen.standing == standing
    assert seen.engine == (events[0] if events else None)
    assert seen.last == (events[-1] if events else None)


def test_a_journal_of_any_length_and_with_a_torn_last_line_is_glanced_at(tmp_path: Path) -> None:
    bounds: list[AnyEvent] = [BatchBound(batch=0, lower=float(k), i=0, j=1) for k in range(3000)]
    path = written(tmp_path / "journal", [*started(), progress(0.25), *bounds[:100], progress(0.5), *bounds])
    whole = path.read_bytes()
    for cut in (len(whole), len(whole) - 1, len(whole) - 50):
        path.write_bytes(whole[:cut])
        seen = peek(path)
        assert isinstance(seen.started, RunStarted)
        assert isinstance(seen.last, BatchBound)
        assert seen.last.lower == 2999.0 - (cut < len(whole))
    path = written(tmp_path / "short", [*started(), progress(0.25), *bounds[:50]])
    seen = peek(path)
    assert seen.progress == progress(0.25)
    path = written(tmp_path / "pair", [*started(), progress(0.25), pair_found(), *bounds])
    assert peek(path).pair == pair_found()
    path = written(tmp_path / "long line", [*started(), pair_found(), done()])
    path.write_bytes(path.read_bytes() + b"x" * 300_000)
    assert peek(path).pair == pair_found()


def test_no_journal_is_no_news_and_a_broken_one_a_sentence(tmp_path: Path) -> None:
    assert peek(tmp_path / "journal") == Peek()
    (tmp_path / "journal").write_bytes(b"nonsense\n")
    with pytest.raises(JournalError, match="not an event"):
        peek(tmp_path / "journal")
    with pytest.raises(JournalError, match="cannot be read"):
        peek(tmp_path)


def written(path: Path, events: list[AnyEvent]) -> Path:
    writer = JournalWriter(path)
    for event in events:
        writer.append(event)
    writer.close()
    return path
