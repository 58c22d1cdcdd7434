"""The process behind a journal: whether it lives, and signals to it.

Imported only where that is asked, for psutil takes a moment.
"""

import signal
import socket
from typing import Final

import psutil

from ..errors import RunError
from ..events import EngineStarted
from .folders import Run

_CLOCK_SECONDS: Final = 2.0
STANDBY: Final = "farpair.engine.worker.standby"


def living(run: Run, engine: EngineStarted) -> psutil.Process | None:
    """The engine that the journal of `run` names, where it is a living process of this host."""
    if engine.host != socket.gethostname():
        return None
    try:
        process = psutil.Process(engine.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        # A process number is used again; a clock that was set moves every creation time: either mark will do.
        same_time = abs(process.create_time() - engine.pid_created) < _CLOCK_SECONDS
        return process if same_time or str(run.folder) in process.cmdline() else None
    except (psutil.Error, ValueError, OverflowError):
        return None


def is_there(run: Run, pid: int) -> bool:
    """Whether the process `pid` of this host lives and is an engine of `run`: its id is among the arguments,
    or the standby began it."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and _is_of(run, process.cmdline())
    except (psutil.Error, ValueError, OverflowError):
        return False


def _is_of(run: Run, words: list[str]) -> bool:
    return any(run.id in word for word in words) or STANDBY in words


def send(run: Run, engine: EngineStarted, number: signal.Signals) -> None:
    """Send the engine a signal; nothing happens where it is gone. Raises RunError where it is somebody else's."""
    try:
        if process := living(run, engine):
            process.send_signal(number)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise RunError(f"The engine of {run.id} belongs to somebody else.") from error
