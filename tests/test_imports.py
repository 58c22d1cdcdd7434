"""Modules that only read do not load torch, and the engine never loads the screen; tested in fresh
interpreters."""

import ast
import subprocess
import sys
from pathlib import Path

import farpair
import pytest
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from support.fixtures import build_small_model
from support.running import ended, read_until

SOURCES = Path(farpair.__file__).parent


def loaded_by(statements: str) -> set[str]:
    """The top-level modules that are loaded after `statements` in a fresh interpreter."""
    program = (
        f"{statements}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}}, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def loaded_by_command(*words: str) -> set[str]:
    return loaded_by(f"from farpair.cli import main\ntry:\n  main({list(words)!r})\nexcept SystemExit:\n  pass")


def test_the_app_loads_neither_torch_nor_numpy_before_it_paints() -> None:
    assert {"torch", "numpy"}.isdisjoint(loaded_by("import farpair.tui.app"))


@pytest.mark.parametrize(("asked", "frames"), [(None, "240"), ("30", "30")])
def test_a_key_waits_a_few_milliseconds_for_its_frame_unless_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, frames: str
) -> None:
    monkeypatch.delenv("TEXTUAL_FPS", raising=False)
    if asked:
        monkeypatch.setenv("TEXTUAL_FPS", asked)
    program = "import farpair.tui.app, textual.constants; print(textual.constants.MAX_FPS)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == frames


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"], ["--batch", "0"]])
def test_parsing_loads_nothing_heavy(words: list[str]) -> None:
    heavy = {"torch", "numpy", "textual", "rich", "msgspec", "psutil", "safetensors", "tokenizers", "asyncio"}
    loaded = loaded_by_command(*words)
    assert (heavy - {"msgspec", "rich"} if words[0] == "--batch" else heavy).isdisjoint(loaded)


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_help_loads_nothing_that_takes_as_long_as_argparse(words: list[str]) -> None:
    assert {"typing", "dataclasses", "inspect", "shutil"}.isdisjoint(loaded_by_command(*words))


def test_commands_that_only_read_load_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    build_small_model(tmp_path / "tensors" / "small")
    from farpair.engine.models.discovery import model_at
    from farpair.engine.runs.request import request_for

    run = control.start(request_for(model_at(tmp_path / "tensors" / "small"), RunSettings(device="cpu")))
    assert read_until(run, ended).state == "done"
    for words in (
        ["models", "--tensors", str(tmp_path / "tensors")],
        ["runs"],
        ["runs", "--clean"],
        ["attach", run.id],
        ["replay", run.id, "--speed", "1000000"],
        ["stop", run.id],
        ["pause", run.id],
        ["resume", run.id],
        ["report", run.id],
        ["report", run.id, "--json"],
        ["run", "small", "--tensors", str(tmp_path / "tensors")],  # the engine is another process
    ):
        loaded = loaded_by_command(*words)
        assert "farpair" in loaded
        assert {"torch", "numpy", "textual"}.isdisjoint(loaded)


def test_the_package_imports_nothing_slow_and_its_check_no_torch() -> None:
    assert {"numpy", "torch", "msgspec"}.isdisjoint(loaded_by("import farpair"))
    assert "torch" not in loaded_by("import farpair; farpair.verify")


@pytest.mark.parametrize("path", sorted((SOURCES / "engine").rglob("*.py")), ids=lambda path: path.stem)
def test_no_engine_module_imports_the_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                imported = [name.name for name in names]
            case ast.ImportFrom(module=module, level=level):
                imported = ["." * level + (module or "")]
            case _:
                continue
        assert not any(name.split(".")[0] == "textual" or "tui" in name.split(".") for name in imported)


def test_the_whole_engine_runs_without_textual() -> None:
    assert "textual" not in loaded_by("import farpair.engine.worker.pipeline, farpair.engine.worker.process")
