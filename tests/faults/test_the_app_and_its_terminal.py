"""The app is killed, suspended, blocked or resized: its engine keeps working, and an app opened then shows the
run."""

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from farpair.engine.events import RunRequest
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.folders import Run
from farpair.engine.runs.listing import listed
from farpair.engine.runs.request import request_for
from faults.conftest import Of
from support.running import ended, long_request, read_until, searching
from support.terminal import Terminal


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tensors"
    long_request(folder / "long", 48_000)
    return folder


@pytest.fixture
def long(tensors: Path) -> RunRequest:
    return request_for(model_at(tensors / "long"), RunSettings(device="cpu", threads=1, exhaustive=True))


@contextmanager
def farpair(tensors: Path, state: Path, size: tuple[int, int] = (100, 30)) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "farpair", "--tensors", str(tensors), "--device", "cpu"]
    with Terminal(command, state, columns=size[0], rows=size[1]) as terminal:
        yield terminal


def goes_on(run: Run) -> None:
    """Wait until the run has settled more than it has now, or is done."""
    now = read_record(run.journal).progress
    before = now.settled if now else -1
    record = read_until(run, lambda then: bool(then.ended or (then.progress and then.progress.settled > before)))
    assert not record.ended or record.ended.outcome == "done"


def test_an_app_that_is_killed_at_any_moment_leaves_its_engine_at_work(
    tensors: Path, state: Path, long: RunRequest, of: Of
) -> None:
    chance, tries = random.Random(3), of(2, 50)
    run = control.start(long)
    for number in range(tries):
        if read_until(run, searching).ended:
            run = control.start(long)
        with farpair(tensors, state) as terminal:
            if number % 2:
                terminal.wait_for(lambda text: " left" in text or "✓ done" in text)
            time.sleep(chance.uniform(0, 1))
            terminal.process.kill()
            terminal.wait()
        goes_on(run)
    with farpair(tensors, state) as terminal:
        terminal.wait_for(lambda text: " left" in text or "✓ done" in text)
    control.stop(run, read_record(run.journal))
    read_until(run, ended)
    print(f"\nSIGKILL of the app: {tries} tries")


def test_an_app_that_is_killed_while_it_starts_an_engine_leaves_a_run_or_none(
    tensors: Path, state: Path, of: Of
) -> None:
    chance = random.Random(4)
    for _ in range(of(1, 10)):
        with farpair(tensors, state) as terminal:
            terminal.wait_for("q quit")
            terminal.wait_for(lambda text: "looking for" not in text)
            terminal.press("R")
            time.sleep(chance.uniform(0, 0.1))
            terminal.process.kill()
            terminal.wait()
        for run in folders.all_runs():
            record = read_until(run, lambda now: now.engine is not None)
            assert listed(run).place in ("going", "queued", "done", "stopped", "terminated", "died")
            control.stop(run, record)
            read_until(run, ended)


def test_an_engine_that_is_suspended_is_not_taken_for_dead_and_goes_on_where_it_was(
    tensors: Path, state: Path, long: RunRequest, of: Of
) -> None:
    run = control.start(long)
    record = read_until(run, searching)
    assert record.engine is not None
    with farpair(tensors, state) as terminal:
        terminal.wait_for(" left")
        os.kill(record.engine.pid, signal.SIGSTOP)
        time.sleep(of(2, 45))
        assert "long ● " in terminal.text
        assert listed(run).place == "going"
        os.kill(record.engine.pid, signal.SIGCONT)
        goes_on(run)
        terminal.press("x")
        terminal.wait_for("stopped at")


def test_an_app_that_is_suspended_holds_nothing_up_and_shows_what_it_missed(
    tensors: Path, state: Path, long: RunRequest, of: Of
) -> None:
    run = control.start(long)
    with farpair(tensors, state) as terminal:
        terminal.wait_for(" left")
        terminal.process.send_signal(signal.SIGSTOP)
        time.sleep(of(1, 45))
        goes_on(run)
        control.stop(run, read_record(run.journal))
        read_until(run, ended)
        assert "stopped at" not in terminal.text
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(lambda text: "stopped at" in text or "✓ done" in text)
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_terminal_that_takes_no_output_holds_up_the_app_alone(
    tensors: Path, state: Path, long: RunRequest, of: Of
) -> None:
    run = control.start(long)
    with farpair(tensors, state) as terminal:
        terminal.wait_for(" left")
        terminal.stall()
        for _ in range(12):  # what is redrawn fills whatever lies between the app and its terminal
            terminal.press("?", "q")
        time.sleep(of(1, 60))
        goes_on(run)
        control.stop(run, read_record(run.journal))
        read_until(run, ended)
        terminal.flow()
        terminal.wait_for(lambda text: "stopped at" in text or "✓ done" in text)
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_terminal_that_takes_no_output_and_is_then_closed_ends_the_app(
    tensors: Path, state: Path, long: RunRequest
) -> None:
    run = control.start(long)
    with farpair(tensors, state) as terminal:
        terminal.wait_for(" left")
        terminal.stall()
        for _ in range(8):
            terminal.press("?", "q")
        terminal.process.send_signal(signal.SIGHUP)
        assert terminal.wait() == 128 + signal.SIGHUP
        goes_on(run)
        control.stop(run, read_record(run.journal))
        read_until(run, ended)
        terminal.flow()


def test_a_terminal_of_one_cell_and_back(tensors: Path, state: Path, long: RunRequest) -> None:
    run = control.start(long)
    with farpair(tensors, state) as terminal:
        terminal.wait_for(" left")
        for columns, rows in ((1, 1), (2, 1), (1, 50), (300, 1), (10, 3), (1, 1)):
            terminal.resize(columns, rows)
            time.sleep(0.1)
            terminal.press("j", "?", "q")
        terminal.resize(80, 24)
        terminal.wait_for(lambda text: "batches" in text and "q quit" in text)
        control.stop(run, read_record(run.journal))
        read_until(run, ended)
        terminal.wait_for(lambda text: "stopped at" in text or "✓ done" in text)
        terminal.press("q")
        assert terminal.wait() == 0
