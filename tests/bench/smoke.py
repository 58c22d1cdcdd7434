"""A few figures of the whole program: `python tests/bench/smoke.py [--smoke] [--rounds K]`.

How long until a headless run is over; what memory the engine takes; how the search compares with the notebook's
loop on the published cluster. The last line is all of it as JSON. `precision.py` has the app's own figures.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from common import (
    Contestant,
    Times,
    arguments,
    machine,
    print_json,
    print_table,
    seconds,
    take_turns,
    use_threads,
    whole,
)
from farpair.engine.events import RunRequest
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.models.loader import load_rows
from farpair.engine.runs.folders import Run
from farpair.engine.runs.request import request_for
from farpair.engine.search.search import search_here
from support.fixtures import build_notebook_model
from support.reference import notebook_loop

MIB = 2**20


def main() -> None:
    options = arguments(__doc__.splitlines()[0])
    rounds = 0 if options.smoke else options.rounds
    use_threads(options.threads)
    on = machine()
    print(", ".join(f"{name} {value}" for name, value in on.items()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = request_for(model_at(build_notebook_model(folder / "published", vocabulary=75_000)))
        figures = {
            "headless": headless(folder, rounds),
            "memory": memory(folder, request),
            "search": beside_the_notebook(request, options.smoke, rounds),
        }
    print_json({"bench": "smoke", "smoke": options.smoke, "machine": on, **figures})


def headless(folder: Path, rounds: int) -> dict[str, float]:
    """Seconds from start until the demo model's analysis is printed, beside what importing torch takes."""
    environment = os.environ | {"XDG_STATE_HOME": str(folder / "state")}

    def ran(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run(
            [sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, check=True
        )

    return _printed(
        "start to finished analysis of the demo model, headless",
        {
            "farpair demo --print": ran("-m", "farpair", "demo", "--print"),
            "import torch": ran("-c", "import torch"),
        },
        rounds,
    )


def memory(folder: Path, request: RunRequest) -> dict[str, float]:
    """Peak MiB of the engine on the 75,000-row fixture, and of its imports alone; MiB of the cluster's rows."""
    run = Run("bench", folder / "run")
    run.folder.mkdir()
    run.request.write_bytes(msgspec.json.encode(request))
    whole_run = _peak("-m", "farpair.engine.worker.process", str(run.folder))
    started = read_record(run.journal).started
    assert started is not None, run.journal.read_text()
    found = {
        "engine": whole_run / MIB,
        "imports": _peak("-c", "import farpair.engine.worker.pipeline") / MIB,
        "rows": 4 * started.n * started.d / MIB,
        "stated": started.memory / MIB,
        "W": os.stat(request.weights).st_size / MIB,
    }
    beyond = found["engine"] - found["imports"] - found["rows"]
    print("\npeak memory of the engine on the fixture, MiB")
    print_table(
        ("", "MiB"),
        [(name, f"{size:,.1f}") for name, size in (found | {"beyond imports and rows": beyond}).items()],
    )
    return found | {"beyond": beyond}


def beside_the_notebook(request: RunRequest, smoke: bool, rounds: int) -> dict[str, float]:
    """Seconds on the fixture's rows, in one process; with --smoke on a part of them, which tells no ratio."""
    rows = load_rows(request).rows
    if smoke:
        rows = rows[:600, :256].contiguous()
    found = _printed(
        f"search of {len(rows):,} × {rows.shape[1]:,} rows",
        {
            "farpair": lambda: list(search_here(rows)),
            "the notebook's loop": lambda: notebook_loop(rows),
        },
        rounds,
    )
    ratio = found["the notebook's loop"] / found["farpair"]
    print(f"  {ratio:,.4g} × faster")
    return found | {"ratio": ratio}


def _printed(title: str, work: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median seconds of each, having taken turns."""
    times: dict[str, Times] = take_turns([Contestant(name, whole(one)) for name, one in work.items()], rounds)
    print(f"\n{title}")
    print_table(
        ("", "median", "fastest", "turns"),
        [
            (name, seconds(taken.median), seconds(min(taken.seconds)), str(taken.turns))
            for name, taken in times.items()
        ],
    )
    return {name: taken.median for name, taken in times.items()}


# A process begins with its parent's peak, so the parent has to be a small one.
_MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def _peak(*command: str) -> float:
    """The most bytes of memory that a Python of its own held."""
    measure = [sys.executable, "-c", _MEASURE, sys.executable, *command]
    peak = int(subprocess.run(measure, check=True, capture_output=True, text=True).stdout)
    return peak * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
