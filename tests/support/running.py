"""Real runs for tests: a search that is long enough to be caught at work, and waits for events in its journal."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import torch
from farpair.engine.events import AnyEvent, RunRequest
from farpair.engine.journal.reader import JournalTail
from farpair.engine.journal.record import RunRecord
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.folders import Run
from farpair.engine.runs.follower import Follower, has_ended
from farpair.engine.runs.request import request_for
from safetensors.torch import save_file

FARPAIR = [sys.executable, "-m", "farpair"]
ended = has_ended
PATIENCE_SECONDS = 90.0  # far beyond what anything here takes, so that only what never happens fails


def long_request(folder: Path, n: int = 24_000) -> RunRequest:
    """A search of n × 512 Gaussian rows, every pair evaluated by one core: seconds of work anywhere."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = torch.randn(n, 512, generator=torch.Generator().manual_seed(1))
    save_file({"W": rows}, folder / "W.safetensors")
    return request_for(model_at(folder), RunSettings(device="cpu", threads=1, exhaustive=True))


def with_settings(request: RunRequest, **changed: int | str | bool) -> RunRequest:
    """The same request, some of its settings changed."""
    return msgspec.structs.replace(request, settings=replace(request.settings, **changed))  # type: ignore[arg-type]


def read_until(run: Run, wanted: Callable[[RunRecord], bool]) -> RunRecord:
    """What the journal of `run` says once it says what is `wanted`, or its engine is gone."""
    follower = Follower(run)
    came = follower.follow(wanted, seconds=PATIENCE_SECONDS, period=0.002)
    assert came or not follower.alive, f"{run.id} never came to it: {run.log.read_text()}"
    return follower.record


def searching(record: RunRecord) -> bool:
    """Whether the search has come to evaluate pairs."""
    return record.progress is not None and record.progress.settled > 0


def all_events(run: Run) -> list[tuple[float, AnyEvent]]:
    return JournalTail(run.journal).read()


def wait_until_gone(run: Run, record: RunRecord) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while control.is_alive(run, record):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def farpair(*words: str) -> "subprocess.CompletedProcess[str]":
    """The program as it is without a terminal."""
    return subprocess.run([*FARPAIR, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)
