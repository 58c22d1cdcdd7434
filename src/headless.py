"""A run without the app: starts the engine, follows its journal to the end, and reports progress on stderr."""

import math
import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

from .engine.errors import JournalError, RunError
from .engine.events import AnyEvent, RunRequest
from .engine.journal.record import RunRecord
from .engine.report.narration import progress, told
from .engine.runs import control, folders
from .engine.runs.follower import Follower
from .engine.text.numbers import duration, rate

_STOP_SECONDS: Final = 5.0
_SILENT_SECONDS: Final = 10.0  # between two sentences about progress


def run_to_its_end(request: RunRequest, *, plain: bool = False) -> RunRecord:
    """Run `request` in an engine and return what its journal says once it has ended.

    With `plain`, events are reported on stdout as they happen, in sentences. Ctrl-C and SIGTERM stop the engine
    and are then raised again. Raises RunError where the engine dies, JournalError where its journal
    cannot be read.
    """
    signal.signal(signal.SIGTERM, _terminated)
    follower = Follower(control.start(request))
    run, record = follower.run, follower.record
    told = _Told(follower, plain=plain)
    try:
        if not told.to_its_end():
            raise RunError(follower.crash() or "The engine is gone.")
    except (KeyboardInterrupt, SystemExit) as ending:
        (control.stop if isinstance(ending, KeyboardInterrupt) else control.end)(run, record)
        told.to_its_end(_STOP_SECONDS)
        if record.ended:
            advice = f" {record.ended.advice}" if record.resume_point else ""
            print(f"farpair: {record.ended.reason}{advice}", file=sys.stderr)
        raise
    finally:
        follower.close()
    return record


def follow(run: folders.Run, speed: float | None = None, *, plain: bool = False) -> None:
    """Report the progress of `run` on stderr until it has ended or its engine is gone. Ctrl-C does not stop the
    engine.

    With a `speed` the run is replayed that many times as fast as it happened; with `plain`, in sentences on
    stdout. A journal that cannot be read raises nothing here: whoever reads it next reports it.
    """
    with suppress(JournalError):
        told = _Told(Follower(run, speed), plain=plain)
        told.to_its_end()
        told.what_is_there()


def tell(run: folders.Run) -> None:
    """Print what the journal of `run` holds, in sentences on stdout, without waiting for more."""
    with suppress(JournalError):
        _Told(Follower(run), plain=True).what_is_there()


class _Told:
    """Reports what `follower` reads: with `plain` in sentences on stdout, else in one line on stderr."""

    def __init__(self, follower: Follower, *, plain: bool) -> None:
        self._follower = follower
        self._shown = _Sentences() if plain else _ProgressLine()

    def to_its_end(self, seconds: float = math.inf) -> bool:
        """Report until the run has ended; False where its engine is gone without having said so, or after
        `seconds`."""
        try:
            return self._follower.follow(take=self._take, looked=self._look, seconds=seconds)
        finally:
            self._shown.clear()

    def what_is_there(self) -> None:
        """Report what else the journal holds."""
        for event in self._follower.news():
            self._take(event)

    def _take(self, event: AnyEvent) -> None:
        self._shown.take(self._follower.record, event)

    def _look(self) -> None:
        self._shown.update(self._follower.record)


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


class _ProgressLine:
    """One line on stderr, overwritten at each change on a terminal; elsewhere only a wait is reported, once."""

    def __init__(self) -> None:
        self._wanted = sys.stderr.isatty()
        self._line = ""
        self._waited = False

    def take(self, record: RunRecord, event: AnyEvent) -> None:
        """Show the state of the run after any event."""

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
    """One sentence a line on stdout for each event, and the progress of the search where little else happens."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def take(self, record: RunRecord, event: AnyEvent) -> None:
        for sentence in told(record, event):
            self._say(sentence)

    def update(self, record: RunRecord) -> None:
        if record.progress and record.state == "searching" and time.monotonic() - self._said >= _SILENT_SECONDS:
            self._say(progress(record, record.progress))

    def clear(self) -> None:
        """Do nothing: sentences that were printed stay."""

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
