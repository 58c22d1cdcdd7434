"""A model's file is replaced, truncated or deleted during a run: the answer is for what was read, or there is an
error."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import torch
from farpair.engine.events import RunRequest
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.request import request_for
from farpair.engine.worker.pipeline import run_events
from faults.conftest import Of
from safetensors.torch import save_file
from support.answers_of_runs import answer
from support.inputs import vocabulary
from support.running import all_events, ended, read_until, with_settings


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    """A run whose file takes a moment to be read; in one precision, as `auto` goes by speeds that a busy machine
    may not show twice, and an answer names the precision."""
    folder = tmp_path_factory.mktemp("models") / "large"
    folder.mkdir()
    save_file({"W": vocabulary(6000, 512).to(torch.float32)}, folder / "W.safetensors")
    return request_for(model_at(folder), RunSettings(device="cpu", threads=1, precision="float32"))


@pytest.fixture(scope="module")
def times(large: RunRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[float, float]:
    """How long an engine takes to have loaded, and to its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("whole")))
        run = control.start(large)
        read_until(run, ended)
        events = all_events(run)
    return events[1][0] - events[0][0], events[-1][0] - events[0][0]


def replace(path: Path) -> None:
    save_file({"W": vocabulary(6000, 512, seed=8).to(torch.float32)}, path.with_name("new"))
    path.with_name("new").rename(path)


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-4096, os.SEEK_END)
        file.write(bytes(4096))


def cut(path: Path) -> None:
    os.truncate(path, 2_000_000)


def delete(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [replace, overwrite, cut, delete])
def test_the_answer_is_that_of_what_was_read_or_a_sentence_names_the_file(
    change: Callable[[Path], None], large: RunRequest, times: tuple[float, float], of: Of
) -> None:
    weights = Path(large.weights)
    sound = weights.read_bytes()
    answers = [answer(list(run_events(large)))]
    if change in (replace, overwrite):
        change(weights)
        answers.append(answer(list(run_events(large))))
    loads, takes = times
    chance = random.Random(7)
    for number in range(of(1, 10)):
        weights.write_bytes(sound)
        run = control.start(large)
        read_until(run, lambda now: now.engine is not None)
        time.sleep(chance.uniform(0, loads) if number % 2 else chance.uniform(0.8 * loads, takes))
        change(weights)
        record = read_until(run, ended)
        assert record.ended is not None, control.crash_sentence(run, record)
        if record.ended.outcome == "done":
            assert answer([event for _, event in all_events(run)]) in answers
        else:
            assert record.ended.cause == "input"
            assert "W.safetensors" in record.ended.reason
    weights.write_bytes(sound)


def test_a_run_whose_file_was_deleted_meanwhile_says_so_when_it_is_resumed(
    large: RunRequest,
) -> None:
    request = with_settings(large, exhaustive=True, memory=1_000_000)
    run = control.start(request)
    control.stop(run, read_until(run, lambda now: now.checkpoint is not None))
    read_until(run, ended)
    Path(request.weights).unlink()
    again = read_until(control.start(msgspec.structs.replace(request, resumes=run.id)), ended)
    assert again.ended is not None
    assert again.ended.cause == "input"
    assert "W.safetensors" in again.ended.reason
