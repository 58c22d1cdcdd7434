"""Runs are kept in private folders, found again, reached from any process, and say how they died."""

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from farpair.engine.errors import RunError
from farpair.engine.events import EngineStarted, Queued, RunEnded, RunRequest
from farpair.engine.journal.reader import read_record
from farpair.engine.journal.record import RunRecord
from farpair.engine.journal.writer import JournalWriter
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.folders import Run, new_run
from farpair.engine.runs.latest import latest
from farpair.engine.runs.listing import listed
from farpair.engine.runs.request import request_for, request_of
from farpair.engine.worker.queue import Turn
from support.fixtures import build_small_model
from support.running import ended, long_request, read_until, searching, wait_until_gone, with_settings

AUTOGROUP = Path("/proc/self/autogroup")
NOWHERE = RunRequest(
    model="nowhere", weights="/nowhere/W.safetensors", cluster="all", settings=RunSettings(device="cpu")
)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def _zone_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    return long_request(tmp_path_factory.mktemp("models") / "long")


def test_a_run_is_a_private_folder_with_its_request_its_journal_and_its_log(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        run = control.start(NOWHERE)
        record = read_until(run, ended)
    finally:
        os.umask(old)
    assert request_of(run) == NOWHERE
    assert record.engine is not None
    assert record.engine.run == run.id
    assert run.folder.parent == tmp_path / "state" / "farpair" / "runs"
    for path in (tmp_path / "state" / "farpair", run.folder.parent, run.folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (run.request, run.journal, run.log):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("wished", [None, "ACTIVE"])
def test_the_engines_threads_sleep_while_they_wait_unless_a_person_wishes_otherwise(
    wished: str | None, long: RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if wished:
        monkeypatch.setenv("OMP_WAIT_POLICY", wished)
    run = control.start(long)
    record = read_until(run, searching)
    assert record.engine is not None
    policy = psutil.Process(record.engine.pid).environ()["OMP_WAIT_POLICY"]
    control.stop(run, record)
    wait_until_gone(run, record)
    assert policy == (wished or "PASSIVE")


def test_a_state_folder_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "state" / "farpair").mkdir(parents=True)
    (tmp_path / "state" / "farpair").chmod(0o777)
    read_until(control.start(NOWHERE), ended)
    assert stat.S_IMODE((tmp_path / "state" / "farpair").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["../../etc/passwd", "a\nb\x1b[31m", "██", "", "-rf", "x" * 300])
def test_a_run_of_any_model_name_stays_in_its_folder_under_a_plain_name(name: str) -> None:
    run = control.start(msgspec.structs.replace(NOWHERE, model=name))
    assert re.fullmatch(r"\d{8}-\d{6}Z-[A-Za-z0-9._-]{1,40}-[0-9a-f]{4}", run.id)
    assert run.folder.parent == folders.state_folder() / "runs"
    assert folders.all_runs() == [run]
    read_until(run, ended)


def test_runs_are_listed_newest_first_and_found_by_an_end_of_their_id() -> None:
    first, second, third = (kept_run(NOWHERE) for _ in range(3))
    (folders.state_folder() / "runs" / "not-a-run").mkdir()
    assert folders.all_runs() == [third, second, first]
    assert folders.find(second.id) == second
    assert folders.find(second.id[-4:]) == second
    for wrong in ("", "nothing", "../runs", second.id[:6]):
        with pytest.raises(RunError, match="run"):
            folders.find(wrong)


@pytest.mark.usefixtures("_zone_again")
@pytest.mark.parametrize("zones", [("Pacific/Kiritimati", "Pacific/Pago_Pago"), ("America/New_York", "UTC")])
@pytest.mark.parametrize("backwards", [False, True])
def test_runs_stand_in_the_order_in_which_they_were_asked_for_in_whatever_time_zones(
    zones: tuple[str, str], backwards: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    for zone in zones[::-1] if backwards else zones:
        set_zone(zone, monkeypatch)
        asked.append(new_run(NOWHERE))
    for zone in ("UTC", *zones):
        set_zone(zone, monkeypatch)
        assert folders.all_runs() == asked[::-1]
        assert folders.find("last") == asked[-1] == latest(NOWHERE)
        assert Turn(asked[1], "cpu").look() == Queued(ahead=1, behind=asked[0].id)
        assert Turn(asked[0], "cpu").look() == Queued(ahead=0)


def test_ids_with_a_local_time_stand_among_the_others_by_when_their_journals_began() -> None:
    now = time.time()
    new = new_run(NOWHERE)
    # Whatever local time the ids hold, and whenever the folders were copied.
    for name, seconds, journal in (("99991231-235959", -3600, True), ("19700101-000000", 3600, False)):
        run = folders.Run(f"{name}-m-0000", new.folder.parent / f"{name}-m-0000")
        run.folder.mkdir()
        run.request.write_bytes(msgspec.json.encode(NOWHERE))
        if journal:
            event = {"type": "Paused"}
            run.journal.write_bytes(msgspec.json.encode({"time": now + seconds, "event": event}) + b"\n")
        else:
            os.utime(run.request, (now + seconds,) * 2)
    unread = folders.Run("20200101-000000Z-m-0000", new.folder.parent / "20200101-000000Z-m-0000")
    unread.folder.mkdir()
    unread.request.write_bytes(b"{")
    impossible = folders.Run("20209999-999999Z-m-0000", new.folder.parent / "20209999-999999Z-m-0000")
    impossible.folder.mkdir()
    impossible.request.write_bytes(b"{")
    os.utime(impossible.request, (1, 1))
    assert [run.id[:8] for run in folders.all_runs()] == [
        "19700101",
        new.id[:8],
        "99991231",
        "20200101",
        "20209999",
    ]


def test_the_latest_run_of_the_same_rows_is_found_whatever_the_batch_size_was() -> None:
    assert latest(NOWHERE) is None
    run = kept_run(with_settings(NOWHERE, batch=7))
    kept_run(msgspec.structs.replace(NOWHERE, tensor="V"))
    kept_run(msgspec.structs.replace(NOWHERE, cluster="tokens:x"))
    kept_run(msgspec.structs.replace(NOWHERE, cluster_file="/nowhere/mask"))
    broken = kept_run(NOWHERE)
    broken.request.write_bytes(b"[" * 100_000)
    assert latest(NOWHERE) == run


@pytest.mark.parametrize("limit", [("-v", "20000"), ("-t", "0")])
def test_an_engine_that_died_at_once_is_seen_to_be_gone_by_everybody_and_waited_for_by_nobody(
    limit: tuple[str, str],
) -> None:
    run = started_elsewhere(NOWHERE, *limit)
    record = RunRecord()
    deadline = time.monotonic() + 10
    while control.is_alive(run, record) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not control.is_alive(run, record)
    assert listed(run).place == "died"
    assert Turn(new_run(NOWHERE), "cpu").look() == Queued(ahead=0)
    assert "before it could start" in (control.crash_sentence(run, record) or "")


def test_a_run_whose_engine_cannot_be_started_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(RunError, match="could not be started"):
        control.start(NOWHERE)
    assert os.listdir(folders.state_folder() / "runs") == []


def test_without_a_state_folder_there_are_no_runs() -> None:
    assert folders.all_runs() == []


def test_a_state_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(RunError, match="could not be started") as error:
        control.start(NOWHERE)
    assert str(tmp_path / "state") in str(error.value)


def test_a_path_that_is_not_utf_8_is_a_sentence() -> None:
    with pytest.raises(RunError, match="not UTF-8"):
        control.start(msgspec.structs.replace(NOWHERE, weights=os.fsdecode(b"/nowhere/\xff")))


def test_an_engine_that_ended_is_gone_and_leaves_no_zombie(tmp_path: Path) -> None:
    run = control.start(request_for(model_at(build_small_model(tmp_path / "small"))))
    assert control.is_alive(run, RunRecord())
    record = read_until(run, ended)
    wait_until_gone(run, record)
    assert record.engine is not None
    assert not psutil.pid_exists(record.engine.pid)
    assert control.crash_sentence(run, record) is None
    for ask in (control.stop, control.pause, control.go_on):
        ask(run, record)


def test_a_stop_sent_before_the_engine_listens_is_not_lost(long: RunRequest) -> None:
    run = control.start(long)
    control.stop(run, RunRecord())
    record = read_until(run, ended)
    assert record.ended is not None
    assert (record.ended.outcome, record.ended.reason) == ("cancelled", "Stopped before the search began.")


def test_an_engine_outlives_the_process_that_started_it_and_is_reached_from_another(long: RunRequest) -> None:
    run = started_elsewhere(long)
    record = read_until(run, searching)
    assert control.is_alive(run, record)
    assert control.crash_sentence(run, record) is None
    control.pause(run, record)
    read_until(run, lambda now: now.paused)
    control.go_on(run, record)
    control.stop(run, record)
    last = read_until(run, ended)
    assert last.ended is not None
    assert last.ended.outcome == "cancelled"
    wait_until_gone(run, last)


def test_an_engine_in_its_own_session_at_low_priority(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, lambda now: now.engine is not None)
    assert record.engine is not None
    pid = record.engine.pid
    assert os.getsid(pid) == pid
    assert psutil.Process(pid).nice() == min(os.nice(0) + 1, 19)
    if AUTOGROUP.exists():  # cores are shared among sessions first, and `nice` counts within one
        assert Path(f"/proc/{pid}/autogroup").read_text().split()[-1] == "1"
    control.stop(run, record)
    read_until(run, ended)


MOMENTS: dict[str, Callable[[RunRecord], bool]] = {
    "at once": lambda _: True,
    "loading torch": lambda record: record.engine is not None,
    "the rows are loaded": lambda record: record.started is not None,
    "pairs are being evaluated": searching,
    "a batch is settled": lambda record: record.batches_done > 0,
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_engine_leaves_a_journal_that_reads_back_and_says_so(long: RunRequest, moment: str) -> None:
    run = control.start(long)
    record = read_until(run, MOMENTS[moment])
    child(run).kill()
    wait_until_gone(run, record)
    read = read_record(run.journal) if run.journal.exists() else RunRecord()
    assert read.ended is None
    sentence = control.crash_sentence(run, record)
    assert sentence is not None
    assert sentence.startswith("The engine was killed (SIGKILL)")
    assert ("before it could start" in sentence) == (record.engine is None)
    if read.batches_done:
        assert f"{read.batches_done} of 94 batches are kept" in sentence
    assert not psutil.pid_exists(child(run).pid)


def test_an_engine_that_crashed_names_its_signal_and_leaves_a_traceback(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, searching)
    child(run).send_signal(signal.SIGSEGV)
    wait_until_gone(run, record)
    sentence = control.crash_sentence(run, record)
    assert sentence is not None
    assert "crashed (SIGSEGV)" in sentence
    assert str(run.log) in sentence
    assert "Segmentation fault" in run.log.read_text()


def test_an_engine_that_could_not_start_says_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    run = control.start(NOWHERE)
    wait_until_gone(run, RunRecord())
    sentence = control.crash_sentence(run, RunRecord())
    assert sentence is not None
    assert "exit code 1 before it could start" in sentence
    assert run.log.read_text().strip().splitlines()[-1].strip().rstrip(".") in sentence


def test_last_words_are_shown_escaped() -> None:
    run = kept_run(NOWHERE)
    run.log.write_bytes(b"first\n\x1b[31mred\xff\n\n")
    os.utime(run.request, (1, 1))
    sentence = control.crash_sentence(run, RunRecord())
    assert sentence is not None
    assert r"\x1b[31mred" in sentence
    assert sentence.isprintable()


def test_an_engine_of_another_parent_that_was_killed_is_no_longer_there(long: RunRequest) -> None:
    run = started_elsewhere(long)
    record = read_until(run, searching)
    assert record.engine is not None
    os.kill(record.engine.pid, signal.SIGKILL)
    wait_until_gone(run, record)
    sentence = control.crash_sentence(run, record)
    assert sentence is not None
    assert sentence.startswith(f"The engine (process {record.engine.pid}) is no longer there")


def test_a_process_that_took_over_the_engines_number_is_not_the_engine() -> None:
    run = kept_run(NOWHERE, engine(pid=os.getpid(), pid_created=psutil.Process().create_time() - 1000))
    record = read_record(run.journal)
    assert not control.is_alive(run, record)
    control.stop(run, record)  # or this test would end here


def test_an_engine_on_another_host_cannot_be_seen_or_reached() -> None:
    run = kept_run(NOWHERE, engine(host="another\x1b[31m", pid=os.getpid()))
    record = read_record(run.journal)
    assert not control.is_alive(run, record)
    sentence = control.crash_sentence(run, record)
    assert sentence is not None
    assert r"another\x1b[31m" in sentence
    with pytest.raises(RunError, match="cannot be reached"):
        control.stop(run, record)


def test_an_end_written_after_the_last_look_is_no_death() -> None:
    run = kept_run(NOWHERE, engine(pid=2**22 + 1))
    record = read_record(run.journal)
    assert control.crash_sentence(run, record) is not None
    writer = JournalWriter(run.journal)
    writer.append(RunEnded(outcome="done", reason="Found."))
    writer.close()
    assert control.crash_sentence(run, record) is None


def test_a_run_that_somebody_started_a_moment_ago_counts_as_alive() -> None:
    run = kept_run(NOWHERE)
    assert control.is_alive(run, RunRecord())
    os.utime(run.request, (time.time() - 60, time.time() - 60))
    assert not control.is_alive(run, RunRecord())
    with pytest.raises(RunError, match="cannot be reached"):
        control.stop(run, RunRecord())


def child(run: Run) -> "subprocess.Popen[bytes]":
    return control._children[run.id]


def engine(*, pid: int, pid_created: float = 1.0, host: str | None = None) -> EngineStarted:
    return EngineStarted(
        run="r", pid=pid, pid_created=pid_created, host=host or socket.gethostname(), program="0", request=NOWHERE
    )


def set_zone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local time of this process is that of the zone `name`."""
    monkeypatch.setenv("TZ", name)
    time.tzset()


def kept_run(request: RunRequest, *events: EngineStarted) -> Run:
    """A run's folder as an engine that is gone left it."""
    number = len(folders.all_runs())
    run_id = f"20260101-00000{number}Z-kept-{number:04x}"
    run = Run(run_id, folders.state_folder() / "runs" / run_id)
    run.folder.mkdir(parents=True)
    run.request.write_bytes(msgspec.json.encode(request))
    writer = JournalWriter(run.journal)
    for event in events:
        writer.append(event)
    writer.close()
    return run


def started_elsewhere(request: RunRequest, *limit: str) -> Run:
    """A run started by a process that is no longer there; with a `limit`, as ulimit has it, upon the engine."""
    starting = """
import os, sys, time
import msgspec
from farpair.engine.runs import control
from farpair.engine.events import RunRequest
if sys.argv[2:]:
    engine = os.path.join(os.environ["XDG_STATE_HOME"], "engine")
    with open(engine, "w") as file:
        file.write(f'#!/bin/sh\\nulimit {" ".join(sys.argv[2:])}\\nexec {sys.executable} "$@"\\n')
    os.chmod(engine, 0o700)
    sys.executable = engine
print(control.start(msgspec.json.decode(sys.argv[1], type=RunRequest)).id)
"""
    folders.state_folder().parent.mkdir(exist_ok=True)
    command = [sys.executable, "-c", starting, msgspec.json.encode(request).decode(), *limit]
    return folders.find(subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip())
