"""The engine process, `python -m farpair.engine.worker.process RUN_FOLDER`: runs a request and writes its journal.

It writes EngineStarted and waits for its turn (see `queue`) before it loads torch, which takes seconds. It handles
the signals stop, end, pause and continue (see `control`). It exits with 0 where it wrote the run's end, and
otherwise with 3 and the reason in the last line of `engine.log`.
"""

import faulthandler
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Final, NoReturn

import psutil

from ..errors import FarpairError, InputError, JournalError
from ..events import (
    AnyEvent,
    BatchBound,
    BatchDone,
    Checkpoint,
    Climbing,
    EngineStarted,
    Named,
    Progress,
    RunEnded,
    RunRequest,
)
from ..journal.record import RunRecord
from ..journal.writer import JournalWriter
from ..memory import memory_ran_out
from ..runs.cleanup import trim
from ..runs.crash_report import LAST_WORDS
from ..runs.folders import Run, private
from ..runs.request import request_of
from ..text.escape import visible
from ..version import __version__
from .queue import POLL_SECONDS, Turn, queue_of
from .signals import LISTENED_TO, Signals, Stopped

_PROGRESS_SECONDS: Final = 0.1
_LOW_PRIORITY: Final = 1  # at 10, busy programs leave it a tenth of a core, and loading torch takes minutes
_AUTOGROUP: Final = Path("/proc/self/autogroup")
_RESERVED_BYTES: Final = 1 << 14


def main(arguments: list[str]) -> int:
    """Run the request in the folder `arguments[0]`; return the exit code."""
    hold_signals()
    give_way()
    folder = Path(arguments[0])
    return work(Run(folder.name, folder))


def work(run: Run) -> int:
    """Run the request of `run`; return the exit code. Signals are held until the engine handles them."""
    # No terminal sends these to a session of its own, and no other sender may end a run without an event.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    faulthandler.enable()
    try:
        request = request_of(run)
        with closing(JournalWriter(run.journal)) as writer, Reserve(run.folder / "reserve") as reserve:
            journal = _Journal(writer)
            try:
                journal.append(_run_to_its_end(run, request, journal))
            except JournalError as error:
                reserve.give_back()
                advice = "Make room and resume it; what was settled is kept."
                journal.append(RunEnded(outcome="failed", reason=str(error), advice=advice, cause="disk"))
    except FarpairError as error:
        print(f"{LAST_WORDS}{error}", file=sys.stderr)
        return 3
    return 0


def hold_signals() -> None:
    """Hold back the engine's signals until it can handle them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, LISTENED_TO)


def give_way() -> None:
    """Lower the priority below that of the screen and the shell, and a little below that of other programs,
    because the search uses every core."""
    os.nice(_LOW_PRIORITY)
    give_way_in_session()


def give_way_in_session() -> None:
    """Lower the priority of this process's session, if the process leads one."""
    # Linux may share cores among sessions, and `nice` then applies only within a session (sched(7), autogroup).
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            _AUTOGROUP.write_text(str(_LOW_PRIORITY))


class Reserve:
    """A small reserve on the disk; its release lets the journal's last line be written when the disk is full."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> "Reserve":
        with suppress(OSError), open(self._path, "xb", opener=private) as file:
            file.write(bytes(_RESERVED_BYTES))
        return self

    def __exit__(self, *_: object) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Release the reserve, to make room for the last line."""
        with suppress(OSError):
            self._path.unlink()


class _Journal:
    """Appends events to the journal and folds them into `record`.

    Progress is written at most ten times a second; the last one before another event is always written.
    `undisturbed` keeps signals from interrupting between writing a line and folding it.
    """

    def __init__(self, writer: JournalWriter) -> None:
        self.record = RunRecord()
        self.last: AnyEvent | None = None
        self.undisturbed: Callable[[], AbstractContextManager[None]] = nullcontext
        self._writer = writer
        self._held: Progress | Climbing | None = None
        self._progress_at = 0.0

    def append(self, event: AnyEvent) -> None:
        match event:
            case Progress() | Climbing():
                if time.monotonic() - self._progress_at < _PROGRESS_SECONDS:
                    self._held = event
                    return
                self._progress_at = time.monotonic()
                self._held = None
            case BatchBound() | BatchDone() | Checkpoint() | Named():
                pass
            case _:
                if self._held:
                    held, self._held = self._held, None
                    self._write(held)
        self._write(event)

    def _write(self, event: AnyEvent) -> None:
        with self.undisturbed():
            self.record.apply(self._writer.append(event), event)
            self.last = event


