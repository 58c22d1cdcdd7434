"""Starts, stops and pauses runs, and reports whether and how their engines died.

The engine is a process in its own session, so that it outlives the terminal that started it. `folders` stores and
finds runs. Torch is not imported here.
"""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import RunError
from ..events import EngineStarted, RunEnded, RunRequest
from ..journal.reader import read_kept
from ..journal.record import RunRecord
from ..text.escape import visible
from .crash_report import sentence_of
from .folders import (
    Process,
    Run,
    new_run,
    note_engine,
    noted_engine,
    private,
    remove_folder,
    seconds_since,
)

if TYPE_CHECKING:
    from .standby import Begun, Standby  # start time

# The signals that the engine handles (see `process`).
STOP: Final = signal.SIGQUIT  # a person sends STOP; logouts, containers and job schedulers send END
END: Final = signal.SIGTERM
PAUSE: Final = signal.SIGUSR1
GO_ON: Final = signal.SIGUSR2


class Told(Protocol):
    """The engine and the end of a run by its journal: a RunRecord or a Peek."""

    @property
    def engine(self) -> EngineStarted | None:
        """The engine's process, once the journal names it."""

    @property
    def ended(self) -> RunEnded | None:
        """The end of the run; None where the journal has none."""


def start(request: RunRequest, standby: "Standby | None" = None) -> Run:
    """Start an engine for `request` in a new run folder, and return at once.

    The `standby` becomes the engine where it is ready. Raises RunError where the folder cannot be made or the
    process cannot be started.
    """
    _reap()
    try:
        run = new_run(request)
        try:
            if standby and (begun := standby.begin(run)):
                _begun[run.id] = begun
            else:
                _children[run.id] = _engine(run)
        except OSError:
            remove_folder(run)  # because a run without an engine would block the queue
            raise
        child = _child(run)
        assert child is not None, "an engine was started"
        note_engine(run, Process(child.pid, socket.gethostname()))
    except UnicodeEncodeError as error:
        raise RunError(f"{visible(repr(error.object))} is not UTF-8, so its run cannot be stored.") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise RunError(f"The run could not be started: {where}{error.strerror}.") from error
    return run


def is_alive(run: Run, told: Told) -> bool:
    """Whether the engine of `run` lives. The engine is a child of this process or of the standby, or the process
    that the journal names.

    An engine on another host cannot be seen and counts as dead; `crash_sentence` says so.
    """
    _reap()
    child = _child(run)
    if child is not None:
        return child.poll() is None
    if told.engine is None:  # this process or another may just have started it
        noted = noted_engine(run)
        if noted is None or noted.host != socket.gethostname():
            return abs(seconds_since(run.request)) < _STARTING_SECONDS
        from .liveness import is_there  # start time

        return is_there(run, noted.pid)
    from .liveness import living  # start time

    return living(run, told.engine) is not None


def stop(run: Run, told: Told) -> None:
    """Ask the engine to stop; it writes RunEnded(cancelled). Nothing happens where the engine is dead."""
    _send(run, told, STOP)
    _send(run, told, signal.SIGCONT)  # a suspended engine would not receive it


def end(run: Run, told: Told) -> None:
    """End the engine with the signal that the system sends; it writes that it was terminated from outside."""
    _send(run, told, END)
    _send(run, told, signal.SIGCONT)


def pause(run: Run, told: Told) -> None:
    """Ask the engine to pause; it writes Paused. Nothing happens where the engine is dead."""
    _send(run, told, PAUSE)


def go_on(run: Run, told: Told) -> None:
    """Ask a paused engine to resume; it writes Continued. Nothing happens where the engine is dead."""
    _send(run, told, GO_ON)


def crash_sentence(run: Run, record: RunRecord) -> str | None:
    """How an engine died without writing RunEnded, what is kept and what to do; None if it lives or has ended."""
    if record.ended or is_alive(run, record):
        return None
    record, _ = read_kept(run.journal)  # it may have ended since `record` was read
    if record.ended:
        return None
    if record.engine and record.engine.host != socket.gethostname():
        host = visible(record.engine.host)
        return f"The engine was started on {host}; whether it still works cannot be seen from here."
    child = _child(run)
    return sentence_of(record, child.poll() if child is not None else None, run.log)


# The engines that this process started as its children, which it reaps and whose exit codes it learns.
_children: dict[str, subprocess.Popen[bytes]] = {}
_begun: dict[str, "Begun"] = {}  # the engines that the standby started; it reports their exit codes

_STARTING_SECONDS: Final = 30.0


def _engine(run: Run) -> subprocess.Popen[bytes]:
    # The child inherits these signals blocked. Signals wait until it can handle them and unblocks them.
    ours = signal.pthread_sigmask(signal.SIG_BLOCK, {STOP, END, PAUSE, GO_ON})
    try:
        with open(run.log, "xb", opener=private) as log:
            return subprocess.Popen(
                # -P: nothing is imported from the working directory.
                [sys.executable, "-P", "-m", "farpair.engine.worker.process", str(run.folder)],
                start_new_session=True,
                cwd="/",  # the working directory may be deleted or unmounted during the run
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                # OpenMP threads that wait by spinning lose their core to every other busy program. Beside two
                # busy programs a search on two cores took 3.6 s, and 0.6 s with threads that sleep.
                env={"OMP_WAIT_POLICY": "PASSIVE"} | os.environ,
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, ours)


def _reap() -> None:
    for child in _children.values():
        child.poll()


def _child(run: Run) -> "subprocess.Popen[bytes] | Begun | None":
    """The engine of `run`, if this process or its standby started it and learns of its end; None otherwise."""
    begun = _begun.get(run.id)
    return begun if begun is not None and begun.known else _children.get(run.id)


def _send(run: Run, told: Told, number: signal.Signals) -> None:
    child = _child(run)
    if child is not None:
        with suppress(ProcessLookupError):
            child.send_signal(number)
    elif told.engine is None or told.engine.host != socket.gethostname():
        raise RunError(f"The engine of {run.id} cannot be reached from here.")
    else:
        from .liveness import send  # start time

        send(run, told.engine, number)
