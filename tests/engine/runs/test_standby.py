"""The standby engine: its runs are like any others, and it ends with the process that started it."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from farpair.engine.journal.record import RunRecord
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders, standby
from farpair.engine.runs.request import request_for
from farpair.engine.runs.standby import Standby
from support.fixtures import build_small_model
from support.running import ended, long_request, read_until

PATIENCE = 120.0
STARTER = """
from farpair.engine.runs.standby import Standby
import time
print(Standby().pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def ready() -> Iterator[Standby]:
    """A standby that has loaded torch."""
    one = Standby()
    until(lambda: one.ready)
    yield one
    one.close()


def until(met: object) -> None:
    began = time.monotonic()
    while not met():  # type: ignore[operator]
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.02)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def begun(run: folders.Run) -> bool:
    return run.id in control._begun


def test_its_run_gives_the_same_answer_and_its_exit_code_is_known(ready: Standby, tmp_path: Path) -> None:
    request = request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu"))
    assert not folders.run_ids(), "no journal before a request"
    runs = [control.start(request, ready), control.start(request, ready), control.start(request)]
    records = [read_until(run, ended) for run in runs]
    assert [begun(run) for run in runs] == [True, True, False]
    assert {record.state for record in records} == {"done"}
    assert len({record.pair.distance for record in records if record.pair}) == 1
    until(lambda: not any(control.is_alive(run, record) for run, record in zip(runs, records, strict=True)))
    assert control._begun[runs[0].id].poll() == 0


def test_its_run_can_be_stopped_and_outlives_it(ready: Standby, tmp_path: Path) -> None:
    run = control.start(long_request(tmp_path / "long"), ready)
    record = read_until(run, lambda now: now.progress is not None)
    ready.close()
    assert control.is_alive(run, record)
    control.stop(run, record)
    assert read_until(run, ended).state in ("stopped", "cancelled")


def test_of_its_run_that_was_killed_it_is_told_how(ready: Standby, tmp_path: Path) -> None:
    run = control.start(long_request(tmp_path / "long"), ready)
    record = read_until(run, lambda now: now.progress is not None)
    assert record.engine is not None
    psutil.Process(record.engine.pid).send_signal(signal.SIGKILL)
    until(lambda: not control.is_alive(run, record))
    assert "was killed (SIGKILL)" in (control.crash_sentence(run, record) or "")


def test_a_run_that_it_has_begun_and_that_has_not_said_a_word_is_alive(ready: Standby, tmp_path: Path) -> None:
    run = control.start(long_request(tmp_path / "long"), ready)
    known = control._begun.pop(run.id)  # as another app sees it
    try:
        assert control.is_alive(run, RunRecord())
    finally:
        control._begun[run.id] = known
        control.stop(run, read_until(run, lambda now: now.engine is not None))
        read_until(run, ended)


def test_until_it_is_ready_runs_begin_without_it(tmp_path: Path) -> None:
    one = Standby()
    try:
        run = control.start(
            request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu")), one
        )
        assert not begun(run)
        assert read_until(run, ended).state == "done"
    finally:
        one.close()


def test_it_is_gone_once_its_starter_is_killed() -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert not gone(pid)
    starter.kill()
    starter.wait()
    until(lambda: gone(pid))


def test_little_free_memory_keeps_it_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Little:
        available, total = 10**9, 8 * 10**9

    monkeypatch.setattr(psutil, "virtual_memory", Little)
    assert not standby.memory_allows()