def _run_to_its_end(run: Run, request: RunRequest, journal: _Journal) -> RunEnded:
    """Run `request`, write every event but the last to `journal`, and return the last."""
    journal.append(_engine_started(run, request))
    with suppress(FarpairError):
        trim()
    signals = Signals(journal.append)
    journal.undisturbed = signals.undisturbed
    try:
        try:
            signals.listen()
            _wait_for_turn(run, request, journal)
            return _ended(request, journal, signals)
        finally:
            signals.forget()
    except Stopped:
        return _stopped(journal.record, signals)


def _wait_for_turn(run: Run, request: RunRequest, journal: _Journal) -> None:
    """Wait until no run is ahead of this one on its device; write Queued where one is."""
    turn = Turn(run, queue_of(request.settings.device))
    while True:
        place = turn.look()
        if (place.ahead or journal.record.queued) and journal.last != place:
            journal.append(place)
        if not place.ahead:
            return
        time.sleep(POLL_SECONDS)


def _end_at_once(journal: _Journal, signals: Signals) -> NoReturn:
    """Write that the run was stopped, and exit without unwinding the stack."""
    journal.append(_stopped(journal.record, signals))
    os._exit(0)


def _ended(request: RunRequest, journal: _Journal, signals: Signals) -> RunEnded:
    """Run `request`, write every event to `journal`, and return how it ended. Raises Stopped and JournalError."""
    try:
        with signals.stopping_by(partial(_end_at_once, journal, signals)):
            from .pipeline import run_events  # loads torch
        with closing(run_events(request, signals.stopwatch)) as events:
            for event in events:
                signals.obey()
                if isinstance(event, RunEnded):
                    return event
                journal.append(event)
        raise AssertionError("the run has no end")
    except InputError as error:
        return RunEnded(outcome="failed", reason=str(error), advice="Fix this, then run again.", cause="input")
    except JournalError:
        raise
    except Exception as error:
        signals.obey()  # an extension module can turn a Stopped into another error
        traceback.print_exc()
        first_line = visible(next(iter(str(error).splitlines()), "no message").rstrip("."), 300)
        if memory_ran_out(error):
            return RunEnded(
                outcome="failed",
                reason=f"Memory ran out: {first_line}.",
                advice="Run again with fewer rows in a batch, less memory for the search, or on another device.",
                cause="memory",
            )
        return RunEnded(
            outcome="failed",
            reason=f"The engine failed ({type(error).__name__}): {first_line}.",
            advice="The journal keeps what was settled; engine.log beside it says where it failed.",
            cause="program",
        )


def _stopped(record: RunRecord, signals: Signals) -> RunEnded:
    if record.analysis:
        when = "after the pair was analysed, before its outlier ladder was done"
    elif record.pair:
        when = "after the pair was found, before it was analysed"
    elif record.started:
        when = f"after {record.batches_done} of {len(record.batches)} batches"
    else:
        when = "before the search began"
    advice = "Run again to search from the beginning."
    if record.resume_point and record.engine:
        advice = f"`farpair resume {record.engine.run}` continues from there."
    if signals.from_outside:
        by = "as a logout, a shutdown, a container's stop or a job scheduler does"
        reason = f"Terminated from outside by SIGTERM, {by}, {when}."
        return RunEnded(outcome="cancelled", reason=reason, advice=advice, cause="signal")
    return RunEnded(outcome="cancelled", reason=f"Stopped {when}.", advice=advice)


def _engine_started(run: Run, request: RunRequest) -> EngineStarted:
    return EngineStarted(
        run=run.id,
        pid=os.getpid(),
        pid_created=psutil.Process().create_time(),
        host=socket.gethostname(),
        program=__version__,
        request=request,
        queue=queue_of(request.settings.device),
    )


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # A normal exit unloads torch, which takes time and can crash where an import was interrupted.
    os._exit(code)
