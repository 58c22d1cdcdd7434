"""The runs of this machine's user: start one, find them, say whether one lives, stop it, or say how it died.

A run is a folder of its own under the state folder, private to the user: `request.json` (what was asked for),
`journal.jsonl` (everything that happened, see `journal`) and `engine.log` (what the engine printed, read when it
died). The engine is a process in its own session, so that it outlives the terminal that started it. No torch here.
"""

import contextlib
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import platformdirs
import psutil

from ..errors import JournalError, RunError
from ..text import visible
from .death import sentence_of
from .events import RunRequest
from .journal import read_record
from .record import RunRecord

# What the engine listens to (see `process`).
STOP: Final = signal.SIGTERM
PAUSE: Final = signal.SIGUSR1
GO_ON: Final = signal.SIGUSR2


@dataclass(frozen=True)
class Run:
    """A run by its id, `20261122-185400-<model>-<4 hex digits>`, and the folder that holds it."""

    id: str
    folder: Path

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    @property
    def request(self) -> Path:
        return self.folder / "request.json"

    @property
    def log(self) -> Path:
        return self.folder / "engine.log"


def state_folder() -> Path:
    """Where runs are kept: `$XDG_STATE_HOME/farpair`, by default `~/.local/state/farpair`. `start` makes it."""
    return platformdirs.user_state_path("farpair", appauthor=False)


def start(request: RunRequest) -> Run:
    """Start an engine for `request` in a new run folder, and return at once.

    Raises RunError where the folder cannot be made or the process cannot be started.
    """
    _reap()
    try:
        run = _new_run(request)
        _children[run.id] = _engine(run)
    except UnicodeEncodeError as error:
        raise RunError(f"{visible(repr(error.object))} is not UTF-8, so a run of it cannot be kept.") from error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise RunError(f"The run could not be started: {where}{error.strerror}.") from error
    return run


def all_runs() -> list[Run]:
    """Every run in the state folder, newest first."""
    try:
        folders = [entry for entry in os.scandir(state_folder() / "runs") if _ID.fullmatch(entry.name)]
    except OSError:
        return []
    runs = [Run(entry.name, Path(entry.path)) for entry in folders]
    # Runs of one second are told apart by the time of their request, which is never written again.
    ages = {run.id: (run.id[:15], _mtime_ns(run.request)) for run in runs if run.request.exists()}
    return sorted((run for run in runs if run.id in ages), key=lambda run: ages[run.id], reverse=True)


def find(run_id: str) -> Run:
    """The run of this id, or the only one whose id begins or ends so; RunError where there is none."""
    runs = all_runs()
    exact = [run for run in runs if run.id == run_id]
    near = exact or [run for run in runs if run_id and (run.id.startswith(run_id) or run.id.endswith(run_id))]
    if len(near) > 1:
        raise RunError(f"{len(near)} runs are called {run_id!r}; give more of the id.")
    if not near:
        raise RunError(f"There is no run {run_id!r} in {state_folder()}; `farpair runs` lists them.")
    return near[0]


def request_of(run: Run) -> RunRequest:
    """What was asked of `run`; RunError where its request cannot be read."""
    try:
        return msgspec.json.decode(run.request.read_bytes(), type=RunRequest)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"{run.request} is not a run's request: {error}.") from error


def latest(request: RunRequest) -> Run | None:
    """The newest run of the same rows as `request`: same weights, tensor and cluster."""
    for run in all_runs():
        try:
            if _rows_of(request_of(run)) == _rows_of(request):
                return run
        except RunError:
            continue
    return None


def is_alive(run: Run, record: RunRecord) -> bool:
    """Whether the engine of `run` is there: our own child, or the process that its journal names.

    An engine on another host cannot be seen and counts as gone (`death_sentence` says so).
    """
    _reap()
    child = _children.get(run.id)
    if child is not None:
        return child.poll() is None
    if record.engine is None:  # another app may have started it a moment ago
        return time.time() - _mtime_ns(run.request) / 1e9 < _STARTING_SECONDS
    return _process(run, record) is not None


