"""What a search of a kind of rows takes in time and memory, beside a brute force and beside what it states.

    python tests/adversary/costs.py                    # every kind, at the sizes where it is dearest
    python tests/adversary/costs.py lattice/1/2000/8/float32/float32/1/default/search/plain

A case is measured in a process of its own, whose memory is its own. It is an outlier where it takes more than 20
times as long as the products of all pairs in float64, or more memory than it states by 10 % and 2 MiB.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import psutil
import torch
from adversary.attack import Case, case_of
from adversary.kinds import KINDS, rows_of
from adversary.subject import blocks_called, eccentricities, farthest_pairs, search, stated_bytes
from farpair.engine.run_settings import RunSettings

MIB = 1 << 20
MOST_TIMES = 20.0
LEAST_SECONDS = 0.05  # a brute force is reckoned to take so long at least
_TOO_LONG = 60.0  # seconds
_MEASURE = "measure"


@dataclass(frozen=True)
class Cost:
    """What one search took: seconds, and bytes held at once beyond its rows; beside them the seconds of a float64
    brute force, and the bytes that were stated. `seconds` is infinite where it came to no end."""

    seconds: float
    held: float
    brute: float
    stated: float

    @property
    def is_slow(self) -> bool:
        """Whether it took far longer than a brute force does."""
        return self.seconds > MOST_TIMES * max(self.brute, LEAST_SECONDS)

    @property
    def is_large(self) -> bool:
        """Whether it held more than was stated."""
        return self.held > 1.1 * self.stated + 2 * MIB

    def __str__(self) -> str:
        return (
            f"{self.seconds:.2f} s, {self.seconds / max(self.brute, LEAST_SECONDS):.1f} times a brute force; "
            f"{self.held / MIB:.0f} MiB, {self.stated / MIB:.0f} stated"
        )


def cost_of(case: Case, too_long: float = _TOO_LONG) -> Cost:
    """What a case costs, in a process of its own."""
    command = [sys.executable, __file__, _MEASURE, str(case)]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=too_long)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError):
        return Cost(float("inf"), 0.0, 0.0, 0.0)
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def measured(case: Case) -> Cost:
    """What a case costs in this process."""
    rows = rows_of(case.kind, case.seed, case.n, case.d, case.dtype)
    _search(case, torch.randn(400, rows.shape[1], generator=torch.Generator().manual_seed(0)))
    brute = _brute_force(rows)
    batch = 1 if case.mode == "eccentricities" else case.batch or len(rows)
    stated = stated_bytes(case.n, case.d, batches=-(-len(rows) // batch))
    before, most, going = _held(), 0, True

    def watch() -> None:
        nonlocal most
        while going:
            most = max(most, _held())
            time.sleep(0.001)

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.perf_counter()
    try:
        _search(case, rows)
        seconds = time.perf_counter() - began
    finally:
        going = False
        watching.join()
    return Cost(seconds, max(0, most - before), brute, stated)


def _search(case: Case, rows: torch.Tensor) -> None:
    match case.mode:
        case "eccentricities":
            eccentricities(rows)
        case "pairs":
            farthest_pairs(rows, 10)
        case mode:
            blocks = blocks_called(case.blocks, *rows.shape)
            batch, exhaustive = case.batch or len(rows), mode == "exhaustive"
            for _ in search(
                rows, RunSettings(batch=batch, precision=case.precision, exhaustive=exhaustive), blocks=blocks
            ):
                pass


def _brute_force(rows: torch.Tensor) -> float:
    """The seconds that the products of all pairs take in float64, a block at a time."""
    wide = rows.to(torch.float64)
    began = time.perf_counter()
    squares = wide.square().sum(dim=1)
    for start in range(0, len(wide), 512):
        part = wide[start : start + 512]
        torch.addmm(squares[None], part, wide.T, alpha=-2.0).amax(dim=1)
    return time.perf_counter() - began


def _held() -> int:
    now = psutil.Process().memory_info()
    return int(now.rss - getattr(now, "shared", 0))  # what libraries' files take is not the search's


def dearest_cases() -> Iterator[Case]:
    """Each kind as many rows and few, and in batches of one row."""
    for at, kind in enumerate(KINDS):
        for n, d, batch in ((2000, 8, 256), (2000, 8, 1), (5000, 32, 256)):
            yield Case(kind, at, n, d, "float32", "float32", batch)


def main() -> int:
    """Measure, and print the outliers."""
    if sys.argv[1:2] == [_MEASURE]:
        print(json.dumps(vars(measured(case_of(sys.argv[2])))))
        return 0
    outliers = 0
    for case in [case_of(line) for line in sys.argv[1:]] or dearest_cases():
        cost = cost_of(case)
        words = [word for word, holds in (("SLOW", cost.is_slow), ("LARGE", cost.is_large)) if holds]
        outliers += bool(words)
        if words or len(sys.argv) > 1:
            print(f"{case}: {' '.join(words)} {cost}", flush=True)
    print(f"{outliers} outliers")
    return outliers > 0


if __name__ == "__main__":
    sys.exit(main())
