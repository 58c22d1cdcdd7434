"""The screen's figures, in a pty of 160 × 48: `python tests/bench/screen.py [--smoke] [--only NAME] [--rounds K]`.

How soon the app is there, how soon it answers a key while a search uses every core, how much it writes to the
terminal, and what it costs, beside a bare Textual app in the same run. The last line is all of it as JSON.
"""

import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import torch
from common import Contestant, arguments, machine, print_json, print_table, take_turns, use_threads, whole
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import Model, model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.liveness import STANDBY
from farpair.engine.runs.request import request_for
from journals import Clocked, write_whole
from safetensors.torch import save_file
from support.fixtures import build_notebook_model, build_small_model
from support.running import read_until, searching
from timed_terminal import TimedTerminal

KIB, MIB = 2**10, 2**20
FULL = (151_936, 256)  # rows of a whole vocabulary, and rows in a batch: 594 batches
TEN_THOUSAND = (150_000, 15)  # 10,000 batches
Figures = dict[str, float]

BARE_APP = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("a bare app")

Bare().run()
"""


def main() -> None:
    measurements: dict[str, Callable[[Path, bool, int], Figures]] = {
        "start": start,
        "help": help_text,
        "keys": keys,
        "clocked": clocked,
        "search": real_search,
        "idle": idle,
        "runs": runs,
    }
    options = arguments(__doc__.splitlines()[0], tuple(measurements))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # a program that is installed is not compiled at each start
    use_threads(options.threads)
    on = machine()
    print(", ".join(f"{name} {value}" for name, value in on.items()))
    figures = {}
    for name in options.only or measurements:
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = measurements[name](Path(folder), options.smoke, 0 if options.smoke else options.rounds)
    print_json({"bench": "screen", "smoke": options.smoke, "machine": on, **figures})


def start(folder: Path, smoke: bool, rounds: int) -> Figures:
    """Seconds from start to a meaningful screen, with nothing run yet and with a run of 10,000 batches."""
    new, old = folder / "new", folder / "old"
    model(new)
    with state(old):
        write_whole(model(old), *(TEN_THOUSAND if not smoke else (1500, 15)))
    found: dict[str, list[tuple[float, float]]] = {}

    def shown(command: Sequence[str], where: Path, *wanted: str) -> Callable[[], object]:
        def show() -> None:
            with TimedTerminal(command, where) as terminal:
                for text in wanted:
                    found.setdefault(f"{where.name}: {text}", []).append(terminal.wait_for_text(text))

        return show

    bare = [sys.executable, "-c", BARE_APP]
    alone = ["--no-standby"]  # begun after one contestant's first screen, it would take a core from the next one
    contestants = [
        Contestant("bare", whole(shown(bare, folder / "bare", "a bare app"))),
        Contestant("new", whole(shown([*farpair(new), *alone], new, "q quit", "starts the search"))),
        Contestant("old", whole(shown([*farpair(old), *alone], old, "q quit", "proved"))),
    ]
    take_turns(contestants, rounds)
    medians = [_medians(times[1:] or times) for times in found.values()]
    names = ("bare", "first screen", "nothing run yet", "first screen of old", "10,000 batches")
    figures = {name: seconds for name, (seconds, _) in zip(names, medians, strict=True)}
    figures |= {f"{name}, of processor time": cpu for name, (_, cpu) in zip(names, medians, strict=True)}
    figures |= {f"{name} ÷ bare": figures[name] / figures["bare"] for name in names[1:3]}
    cpu = "first screen, of processor time"
    figures[f"{cpu} ÷ bare"] = figures[cpu] / figures["bare, of processor time"]
    return printed("start to screen, seconds", figures)


def _medians(times: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(taken for taken, _ in times), statistics.median(cpu for _, cpu in times)


def help_text(folder: Path, smoke: bool, rounds: int) -> Figures:  # noqa: ARG001
    """Seconds that `farpair --help` takes, beside a Python that does nothing."""

    def ran(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL, check=True)

    times = take_turns(
        [
            Contestant("--help", whole(ran("-m", "farpair", "--help"))),
            Contestant("bare", whole(ran("-c", "pass"))),
        ],
        rounds,
    )
    return printed("--help, seconds", {name: taken.median for name, taken in times.items()})


def keys(folder: Path, smoke: bool, rounds: int) -> Figures:
    """Milliseconds from a key to the cursor on its next row, while a search uses every core and while it waits."""
    presses = 5 if smoke else 40
    with searched(folder, 6_000 if smoke else 240_000) as run, TimedTerminal(farpair(folder), folder) as terminal:
        terminal.wait_for_text("space resumes")
        cursor = _cursor_colour(terminal)

        def met(written: bytes) -> bool:
            return cursor.search(written) is not None

        taken: dict[str, list[float]] = {"searching": [], "idle": []}
        for _ in range(max(rounds, 1)):
            for name, ask in (("idle", control.pause), ("searching", control.go_on)):
                ask(run, read_record(run.journal))
                time.sleep(1.0)
                for press in range(presses):
                    taken[name].append(terminal.strike("jk"[press % 2], met))
                    time.sleep(random.uniform(0.05, 0.15))  # at no fixed place between two repaints
        assert smoke or read_record(run.journal).ended is None, "the search was over before the keys were"
    figures: Figures = {}
    for name, times in taken.items():
        cuts = statistics.quantiles(times, n=20)
        figures |= {f"{name} p50": 1e3 * statistics.median(times), f"{name} p95": 1e3 * cuts[-1]}
    ratios = {f"ratio {p}": figures[f"searching {p}"] / figures[f"idle {p}"] for p in ("p50", "p95")}
    return printed("key to repaint, milliseconds", figures | ratios)


def clocked(folder: Path, smoke: bool, rounds: int) -> Figures:  # noqa: ARG001
    """What a search that settles ten batches a second makes the app write, and costs it."""
    with state(folder), Clocked(model(folder), *FULL) as clock, TimedTerminal(farpair(folder), folder) as terminal:
        clock.start()
        terminal.wait_for_text(" left")
        return printed("ten batches a second", _costs(terminal, 2 if smoke else 30))


def real_search(folder: Path, smoke: bool, rounds: int) -> Figures:  # noqa: ARG001
    """The same beside an engine that works on every core."""
    with searched(folder, 6_000 if smoke else 240_000) as run, TimedTerminal(farpair(folder), folder) as terminal:
        terminal.wait_for_text("space resumes")
        before = read_record(run.journal).batches_done
        control.go_on(run, read_record(run.journal))
        figures = _costs(terminal, 0.5 if smoke else 30)
        record = read_record(run.journal)
        assert smoke or record.ended is None, "the search was over before its costs were known"
    return printed("a real search", figures | {"batches settled": record.batches_done - before})


def runs(folder: Path, smoke: bool, rounds: int) -> Figures:
    """Seconds from the key r to the triangle, of the notebook's cluster, with the standby engine and without."""
    published = folder / "tensors" / "published"
    build_notebook_model(published, vocabulary=75_000 if smoke else 151_936, dtype="bfloat16")
    figures: Figures = {}
    for name, more in (("standby", []), ("no standby", ["--no-standby"])):
        taken = []
        with TimedTerminal([*farpair(folder), *more], folder / name) as terminal:
            terminal.wait_for_text("starts the search")
            deadline = time.monotonic() + 60
            while not more and not _standby_waits(terminal) and time.monotonic() < deadline:
                pass
            for _ in range(max(rounds, 1)):
                taken.append(terminal.strike("r", lambda written: "Σ".encode() in written))
                time.sleep(0.5)
        figures |= {f"{name}, p50": statistics.median(taken), f"{name}, max": max(taken)}
    figures["standby ÷ none"] = figures["standby, p50"] / figures["no standby, p50"]
    return printed("key to result, seconds", figures)


