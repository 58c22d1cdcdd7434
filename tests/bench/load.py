"""The search beside programs that keep every core busy: `python tests/bench/load.py [--smoke] [--rounds K]`.

The library in this process, the engine in its own as the app starts it, and a plain `torch.mm` as a yardstick take
turns on a machine that is left alone and beside one endless loop for each core. Figures are medians, and the ratio
of the two is what load costs. The last line is all of it as JSON.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from common import arguments, machine, print_json, print_table, seconds, use_threads
from farpair import farthest_pair
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.request import request_for
from safetensors.torch import save_file
from support.inputs import normal
from support.running import ended, read_until

MUST = {"library": 4.0, "engine": 3.0}
LOOP = "while True: pass"
SETTLES = 0.5  # seconds in which the loops, and what else was started, come to their share of the cores


def main() -> None:
    options = arguments(__doc__.splitlines()[0])
    cores = use_threads(options.threads)
    on = machine()
    print(", ".join(f"{name} {value}" for name, value in on.items()))
    rows = normal(*((1_000, 64) if options.smoke else (12_000, 384))).to(torch.float32)
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_STATE_HOME"] = str(Path(name) / "state")
        work = contestants(rows, Path(name) / "model")
        turns = take_turns(work, cores, 1 if options.smoke else options.rounds)
    costs = {
        name: sorted(loaded)[len(loaded) // 2] / sorted(quiet)[len(quiet) // 2]
        for name, (quiet, loaded) in turns.items()
    }
    print(f"\n{len(rows):,} × {rows.shape[1]} rows, alone and beside {cores} endless loops")
    print_table(
        ("", "alone", "beside them", "ratio", "must"),
        [
            (
                name,
                seconds(sorted(quiet)[len(quiet) // 2]),
                seconds(sorted(loaded)[len(loaded) // 2]),
                f"{costs[name]:.1f} ×",
                f"≤ {MUST[name]:g} ×" if name in MUST else "",
            )
            for name, (quiet, loaded) in turns.items()
        ],
    )
    print_json(
        {
            "bench": "load",
            "smoke": options.smoke,
            "machine": on,
            "seconds": {name: {"alone": quiet, "loaded": loaded} for name, (quiet, loaded) in turns.items()},
            "ratios": costs,
            "must": MUST,
        }
    )


def contestants(rows: torch.Tensor, folder: Path) -> dict[str, Callable[[], object]]:
    """What is timed: the library, the engine, and a matrix product of about as long."""
    folder.mkdir()
    save_file({"W": rows}, folder / "W.safetensors")
    request = request_for(model_at(folder), RunSettings(device="cpu"))
    some = rows[: max(1, len(rows) // 4)]

    def engine() -> None:
        run = control.start(request)
        record = read_until(run, ended)
        assert record.ended is not None, run.log.read_text()
        assert record.ended.outcome == "done", record.ended.reason

    return {
        "library": lambda: farthest_pair(rows),
        "engine": engine,
        "torch.mm": lambda: torch.mm(some, some.T),
    }


def take_turns(
    work: dict[str, Callable[[], object]], loops: int, rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """The seconds of each, alone and beside so many `loops`, in turns after one that warms up."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in work}
    for one in work.values():
        one()
    for _ in range(rounds):
        for at, count in enumerate((0, loops)):
            with busy(count):
                for name, one in work.items():
                    time.sleep(SETTLES)
                    started = time.perf_counter()
                    one()
                    found[name][at].append(time.perf_counter() - started)
    return found


@contextmanager
def busy(loops: int) -> Iterator[None]:
    """While this lasts, so many programs keep a core busy each."""
    started = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(loops)]
    try:
        yield
    finally:
        for one in started:
            one.kill()
            one.wait()


if __name__ == "__main__":
    main()
