"""Faults that tests cause: a few tries each by default, all of them with FARPAIR_FAULTS=all.

FARPAIR_FAULTS=all python -m pytest tests/faults -s
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from farpair.engine.events import RunRequest
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.request import request_for
from safetensors.torch import save_file
from support.inputs import vocabulary

Of = Callable[[int, int], int]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs are kept while the test goes on."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may look into, all the way down to it, as pytest's own may not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def of() -> Of:
    """How many times, or seconds: few of them, or all where all were asked for."""
    return lambda few, all_of_them: all_of_them if os.environ.get("FARPAIR_FAULTS") == "all" else few


@pytest.fixture(scope="session")
def seconds_long(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    """A search of a second or so, with many checkpoints."""
    folder = tmp_path_factory.mktemp("models") / "seconds"
    folder.mkdir()
    save_file({"W": vocabulary(7000, 64).to(torch.float32)}, folder / "W.safetensors")
    return request_for(model_at(folder), RunSettings(device="cpu", threads=1, memory=1_000_000, exhaustive=True))
