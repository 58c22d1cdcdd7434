"""Runs on one device wait for one another in the order of their requests, and dead ones hold up nobody."""

import os
import signal
import socket
import time
from pathlib import Path

import psutil
import pytest
from farpair.engine.events import (
    AnyEvent,
    Continued,
    EngineStarted,
    Paused,
    Progress,
    Queued,
    RunEnded,
    RunRequest,
)
from farpair.engine.journal.peek import peek
from farpair.engine.journal.writer import JournalWriter
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.folders import Run, new_run
from farpair.engine.runs.request import request_for
from farpair.engine.worker.queue import Turn, queue_of
from support.fixtures import build_small_model
from support.running import all_events, ended, long_request, read_until, searching, wait_until_gone, with_settings

CPU = RunRequest(model="m", weights="/nowhere/W.safetensors", cluster="all", settings=RunSettings(device="cpu"))


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for mask in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"):
        monkeypatch.delenv(mask, raising=False)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    return long_request(tmp_path_factory.mktemp("models") / "long")


def test_runs_wait_say_where_they_stand_and_take_their_turns_in_order(long: RunRequest, tmp_path: Path) -> None:
    small = request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu"))
    first = control.start(long)
    record = read_until(first, searching)
    second, third = control.start(small), control.start(small)
    assert read_until(second, lambda now: now.state == "queued").queued == Queued(ahead=1, behind=first.id)
    waiting = read_until(third, lambda now: now.queued is not None and now.queued.ahead == 2)
    assert waiting.queued == Queued(ahead=2, behind=second.id)
    assert not read_until(first, searching).ended
    control.stop(first, record)
    assert [read_until(run, ended).state for run in (second, third)] == ["done", "done"]
    over, begun, last = (all_events(run) for run in (first, second, third))
    assert over[-1][0] <= time_of(begun, Queued(ahead=0)) + 1e-6
    assert begun[-1][0] <= time_of(last, Queued(ahead=0)) + 1e-6


def test_a_run_that_waits_has_not_loaded_torch_and_uses_next_to_no_core(long: RunRequest) -> None:
    first = control.start(long)
    read_until(first, searching)
    second = control.start(long)
    queued = read_until(second, lambda now: now.state == "queued")
    assert queued.engine is not None
    engine = psutil.Process(queued.engine.pid)
    assert not any("libtorch" in entry.path for entry in engine.memory_maps())
    size, before = second.journal.stat().st_size, sum(engine.cpu_times()[:2])
    time.sleep(2)
    assert sum(engine.cpu_times()[:2]) - before <= 0.1  # of two seconds
    assert second.journal.stat().st_size == size
    for run in (first, second):
        control.stop(run, read_until(run, lambda now: now.engine is not None))
    assert read_until(second, ended).ended == RunEnded(
        outcome="cancelled",
        reason="Stopped before the search began.",
        advice="Run again to search from the beginning.",
    )


def test_a_killed_and_a_paused_run_are_in_nobodys_way(long: RunRequest, tmp_path: Path) -> None:
    small = request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu"))
    killed, paused = control.start(long), control.start(long)
    record = read_until(killed, searching)
    read_until(paused, lambda now: now.state == "queued")
    control.pause(paused, read_until(paused, lambda now: now.engine is not None))
    read_until(paused, lambda now: now.paused)
    last = control.start(small)
    assert read_until(last, lambda now: now.state == "queued").queued == Queued(ahead=1, behind=killed.id)
    assert record.engine is not None
    os.kill(record.engine.pid, signal.SIGKILL)
    wait_until_gone(killed, record)
    assert read_until(last, ended).state == "done"
    asked = read_until(paused, lambda now: now.paused)
    assert asked.state == "paused"
    control.go_on(paused, asked)
    asked = read_until(paused, searching)
    control.stop(paused, asked)
    assert read_until(paused, ended).state == "stopped"


def test_a_run_that_waits_can_be_paused_and_waits_on(long: RunRequest) -> None:
    first = control.start(long)
    record = read_until(first, searching)
    second = control.start(long)
    waiting = read_until(second, lambda now: now.state == "queued")
    control.pause(second, waiting)
    read_until(second, lambda now: now.paused)
    control.go_on(second, waiting)
    read_until(second, lambda now: isinstance(peek(second.journal).last, Queued) and not now.paused)
    assert [type(event) for _, event in all_events(second)][1:] == [Queued, Paused, Continued, Queued]
    for run in (first, second):
        control.stop(run, record if run is first else waiting)
        assert read_until(run, ended).state == "stopped"


def test_runs_on_other_devices_or_hosts_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    going(CPU, queue="cuda:0")
    going(CPU, queue="cpu", host="elsewhere")
    going(
        with_settings(CPU, device="cuda"),
        queue="cuda:0 CUDA_VISIBLE_DEVICES=1",
    )
    mine = new_run(CPU)
    assert Turn(mine, "cpu").look() == Queued(ahead=0)
    assert queue_of("cuda") == queue_of("cuda:0") == "cuda:0"
    assert queue_of("cuda:1") == "cuda:1"
    assert queue_of("auto") == "auto"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert queue_of("cuda") == "cuda:0 CUDA_VISIBLE_DEVICES=1"
    assert queue_of("cpu") == "cpu"
    assert Turn(mine, queue_of("cuda")).look().ahead == 1


def test_a_run_asked_for_later_by_a_clock_that_stepped_back_does_not_begin_beside_one_that_goes() -> None:
    mine = new_run(CPU)
    os.utime(mine.request, (1, 1))  # asked for first, if the clock is to be believed
    later = going(CPU, Progress(settled=0, pairs=1, seconds=0.0, pairs_per_second=0.0), queue="cpu")
    assert Turn(mine, "cpu").look() == Queued(ahead=1, behind=later.id)
    waits = going(CPU, Queued(ahead=1, behind=later.id), queue="cpu")
    assert waits.id not in {Turn(mine, "cpu").look().behind}


def test_what_cannot_be_read_is_in_nobodys_way() -> None:
    for bytes_ in (b"nonsense\n", b'{"time":1,"event":{"type":"Paused"}}\nnonsense\n'):
        run = new_run(CPU)
        run.journal.write_bytes(bytes_)
    (folders.state_folder() / "runs" / "20200101-000000-empty-0000").mkdir()
    unread = new_run(CPU)
    unread.request.write_text("{")
    os.utime(unread.request, (1, 1))
    assert Turn(new_run(CPU), "cpu").look() == Queued(ahead=0)


def test_a_run_whose_engine_has_not_said_a_word_yet_comes_first_for_a_while() -> None:
    silent, mine = new_run(CPU), new_run(CPU)
    assert Turn(mine, "cpu").look() == Queued(ahead=1, behind=silent.id)
    os.utime(silent.request, (time.time() - 60,) * 2)
    assert Turn(mine, "cpu").look() == Queued(ahead=0)


def going(request: RunRequest, *events: AnyEvent, queue: str, host: str | None = None) -> Run:
    """A run whose engine lives: this very process."""
    run = new_run(request)
    me = psutil.Process()
    writer = JournalWriter(run.journal)
    started = EngineStarted(
        run=run.id,
        pid=me.pid,
        pid_created=me.create_time(),
        host=host or socket.gethostname(),
        program="0",
        request=request,
        queue=queue,
    )
    for event in (started, *events):
        writer.append(event)
    writer.close()
    return run


def time_of(events: list[tuple[float, AnyEvent]], wanted: AnyEvent) -> float:
    return next(when for when, event in events if event == wanted)