def _standby_waits(terminal: TimedTerminal) -> bool:
    """Whether the app's standby engine has loaded torch and uses no core."""
    for child in psutil.Process(terminal.process.pid).children():
        if STANDBY in child.cmdline() and child.memory_info().rss > 150 * MIB:
            before = child.cpu_times().user
            time.sleep(0.5)
            return child.cpu_times().user == before
    time.sleep(0.05)
    return False


def idle(folder: Path, smoke: bool, rounds: int) -> Figures:  # noqa: ARG001
    """What the app writes and costs while nothing changes, with a finished run of 10,000 batches and with none."""
    period = 2 if smoke else 60
    figures: Figures = {}
    for name, wanted in (("finished", "proved"), ("new", "starts the search")):
        here = folder / name
        with state(here):
            if name == "finished":
                write_whole(model(here), *TEN_THOUSAND)
            else:
                model(here)
            with TimedTerminal(farpair(here), here) as terminal:
                terminal.wait_for_text(wanted)
                time.sleep(2)  # what is imported after the first paint
                figures |= {f"{name}: {what}": cost for what, cost in _costs(terminal, period).items()}
    return printed(f"idle for {period} s", figures)


def _costs(terminal: TimedTerminal, period: float) -> Figures:
    """Of the next `period` seconds: KiB written a second, and per cent of a core; the most MiB held until then."""
    size, cpu, began = terminal.size, terminal.cpu_seconds, time.perf_counter()
    time.sleep(period)
    took = time.perf_counter() - began
    return {
        "bytes": terminal.size - size,
        "KiB/s": (terminal.size - size) / KIB / took,
        "% of a core": 100 * (terminal.cpu_seconds - cpu) / took,
        "peak MiB": terminal.peak_bytes / MIB,
    }