def stop(run: Run, record: RunRecord) -> None:
    """Ask the engine to stop; it writes RunEnded(cancelled). Nothing happens where it is gone."""
    _send(run, record, STOP)


def pause(run: Run, record: RunRecord) -> None:
    """Ask the engine to pause; it writes Paused. Nothing happens where it is gone."""
    _send(run, record, PAUSE)


def go_on(run: Run, record: RunRecord) -> None:
    """Ask a paused engine to go on; it writes Continued. Nothing happens where it is gone."""
    _send(run, record, GO_ON)


def death_sentence(run: Run, record: RunRecord) -> str | None:
    """How an engine that wrote no RunEnded died, what is kept and what to do; None if it lives or has ended."""
    if record.ended or is_alive(run, record):
        return None
    with contextlib.suppress(JournalError):
        record = read_record(run.journal)  # it may have ended since `record` was read
    if record.ended:
        return None
    if record.engine and record.engine.host != socket.gethostname():
        host = visible(record.engine.host)
        return f"The engine was started on {host}; whether it still works cannot be seen from here."
    child = _children.get(run.id)
    return sentence_of(record, child.poll() if child is not None else None, run.log)


# Engines that this process started: they are its children, to be reaped, and it learns their exit codes.
_children: dict[str, subprocess.Popen[bytes]] = {}

_ID: Final = re.compile(r"\d{8}-\d{6}-[A-Za-z0-9._-]+-[0-9a-f]{4}")
_STARTING_SECONDS: Final = 30.0
_CLOCK_SECONDS: Final = 2.0


def _new_run(request: RunRequest) -> Run:
    encoded = msgspec.json.encode(request)
    root = state_folder()
    (root / "runs").mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (root, root / "runs"):
        folder.chmod(0o700)  # mkdir's mode holds for the last folder only, and not for one that was there
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", request.model).strip("-.")[:40] or "model"
    while True:
        run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{slug}-{secrets.token_hex(2)}"
        run = Run(run_id, root / "runs" / run_id)
        try:
            run.folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        with open(run.request, "xb", opener=_private) as file:
            file.write(encoded)
        return run


def _engine(run: Run) -> subprocess.Popen[bytes]:
    # The child inherits these signals blocked and lets them through once it listens: one sent earlier waits.
    ours = signal.pthread_sigmask(signal.SIG_BLOCK, {STOP, PAUSE, GO_ON})
    try:
        with open(run.log, "xb", opener=_private) as log:
            return subprocess.Popen(
                # -P: nothing in the folder where the person happens to be is imported.
                [sys.executable, "-P", "-m", "farpair.engine.process", str(run.folder)],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                # OpenMP threads that wait for one another by spinning lose their core to whoever else wants it:
                # beside two busy programs a search on two cores took 3.6 s, and 0.6 s with threads that sleep.
                env={"OMP_WAIT_POLICY": "PASSIVE"} | os.environ,
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, ours)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _reap() -> None:
    for child in _children.values():
        child.poll()


def _process(run: Run, record: RunRecord) -> psutil.Process | None:
    """The engine that the journal names, where it is a living process of this host."""
    engine = record.engine
    if engine is None or engine.host != socket.gethostname():
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


def _send(run: Run, record: RunRecord, number: signal.Signals) -> None:
    child = _children.get(run.id)
    try:
        if child is not None:
            child.send_signal(number)
        elif record.engine is None or record.engine.host != socket.gethostname():
            raise RunError(f"The engine of {run.id} cannot be reached from here.")
        elif process := _process(run, record):
            process.send_signal(number)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return
    except (PermissionError, psutil.AccessDenied) as error:
        raise RunError(f"The engine of {run.id} belongs to somebody else.") from error


def _rows_of(request: RunRequest) -> tuple[str, str, str, str | None]:
    mask = os.path.abspath(request.cluster_file) if request.cluster_file else None
    return os.path.abspath(request.weights), request.tensor, request.cluster, mask


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
