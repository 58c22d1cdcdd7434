"""Real runs, recorded once, so that what the screen shows of them is the same everywhere and every day.

`python tests/support/recorded_runs.py` searches the models again and writes `tests/tui/recorded/` anew.
"""

import json
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from farpair.engine.models.discovery import Model, demo_model, model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.request import request_for

FOLDER = Path(__file__).parents[1] / "tui" / "recorded"
MODELS = "/models"  # stands for the folder of the recorded models
RECORDED = ("all-MiniLM-L6-v2", "published-geometry")

Line = dict[str, Any]


def model_of(name: str) -> Model:
    """The model that the recorded run `name` has searched."""
    lines = _lines(name)
    request, rows = lines[0]["event"]["request"], lines[1]["event"]
    return Model(
        name=request["model"],
        origin=Path(request["weights"]).parent,
        weights=Path(request["weights"]),
        tensor=request["tensor"],
        shape=(rows["vocabulary"], rows["d"]),
        dtype=rows["dtype"],
        cluster=request["cluster"],
        cluster_file=Path(request["cluster_file"]) if request["cluster_file"] else None,
        tokenizer=None,
        problem=None,
    )


def keep(name: str, settled: int | None = None) -> None:
    """Put the recorded run into the state folder: all of it, or up to so many settled batches, as if it went on.

    Files of the size and age of those that it read are put beside it.
    """
    lines = _lines(name)
    if settled is not None:
        ends = [at for at, line in enumerate(lines, 1) if line["event"]["type"] == "BatchDone"]
        lines = lines[: ends[settled - 1]]
        alive = psutil.Process()
        engine = {"pid": os.getpid(), "pid_created": alive.create_time(), "host": socket.gethostname()}
        lines[0] = lines[0] | {"event": lines[0]["event"] | engine}
    folder = folders.state_folder() / "runs" / str(lines[0]["event"]["run"])
    folder.mkdir(parents=True)
    for file in lines[1]["event"]["files"]:
        path = Path(file["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        os.truncate(path, file["size"])
        os.utime(path, ns=(file["mtime_ns"], file["mtime_ns"]))
    (folder / "request.json").write_text(json.dumps(lines[0]["event"]["request"]))
    (folder / "journal.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def _lines(name: str) -> list[Line]:
    models = folders.state_folder() / "models"
    text = (FOLDER / f"{name}.jsonl").read_text().replace(f'"{MODELS}/', f'"{models}/')
    return [json.loads(line) for line in text.splitlines()]


def main() -> None:
    from support.fixtures import build_notebook_model
    from support.running import ended, read_until

    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        published = build_notebook_model(Path(folder) / "published-geometry", vocabulary=151_936, dtype="bfloat16")
        for model in (replace(demo_model(), cluster="all"), model_at(published)):
            run = control.start(request_for(model, RunSettings(device="cpu")))
            record = read_until(run, ended)
            assert record.state == "done", record.ended
            where = model.weights.parent
            text = run.journal.read_text().replace(str(where), f"{MODELS}/{model.name}")
            (FOLDER / f"{model.name}.jsonl").write_text("".join(map(_anywhere, text.splitlines())))


def _anywhere(line: str) -> str:
    """A line of the journal without what names the machine it was written on, or sums its bytes."""
    whole = json.loads(line)
    event = whole["event"]
    if event["type"] == "EngineStarted":
        event |= {
            "pid": 1,
            "pid_created": 0.0,
            "host": "workstation",
            "run": f"20261122-120000-{event['request']['model']}-0000",
        }
    return json.dumps({"time": whole["time"], "event": event}, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    main()
