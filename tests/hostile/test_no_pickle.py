"""No pickle is ever loaded, neither from a pickle file nor from a file with a pickle's name."""

import ast
import subprocess
import sys
from pathlib import Path

import farpair
import pytest
from support.fixtures import MASK_FILE, build_small_model

SOURCES = Path(farpair.__file__).parent
LOADERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
PICKLE = b"\x80\x04cos\nmkdir\n(V%s\ntR."

# Runs a command line, and a search in this process, with every class that a pickle asks for recorded.
WATCHED = """
import sys
from pathlib import Path

found = []
sys.addaudithook(lambda event, arguments: found.append(arguments) if event == "pickle.find_class" else None)
from farpair.cli import main
from farpair.engine.worker.pipeline import run_events
from farpair.engine.models.discovery import model_at; from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.request import request_for
from farpair.engine.errors import FarpairError

tensors = Path(sys.argv[1])
main(["models", "--tensors", str(tensors)])
main(["runs"])
for path in sorted(tensors.rglob("*")):
    for word in (path, path.parent):
        try:
            request = request_for(model_at(word), RunSettings(device="cpu"))
            print(len(list(run_events(request))))
        except FarpairError as error:
            print(error)
print("found", found)
"""


def test_nothing_that_a_pickle_asks_for_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    pickle = PICKLE % str(tmp_path / "OWNED").encode()
    tensors = tmp_path / "tensors"
    for name in ("W.safetensors", MASK_FILE, "tokenizer.json"):
        (build_small_model(tensors / f"pickled {name}") / name).write_bytes(pickle)
    good = build_small_model(tensors / "good")
    other = tensors / "other"
    other.mkdir()
    for name in ("pytorch_model.bin", "W.pt", "W.pth", "W.pkl", "W.npy", "model.ckpt", "model.safetensors.pkl"):
        (good / name).write_bytes(pickle)
        (other / name).write_bytes(pickle)
    run = tmp_path / "state" / "farpair" / "runs" / "20261122-185400-model-0000"
    run.mkdir(parents=True)
    for name in ("request.json", "journal.jsonl"):
        (run / name).write_bytes(pickle)

    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(tensors)], capture_output=True, text=True, check=True
    )

    assert done.stdout.endswith("\nfound []\n")
    assert "not a safetensors file" in done.stdout
    assert not (tmp_path / "OWNED").exists()


def test_no_module_could_load_one() -> None:
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Import(names=names):
                    assert LOADERS.isdisjoint(name.name.split(".")[0] for name in names)
                case ast.ImportFrom(module=str(module)):
                    assert module.split(".")[0] not in LOADERS
                case ast.Call(func=ast.Attribute(value=ast.Name(id="torch" | "np" | "numpy"), attr=called)):
                    assert called not in ("load", "fromfile", "memmap")
                case ast.Call(func=ast.Name(id=called)):
                    assert called not in ("eval", "exec", "compile", "__import__")
