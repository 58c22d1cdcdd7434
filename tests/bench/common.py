"""Shared by the measurements: contestants that take turns, and the description of the machine."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from farpair.engine.report.columns import print_list

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the tests' own fixtures and references

PAUSE_SECONDS = 0.1  # before another's turns: threads of the one before spin for a while, and take a core
GO_SECONDS = 0.5  # a contestant takes as many turns at a go as fit into this
TURN_SECONDS = 100.0  # a turn that is not over by then is stopped, and its time reckoned from the part it did
ENOUGH_SECONDS = 40.0  # a contestant that has used so much in all takes no further turn


@dataclass(frozen=True)
class Contestant:
    """Something timed: `turn()` does it once, in `parts` equal parts, and yields as each is done."""

    name: str
    turn: Callable[[], Iterator[object]]
    parts: int = 1


@dataclass
class Times:
    """A contestant's turns: the seconds of the first of each go, and of those that follow at once on another; and
    whether they were cut short (`done` of all parts) and reckoned."""

    first: list[float] = field(default_factory=list)
    following: list[float] = field(default_factory=list)
    done: float = 1.0

    @property
    def seconds(self) -> list[float]:
        """Of the turns that count: those that follow another; where a go is one turn, all but the first, which
        warms up, if there are more."""
        return self.following or self.first[1:] or self.first

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def after_a_pause(self) -> float:
        """The median of the first turns of each go: threads sleep then, and have to be woken."""
        return statistics.median(self.first[1:] or self.first)

    @property
    def turns(self) -> int:
        return len(self.seconds)

    def cells(self, name: str) -> tuple[str, str, str]:
        """The first cells of its line in a table: whose turns they are, the median and the fastest."""
        reckoned = f" (≈, from {self.done:.1%})" if self.done < 1 else ""
        return name + reckoned, seconds(self.median), seconds(min(self.seconds))


def whole(work: Callable[[], object]) -> Callable[[], Iterator[object]]:
    """`work` as a turn of one part."""

    def turn() -> Iterator[object]:
        yield work()

    return turn


def take_turns(contestants: Sequence[Contestant], rounds: int) -> dict[str, Times]:
    """Let each have its go in order, and again, `rounds` times after one round that warms up; with no rounds, each
    takes one turn."""
    go_seconds = GO_SECONDS if rounds else 0.0
    times = {contestant.name: Times() for contestant in contestants}
    for _ in range(rounds + 1):
        for contestant in contestants:
            taken = times[contestant.name]
            if sum(taken.first) + sum(taken.following) < ENOUGH_SECONDS and taken.done == 1.0:
                _have_a_go(contestant, taken, go_seconds)
    return times


def _have_a_go(contestant: Contestant, times: Times, go_seconds: float) -> None:
    time.sleep(PAUSE_SECONDS)
    first, times.done = _take_turn(contestant)
    times.first.append(first)
    spent = first
    while spent + first < go_seconds:
        times.following.append(_take_turn(contestant)[0])
        spent += times.following[-1]


def _take_turn(contestant: Contestant) -> tuple[float, float]:
    """The seconds of a turn, reckoned from the part of it that was done, and that part."""
    parts = 0
    started = time.perf_counter()
    for _ in contestant.turn():
        parts += 1
        if time.perf_counter() - started > TURN_SECONDS:
            break
    seconds = time.perf_counter() - started
    done = min(1.0, parts / contestant.parts)
    return seconds / done, done


def arguments(description: str, names: Sequence[str] = (), *, device: bool = False) -> argparse.Namespace:
    """The measurement's flags: --smoke, --rounds, --threads, --only and --goals where there are `names`, and
    --device where it is measured on one of several."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--smoke", action="store_true", help="small and short: only whether it runs")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant after one that warms up")
    parser.add_argument("--threads", type=int, default=0, help="threads of every contestant (default: every core)")
    if names:
        parser.add_argument("--only", action="append", choices=names, metavar="NAME", help=", ".join(names))
        parser.add_argument("--goals", action="store_true", help="beside the peers that goals name alone")
    if device:
        parser.add_argument("--device", default="auto", help="cuda, cuda:1, cpu (default: the first GPU, if any)")
    return parser.parse_args()


def use_threads(count: int) -> int:
    """Give torch and every other library of this process `count` threads (0: as many as cores); the number."""
    count = count or len(os.sched_getaffinity(0))
    torch.set_num_threads(count)
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return count
    threadpool_limits(count)
    return count


def machine() -> dict[str, object]:
    """What the figures were taken on, libraries of other contestants included where that can be told."""
    found: dict[str, object] = {
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "torch": str(torch.__version__),
        "load": round(os.getloadavg()[0], 2),
    }
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return found
    kernels = {f"{pool['internal_api']} {pool.get('architecture') or ''}".strip() for pool in threadpool_info()}
    return found | {"libraries": sorted(kernels)}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{len(named)} × {named[0]}" if named else platform.machine()


def seconds(value: float) -> str:
    """A time with three digits that mean something."""
    return f"{value * 1e3:.3g} ms" if value < 0.1 else f"{value:.3g} s"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as they must be, the first on the left and the rest on the right."""
    print_list([heads[0], *(f">{head}" for head in heads[1:])], rows)


def print_json(result: dict[str, object]) -> None:
    """The whole result, as the last line."""
    print(json.dumps(result, allow_nan=False))
