"""Models to be run by the command line, and a folder of its own for what is kept."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from support.fixtures import build_small_model
from support.running import long_request


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tensors folder: `first`, `second`, `broken`, `nan`, `long`, and one of a hostile name; a module may have
    its own."""
    folder = tmp_path_factory.mktemp("models") / "tensors"
    build_small_model(folder / "first", n=60, d=12)
    build_small_model(folder / "second", n=30, d=8, seed=5)
    build_small_model(folder / "[red]\x1b[31m\nname", n=10, d=4)
    long_request(folder / "long")
    (folder / "broken").mkdir()
    (folder / "broken" / "W.safetensors").write_bytes(b"no tensors")
    (folder / "nan").mkdir()
    save_file({"W": torch.full((4, 4), torch.nan)}, folder / "nan" / "W.safetensors")
    return folder


@pytest.fixture(autouse=True)
def _surroundings(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("FARPAIR_TENSORS", str(models))
    monkeypatch.chdir(tmp_path)
