"""The folders of runs, one for each run, private to the user. Torch is not imported here.

A folder holds `request.json`, `journal.jsonl` (the events), `engine.log` (the engine's output) and `engine.json`
(its process). One mkdir creates it, which is atomic even on NFS; a folder without `request.json` is not a run.
"""

import contextlib
import math
import os
import re
import time
from pathlib import Path
from typing import Final

import msgspec

from ..errors import RunError
from ..events import Natural, RunRequest, Words
from ..files import read_regular
from ..home import state_home
from ..text.escape import visible

LONGEST_REQUEST: Final = 8 << 20  # bytes; enough for the longest texts with every character escaped


class Run(msgspec.Struct, frozen=True):
    """A run: its id, `20261122-185400Z-<model>-<4 hex digits>`, and its folder.

    The time in the id is UTC. Ids of earlier versions have no "Z"; their time is local, in an unknown zone.
    """

    id: str
    folder: Path

    @property
    def journal(self) -> Path:
        """The path of the journal: the events of the run, one line each."""
        return self.folder / "journal.jsonl"

    @property
    def request(self) -> Path:
        """The path of the request, in JSON."""
        return self.folder / "request.json"

    @property
    def log(self) -> Path:
        """The path of the engine's output."""
        return self.folder / "engine.log"

    @property
    def process(self) -> Path:
        """The path of the note on the process that was started for the run, in JSON."""
        return self.folder / "engine.json"

    @property
    def asked_for(self) -> tuple[float, int, str]:
        """A sort key by the time of the request: by second, in any time zone, then by the file's time."""
        written = _mtime_ns(self.request)
        instant = _utc_seconds(self.id)
        if instant is None:
            from ..journal.peek import began  # start time

            instant = began(self.journal)
        return math.floor(written / 1e9 if instant is None else instant), written, self.id


class Process(msgspec.Struct, frozen=True):
    """A process: its number and its host."""

    pid: Natural
    host: Words


def state_folder() -> Path:
    """The state folder: `$XDG_STATE_HOME/farpair`, by default `~/.local/state/farpair`. `new_run` creates it.

    Raises InputError where the user has no home folder.
    """
    return state_home() / "farpair"


def new_run(request: RunRequest) -> Run:
    """Create the folder of a new run of `request`. Raises OSError, or UnicodeEncodeError where a name is not
    UTF-8."""
    encoded = msgspec.json.encode(request)
    root = state_folder()
    (root / "runs").mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in (root, root / "runs"):
        with contextlib.suppress(PermissionError):  # the folder may be another user's; the run's own is private
            folder.chmod(0o700)  # mkdir's mode applies only to the last folder, and only if it is new
    slug = re.sub(r"[^A-Za-z0-9._]+", "-", request.model).strip("-.")[:40] or "model"
    while True:
        run_id = f"{time.strftime('%Y%m%d-%H%M%SZ', time.gmtime())}-{slug}-{os.urandom(2).hex()}"
        run = Run(run_id, root / "runs" / run_id)
        try:
            run.folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        # The file gets its name when it is complete, because others may read it at any moment.
        unfinished = run.folder / "request.json.new"
        with open(unfinished, "xb", opener=private) as file:
            file.write(encoded)
        unfinished.rename(run.request)
        return run


def run_ids() -> list[str]:
    """The ids of all run folders, in no particular order. Symbolic links are ignored, because a run's folder may
    be removed.

    Raises RunError where the folder of runs exists but cannot be read.
    """
    folder = state_folder() / "runs"
    try:
        entries = os.scandir(folder)
        return [entry.name for entry in entries if _ID.fullmatch(entry.name) and not entry.is_symlink()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise RunError(f"The runs in {visible(str(folder))} cannot be listed: {error.strerror}.") from error


def run_of(run_id: str) -> Run:
    """The run with exactly this id; its folder need not exist. Raises RunError where `run_id` is not a run id."""
    if not _ID.fullmatch(run_id):
        raise RunError(f"{visible(repr(run_id), 80)} is not a run id.")
    return Run(run_id, state_folder() / "runs" / run_id)


def all_runs() -> list[Run]:
    """Every run in the state folder, newest first. Raises RunError as `run_ids` does."""
    runs = [run for run_id in run_ids() if os.path.exists((run := run_of(run_id)).request)]
    return sorted(runs, key=lambda run: run.asked_for, reverse=True)


def find(word: str) -> Run:
    """The run with the id `word`, or the only run whose id contains `word`; for "last" the newest run. Raises
    RunError where there is none or more than one."""
    runs = all_runs()
    shown = visible(repr(word), 80)
    if word == "last" and runs:
        return runs[0]
    near = [run for run in runs if run.id == word] or [run for run in runs if word and word in run.id]
    if len(near) > 1:
        raise RunError(f"{len(near)} runs are called {shown}; give more of the id.")
    if not near:
        raise RunError(f"There is no run {shown} in {visible(str(state_folder()))}; `farpair runs` lists them.")
    return near[0]


def note_engine(run: Run, engine: Process) -> None:
    """Note the process that was started for `run`; until the engine's first event nothing else names it."""
    with contextlib.suppress(OSError), open(run.process, "xb", opener=private) as file:
        file.write(msgspec.json.encode(engine))


def noted_engine(run: Run) -> Process | None:
    """The process that was started for `run`; None where it was not noted."""
    try:
        return msgspec.json.decode(read_regular(run.process, LONGEST_REQUEST), type=Process)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def remove_folder(run: Run) -> None:
    """Remove the folder of `run` and the files in it, as far as possible."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(run.folder):
            with contextlib.suppress(OSError):
                os.unlink(entry.path)
        run.folder.rmdir()


def seconds_since(path: Path) -> float:
    """The seconds since the file `path` was written; infinite where it does not exist."""
    written = _mtime_ns(path)
    return time.time() - written / 1e9 if written else float("inf")


def private(path: str, flags: int) -> int:
    """Open a file that only the user can read; an `opener` for `open`."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


_ID: Final = re.compile(r"[0-9]{8}-[0-9]{6}Z?-[A-Za-z0-9._-]+-[0-9a-f]{4}")


def _utc_seconds(run_id: str) -> float | None:
    """The time in a run's id in seconds since the epoch; None where it is a local time or not a time."""
    from datetime import datetime  # start time

    if run_id[15:16] != "Z":
        return None
    try:
        return datetime.fromisoformat(run_id[:16].replace("-", "T")).timestamp()
    except ValueError:
        return None


def _mtime_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
