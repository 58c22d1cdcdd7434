"""A run without the app: start the engine, follow its journal to the end, say on stderr how far it is."""

import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Final, NoReturn

from .engine.errors import JournalError, RunError
from .engine.events import AnyEvent, RunRequest
from .engine.journal.reader import JournalTail
from .engine.journal.record import RunRecord
from .engine.journal.replay import ReplayTail
from .engine.report.narration import progress, told
from .engine.runs import control, folders
from .engine.text.numbers import duration, rate

_LOOK_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 5.0
_SILENT_SECONDS: Final = 10.0  # after which sentences say how far the search is


def run_to_its_end(request: RunRequest, *, plain: bool = False) -> RunRecord:
    """Run `request` in an engine and return what its journal says once it has ended.

    With `plain`, what happens is told on stdout as it happens, in sentences. Ctrl-C and SIGTERM stop the engine
    and go on as the exception that they are. Raises RunError where the engine dies, JournalError where its journal
    cannot be read.
    """
    signal.signal(signal.SIGTERM, _terminated)
    run = control.start(request)
    record, tail = RunRecord(), JournalTail(run.journal)
    shown = _shown(plain)
    try:
        if not _follow(record, tail, partial(control.is_alive, run, record), shown):
            raise RunError(control.crash_sentence(run, record) or "The engine is gone.")
    except (KeyboardInterrupt, SystemExit) as ending:
        (control.stop if isinstance(ending, KeyboardInterrupt) else control.end)(run, record)
        deadline = time.monotonic() + _STOP_SECONDS
        while record.ended is None and control.is_alive(run, record) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            _read(tail, record, shown)
        if record.ended:
            advice = f" {record.ended.advice}" if record.resume_point else ""
            print(f"farpair: {record.ended.reason}{advice}", file=sys.stderr)
        raise
    finally:
        tail.close()
    return record


def follow(run: folders.Run, speed: float | None = None, *, plain: bool = False) -> None:
    """Say on stderr how far `run` is until it has ended, or its engine is gone. Ctrl-C leaves the engine alone.

    With a `speed` it is told as it happened, so many times as fast; with `plain`, in sentences on stdout. What
    cannot be read is left to whoever reads the journal next.
    """
    record, shown = RunRecord(), _shown(plain)
    with suppress(JournalError):
        if speed is None:
            _follow(record, JournalTail(run.journal), partial(control.is_alive, run, record), shown)
        else:
            replay = ReplayTail(run.journal, speed)
            _follow(record, replay, lambda: not replay.at_the_end, shown)


def tell(run: folders.Run) -> None:
    """Tell what there is in the journal of `run`, in sentences on stdout; as `follow`, but at once."""
    with suppress(JournalError):
        _follow(RunRecord(), JournalTail(run.journal), lambda: False, _Sentences())


def _follow(
    record: RunRecord,
    tail: JournalTail | ReplayTail,
    goes_on: Callable[[], bool],
    shown: "_ProgressLine | _Sentences",
) -> bool:
    """Read on into `record` until the run has ended; whether it has, or nothing goes on without a last word."""
    try:
        while True:
            alive = goes_on()  # asked before reading: an engine that is gone writes no more
            _read(tail, record, shown)
            shown.update(record)
            if record.ended or not alive:
                return record.ended is not None
            time.sleep(_LOOK_SECONDS)
    finally:
        shown.clear()


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _read(tail: JournalTail | ReplayTail, record: RunRecord, shown: "_ProgressLine | _Sentences") -> None:
    for when, event in tail.read():
        record.apply(when, event)
        shown.take(record, event)


def _shown(plain: bool) -> "_ProgressLine | _Sentences":
    return _Sentences() if plain else _ProgressLine()


class _ProgressLine:
    """One line on stderr, written over and over where that is a terminal; where it is not, a wait is said once."""

    def __init__(self) -> None:
        self._wanted = sys.stderr.isatty()
        self._line = ""
        self._waited = False

    def take(self, record: RunRecord, event: AnyEvent) -> None:
        """The line shows where the run stands, whatever happened."""

    def update(self, record: RunRecord) -> None:
        line = _progress(record)
        if record.queued and not self._waited and not self._wanted:
            print(f"farpair: {line}", file=sys.stderr, flush=True)
        self._waited = self._waited or record.queued is not None
        if self._wanted and line != self._line:
            self._line = line
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        if self._line:
            self._line = ""
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


class _Sentences:
    """Lines on stdout, one sentence each, as things happen; how far the search is, where little else happens."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def take(self, record: RunRecord, event: AnyEvent) -> None:
        for sentence in told(record, event):
            self._say(sentence)

    def update(self, record: RunRecord) -> None:
        if record.progress and record.state == "searching" and time.monotonic() - self._said >= _SILENT_SECONDS:
            self._say(progress(record, record.progress))

    def clear(self) -> None:
        """What was said stays."""

    def _say(self, sentence: str) -> None:
        self._said = time.monotonic()
        print(sentence, flush=True)


def _progress(record: RunRecord) -> str:
    if record.queued:
        first = "1 run is first" if record.queued.ahead == 1 else f"{record.queued.ahead} runs are first"
        return f"waiting for its turn: {first}"
    if record.started is None:
        return "starting the engine" if record.engine is None else "loading"
    if record.pair:
        return "analysing"
    parts = [f"{record.batches_done}/{len(record.batches)} batches"]
    if record.progress:
        parts += [
            f"{100 * record.progress.settled // max(record.progress.pairs, 1)}%",
            rate(record.progress.pairs_per_second),
        ]
    if record.seconds_left is not None:
        parts.append(f"{duration(record.seconds_left)} left")
    return "  ".join(parts)
