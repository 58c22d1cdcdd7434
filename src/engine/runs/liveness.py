"""Finds the process behind a journal, and sends it signals.

This module is imported only when it is needed, because psutil takes time to import.
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
    """The engine that the journal of `run` names; None where it is not a living process of this host."""
    if engine.host != socket.gethostname():
        return None
    try:
        process = psutil.Process(engine.pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        # Process numbers are reused, and setting the clock moves creation times, so that either mark is enough.
        same_time = abs(process.create_time() - engine.pid_created) < _CLOCK_SECONDS
        return process if same_time or str(run.folder) in process.cmdline() else None
    except (psutil.Error, ValueError, OverflowError):
        return None


def is_there(run: Run, pid: int) -> bool:
    """Whether the process `pid` of this host lives and is the engine of `run`, because its arguments hold the
    run's id or the standby started it."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and _is_of(run, process.cmdline())
    except (psutil.Error, ValueError, OverflowError):
        return False


def _is_of(run: Run, words: list[str]) -> bool:
    return any(run.id in word for word in words) or STANDBY in words


def send(run: Run, engine: EngineStarted, number: signal.Signals) -> None:
    """Send the engine a signal; nothing happens where it is dead. Raises RunError where it belongs to another
    user."""
    try:
        if process := living(run, engine):
            process.send_signal(number)
    except psutil.NoSuchProcess:
        return
    except psutil.AccessDenied as error:
        raise RunError(f"The engine of {run.id} belongs to another user.") from error
