"""The commands that act on a run: what they do and print, and what they refuse with exit code 2."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from farpair.cli import main
from farpair.engine.events import RunRequest
from farpair.engine.journal.reader import JournalTail, read_record
from farpair.engine.journal.record import RunRecord
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders, request
from farpair.engine.runs.request import request_for
from support.fixtures import build_small_model
from support.running import (
    FARPAIR,
    PATIENCE_SECONDS,
    ended,
    farpair,
    long_request,
    read_until,
    searching,
    wait_until_gone,
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tensors"
    build_small_model(folder / "small")
    long_request(folder / "long")
    return folder


@pytest.fixture
def long(models: Path) -> RunRequest:
    return request_for(model_at(models / "long"), RunSettings(device="cpu", threads=1, exhaustive=True))


@pytest.fixture
def small(models: Path) -> RunRequest:
    return request_for(model_at(models / "small"), RunSettings(device="cpu"))


def places() -> list[str]:
    return [line.split()[1] for line in farpair("runs").stdout.splitlines()[1:]]


def test_a_run_is_paused_let_go_on_and_stopped_by_words_and_the_list_says_where_it_stands(
    long: RunRequest,
) -> None:
    run = control.start(long)
    read_until(run, searching)
    assert places() == ["going"]
    paused = farpair("pause", "last")
    assert (paused.returncode, paused.stdout) == (0, f"Paused; `farpair resume {run.id}` lets it go on.\n")
    assert places() == ["paused"]
    again = farpair("pause", run.id[-4:])
    assert (again.returncode, again.stdout) == (2, "")
    assert "is paused already" in again.stderr
    goes_on = farpair("resume", "long")
    assert (goes_on.returncode, goes_on.stdout) == (0, f"The run {run.id} goes on.\n")
    refused = farpair("resume", run.id)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"is going; `farpair attach {run.id}` follows it." in refused.stderr
    queued = control.start(long)
    read_until(queued, lambda now: now.state == "queued")
    assert places() == ["queued", "going"]
    assert farpair("stop", queued.id).stdout.startswith("Stopped before the search began.")
    stopped = farpair("stop", run.id)
    assert stopped.returncode == 0
    assert stopped.stdout.startswith("Stopped after ")
    assert places() == ["stopped", "stopped"]


def test_a_run_that_died_is_resumed_in_a_new_run_that_says_from_where(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, lambda now: now.checkpoint is not None)
    kill(run, record)
    assert places() == ["died"]
    refused = farpair("stop", run.id)
    assert refused.returncode == 2
    assert "is no longer there" in refused.stderr
    said = farpair("resume", run.id)
    new = folders.all_runs()[0]
    point = read_record(run.journal).resume_point
    assert point is not None
    assert said.returncode == 0
    assert said.stdout == (
        f"Resumes from {len(point.settled)} of 94 batches that run {run.id} had settled. "
        f"`farpair attach {new.id}` follows it.\n"
    )
    assert request.request_of(new).resumes == run.id
    control.stop(new, read_until(new, searching))
    stopped = read_until(new, ended)
    assert stopped.ended is not None
    assert stopped.ended.advice == f"`farpair resume {new.id}` continues from there."


def test_a_finished_run_is_refused_by_what_needs_one_that_goes_and_printed_by_attach(small: RunRequest) -> None:
    run = control.start(small)
    read_until(run, ended)
    for word, reason in (
        ("stop", "is done, so there is nothing to stop"),
        ("pause", "is done, so there is nothing to pause"),
        ("resume", f"is done; `farpair report {run.id}` prints what it found"),
    ):
        said = farpair(word, "last")
        assert (said.returncode, said.stdout) == (2, "")
        assert reason in said.stderr
    attached = farpair("attach", "small")
    assert attached.returncode == 0
    assert attached.stdout == farpair("report", run.id).stdout


def test_attach_follows_a_run_to_its_end_and_prints_it_and_leaving_does_not_stop_it(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, searching)
    leaves = subprocess.Popen(
        [*FARPAIR, "attach", "last"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    follows = subprocess.Popen([*FARPAIR, "attach", "last"], stdout=subprocess.PIPE, text=True)
    # Python hears ctrl-c once it is up; until then it ends it, which leaves the engine alone as well.
    leaves.send_signal(signal.SIGINT)
    leaves.communicate(timeout=PATIENCE_SECONDS)
    assert control.is_alive(run, record)
    control.stop(run, record)
    printed, _ = follows.communicate(timeout=PATIENCE_SECONDS)
    assert follows.returncode == 1
    assert printed.startswith("long")
    assert "Stopped after" in printed


def test_a_run_whose_journal_is_damaged_is_printed_as_far_as_it_reads(small: RunRequest) -> None:
    run = control.start(small)
    read_until(run, ended)
    lines = run.journal.read_bytes().splitlines(keepends=True)
    run.journal.write_bytes(b"".join(lines[:-2]) + b"\xff\x00nonsense\n" + lines[-1])
    said = farpair("report", run.id)
    assert said.returncode == 1
    assert "Farthest pair" in said.stdout
    assert f"line {len(lines) - 1}, is not an event" in said.stderr
    assert "What was read before it is printed." in said.stderr
    assert said.stderr.count("\n") == 1
    run.journal.write_bytes(b"nonsense\n")
    assert places() == ["unreadable"]
    refused = farpair("stop", run.id)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("word", ["attach", "stop", "pause", "resume", "replay", "report"])
def test_a_run_that_is_not_there_is_refused_in_one_sentence(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("third", "last", "\x1b[31m", "../..", ""):
        assert main([word, name]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("farpair: There is no run ")
        assert err[:-1].isprintable()


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "1e9", "nan", "inf", "10000000"])
def test_a_speed_that_is_none_is_refused(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "last", f"--speed={speed}"]) == 2
    assert "is not a speed" in capsys.readouterr().err


def test_a_part_of_several_ids_is_refused(small: RunRequest) -> None:
    for _ in range(2):
        read_until(control.start(small), ended)
    said = farpair("report", "small")
    assert said.returncode == 2
    assert "2 runs are called 'small'; give more of the id." in said.stderr


def test_cleaning_says_what_it_removed_and_how_much(small: RunRequest) -> None:
    folder = folders.state_folder()
    assert farpair("runs", "--clean").stdout == f"Nothing to remove: 0 runs kept in {folder}.\n"
    kept = [control.start(small) for _ in range(2)]
    for number, run in enumerate(kept):
        wait_until_gone(run, read_until(run, ended))
        for path in (run.request, run.journal):
            os.utime(path, (1e9 + number,) * 2)
    said = farpair("runs", "--clean")
    assert said.returncode == 0
    assert said.stdout.startswith("Removed 1 run older than 30 days (")
    assert said.stdout.endswith(f"1 run kept in {folder}.\n")
    assert folders.all_runs() == [kept[-1]]


def kill(run: folders.Run, record: RunRecord) -> None:
    assert record.engine is not None
    os.kill(record.engine.pid, signal.SIGKILL)
    wait_until_gone(run, record)


def test_an_engine_that_was_suspended_is_stopped_all_the_same(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, searching)
    assert record.engine is not None
    os.kill(record.engine.pid, signal.SIGSTOP)
    assert places() == ["going"]
    assert farpair("stop", "last").stdout.startswith("Stopped after ")


def test_a_replay_without_a_terminal_tells_the_run_in_sentences_in_its_time(small: RunRequest) -> None:
    run = control.start(small)
    read_until(run, ended)
    events = [when for when, _ in JournalTail(run.journal).read()]
    before = time.monotonic()
    said = farpair("replay", run.id, "--speed", "2")
    assert time.monotonic() - before >= (events[-1] - events[0]) / 2
    assert (said.returncode, said.stdout) == (0, farpair("report", run.id, "--plain").stdout)


def test_a_run_that_waits_for_another_says_so_without_a_terminal_too(long: RunRequest) -> None:
    run = control.start(long)
    record = read_until(run, searching)
    waits = subprocess.Popen([*FARPAIR, "run", "small", "--device", "cpu"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)  # fmt: skip
    assert waits.stderr is not None
    assert waits.stderr.readline() == "farpair: waiting for its turn: 1 run is first\n"
    control.stop(run, record)
    printed, said = waits.communicate(timeout=PATIENCE_SECONDS)
    assert (waits.returncode, said) == (0, "")
    assert printed.startswith("small")
