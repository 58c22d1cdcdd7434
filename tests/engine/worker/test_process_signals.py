"""A working engine is stopped, paused and resumed by signals, wherever it is."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
import torch
from farpair.engine.events import Continued, Paused, RunRequest, RunStarted
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.listing import listed
from farpair.engine.runs.request import request_for
from safetensors.torch import save_file
from support.running import all_events, ended, long_request, read_until, searching


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    return long_request(tmp_path_factory.mktemp("models") / "long")


def test_a_stop_is_obeyed_at_once_and_says_what_is_kept(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, lambda now: now.batches_done > 0)
    asked = time.time()
    control.stop(run, record)
    record = read_until(run, ended)
    assert record.ended is not None
    assert record.last_time is not None
    assert record.ended.outcome == "cancelled"
    assert record.ended.reason == f"Stopped after {record.batches_done} of 94 batches."
    assert record.last_time - asked < 5  # work of 0.2 s at most; the rest is for a machine that is busy


@pytest.mark.parametrize("moment", [0.0, 0.15, 0.3, 0.45])
def test_a_stop_while_torch_is_loading_is_obeyed(long: RunRequest, moment: float) -> None:
    run = control.start(long)
    record = read_until(run, lambda now: now.engine is not None)
    time.sleep(moment)
    control.stop(run, record)
    record = read_until(run, ended)
    assert record.ended is not None
    assert record.ended.outcome == "cancelled"
    assert record.started is None, "torch had been loaded before the stop came, or the stop was lost"
    assert control._children[run.id].wait(30) == 0


def test_a_paused_engine_uses_no_core_and_goes_on_where_it_was(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, searching)
    assert record.engine is not None
    engine = psutil.Process(record.engine.pid)
    asked = sum(engine.cpu_times()[:2])
    control.pause(run, record)
    control.pause(run, record)  # twice asked is once paused
    record = read_until(run, lambda now: now.paused)
    time.sleep(0.3)  # the threads of the last product stop spinning
    before, size = sum(engine.cpu_times()[:2]), run.journal.stat().st_size
    assert before - asked <= 0.2  # of one core, which is all it may use
    time.sleep(1)
    assert sum(engine.cpu_times()[:2]) - before <= 0.02
    assert run.journal.stat().st_size == size
    settled = record.progress.settled if record.progress else 0
    control.go_on(run, record)
    record = read_until(run, lambda now: now.progress is not None and now.progress.settled > settled)
    assert not record.paused
    assert record.progress is not None
    assert record.last_time is not None
    events = all_events(run)
    (started,) = (when for when, event in events if isinstance(event, RunStarted))
    (paused,) = (when for when, event in events if isinstance(event, Paused))
    (continued,) = (when for when, event in events if isinstance(event, Continued))
    worked = record.last_time - started - (continued - paused)
    assert record.progress.seconds <= worked + 0.1  # the pause, longer than a second, is no work
    speed = record.progress.settled / record.progress.seconds
    assert record.progress.pairs_per_second == pytest.approx(speed)
    control.stop(run, record)
    read_until(run, ended)
    kinds = [type(event).__name__ for _, event in all_events(run)]
    assert [kind for kind in kinds if kind in ("Paused", "Continued", "RunEnded")] == [
        "Paused",
        "Continued",
        "RunEnded",
    ]


def test_a_paused_engine_can_be_stopped(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, searching)
    control.pause(run, record)
    record = read_until(run, lambda now: now.paused)
    control.stop(run, record)
    control.stop(run, record)
    assert read_until(run, ended).state == "stopped"


def test_a_lost_terminal_and_a_ctrl_c_do_not_reach_the_engine(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, searching)
    assert record.engine is not None
    settled = record.progress.settled if record.progress else 0
    for number in (signal.SIGHUP, signal.SIGINT):
        os.kill(record.engine.pid, number)
    record = read_until(run, lambda now: now.progress is not None and now.progress.settled > settled)
    assert record.ended is None
    control.stop(run, record)
    assert read_until(run, ended).state == "stopped"


def test_a_stop_while_the_ladder_is_climbed_keeps_pair_and_analysis(tmp_path: Path) -> None:
    folder = tmp_path / "outlier"
    folder.mkdir()
    rows = torch.randn(24_000, 512, generator=torch.Generator().manual_seed(2))
    rows[7] *= 100  # is every batch's farthest: the search is quick, and the rest without it is not
    save_file({"W": rows}, folder / "W.safetensors")
    run = control.start(request_for(model_at(folder), RunSettings(device="cpu", threads=1)))
    record = read_until(run, lambda record: record.analysis is not None)
    control.stop(run, record)
    record = read_until(run, ended)
    assert record.ended is not None
    assert record.ended.reason == "Stopped after the pair was analysed, before its outlier ladder was done."
    assert record.pair is not None
    assert record.ladder is None


def test_an_engine_that_the_system_ends_says_so_and_a_stop_is_said_to_be_a_stop(long: RunRequest) -> None:
    outside = control.start(long)
    record = read_until(outside, searching)
    assert record.engine is not None
    os.kill(record.engine.pid, signal.SIGTERM)
    told = read_until(outside, ended).ended
    assert told is not None
    assert (told.state, listed(outside).place) == ("terminated", "terminated")
    assert told.reason.startswith("Terminated from outside by SIGTERM")
    stopped = control.start(long)
    control.stop(stopped, read_until(stopped, searching))
    told = read_until(stopped, ended).ended
    assert told is not None
    assert (told.state, listed(stopped).place) == ("stopped", "stopped")
    assert told.reason.startswith("Stopped after ")