def _cursor_colour(terminal: TimedTerminal) -> re.Pattern[bytes]:
    """The background that no other line has, which the cursor's first appearance tells."""
    backgrounds = re.compile(rb"48;2;\d+;\d+;\d+")
    known = set(backgrounds.findall(terminal.written))
    new: set[bytes] = set()

    def told(written: bytes) -> bool:
        new.update(set(backgrounds.findall(written)) - known)
        return bool(new)

    terminal.strike("j", told)
    return re.compile(b"|".join(map(re.escape, new)))


def farpair(folder: Path) -> list[str]:
    return [sys.executable, "-m", "farpair", "--tensors", str(folder / "tensors"), "--device", "cpu"]


def model(folder: Path) -> Model:
    return model_at(build_small_model(folder / "tensors" / "small"))


@contextmanager
def state(folder: Path) -> Iterator[None]:
    """Keep runs in `folder`, as a TimedTerminal does that is given it."""
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("XDG_STATE_HOME")
        if before is not None:
            os.environ["XDG_STATE_HOME"] = before


@contextmanager
def searched(folder: Path, rows: int) -> Iterator[folders.Run]:
    """A real search of Gaussian rows that evaluates every pair on every core; its engine is paused."""
    where = folder / "tensors" / "gaussian"
    where.mkdir(parents=True)
    generator = torch.Generator().manual_seed(1)
    save_file({"W": torch.randn(rows, 256, generator=generator)}, where / "W.safetensors")
    with state(folder):
        run = control.start(request_for(model_at(where), RunSettings(device="cpu", exhaustive=True)))
        try:
            control.pause(run, read_until(run, searching))
            read_until(run, lambda record: record.paused)
            yield run
        finally:
            record = read_record(run.journal)
            control.go_on(run, record)
            control.stop(run, record)
            while control.is_alive(run, record):
                time.sleep(0.05)


def printed(title: str, figures: Figures) -> Figures:
    print(f"\n{title}")
    print_table(("", ""), [(name, f"{figure:,.4g}") for name, figure in figures.items()])
    return figures


if __name__ == "__main__":
    main()
