"""Memory stated and measured: `python tests/bench/memory.py [--smoke] [--only NAME]`.

The memory that a search takes beyond the rows, beside what it states before it begins.

Each input is searched in a process of its own, three times: once so that libraries are loaded and have what they
keep; by itself (resident: by how much the process grew, with an allocator that gives back at once what is freed);
and under torch's profiler, which sees every tensor come and go (held: the most that tensors took at once beyond
the rows). What is reserved and never written to is held, and on a CPU not resident. The last line is the whole
result as JSON.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import torch
from common import arguments, machine, print_json, print_table, use_threads
from farpair.engine.search.block_sizes import blocks_for
from farpair.engine.search.workspace import Workspace
from search import INPUTS
from support.held import finish, held

MIB = 2**20
NEAR = 0.10  # of what is stated: by so much may differ what is held
MOST = {"cluster": 64, "black-holes": 64, "wordllama": 256, "minilm": 256}  # MiB stated by default
GIVING_BACK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}


def main() -> None:
    options = arguments(__doc__.splitlines()[0], tuple(INPUTS))
    threads = use_threads(options.threads)
    on = machine()
    print(", ".join(f"{name} {value}" for name, value in on.items()))
    figures = {name: in_a_process(name, options.smoke, threads) for name in options.only or INPUTS}
    print("\nMiB beyond the rows")
    print_table(
        ("", "stated", "held", "held / stated", "resident", "verdict"),
        [
            (
                INPUTS[name].words,
                f"{found['stated'] / MIB:,.1f}",
                f"{found['held'] / MIB:,.1f}",
                f"{found['held'] / found['stated']:.2f}",
                "–" if found["resident"] is None else f"{found['resident'] / MIB:,.1f}",
                "" if options.smoke else verdict(name, found["stated"], found["held"]),
            )
            for name, found in figures.items()
            if found is not None
        ],
    )
    print_json({"bench": "memory", "smoke": options.smoke, "machine": on, "inputs": figures})


def verdict(name: str, stated: float, held: float) -> str:
    """Whether what is held is what was stated, and no more than it may be."""
    near = abs(held / stated - 1) <= NEAR
    most = MOST.get(name)
    small = "" if most is None else f", within {most} MiB" if stated <= most * MIB else f", NOT within {most} MiB"
    return ("as stated" if near else f"NOT within {NEAR:.0%}") + small


def in_a_process(name: str, smoke: bool, threads: int) -> dict[str, float] | None:
    """`measured` in a process of its own."""
    code = f"import json, memory; print(json.dumps(memory.measured({name!r}, {smoke!r}, {threads!r})))"
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=os.environ | GIVING_BACK,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] | None = json.loads(run.stdout.splitlines()[-1])
    return found


def measured(name: str, smoke: bool, threads: int) -> dict[str, float | None] | None:
    """The bytes that a search of an input states, holds and grows by; None where its rows are not to be had."""
    rows = INPUTS[name].make(smoke)
    if rows is None:
        return None
    use_threads(threads)
    rows = rows.clone()  # those of a file are in memory only once they are read
    finish(rows)
    return {
        "stated": blocks_for(rows.device, *rows.shape).bytes(*rows.shape),
        "resident": grown(rows),
        "held": held(rows),
    }


def grown(rows: torch.Tensor) -> int | None:
    """By how many bytes a search makes this process larger, at the most; None where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None

    def kilobytes(field: str) -> int:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(field))

    Workspace.empty()
    Path("/proc/self/clear_refs").write_text("5")  # the largest size so far is forgotten
    before = kilobytes("VmRSS")
    finish(rows)
    return 1024 * (kilobytes("VmHWM") - before)


if __name__ == "__main__":
    main()
