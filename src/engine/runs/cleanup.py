"""Removes old runs, so that the state folder stays small. Torch is not imported here.

A run in progress and the run that it resumes are always kept. A run on another host counts as in progress until it
is `KEPT_DAYS` old, because its engine cannot be seen.
"""

import os
import socket
from dataclasses import dataclass
from typing import Final

import msgspec

from ..errors import FarpairError
from ..events import RunRequest
from ..journal.peek import Peek, peek
from . import control
from .folders import Run, all_runs, remove_folder, run_ids, run_of, seconds_since
from .request import request_of, rows_of

KEPT_DAYS: Final = 30  # younger runs are kept by `clean`
MOST_RUNS: Final = 1000  # `trim` leaves at most MOST_RUNS runs and MOST_BYTES bytes
MOST_BYTES: Final = 1 << 30


@dataclass(frozen=True)
class Removed:
    """The number of runs removed, the bytes that they held, and the number of runs left."""

    runs: int
    bytes: int
    left: int


def clean(days: float = KEPT_DAYS) -> Removed:
    """Remove runs older than `days`, but keep the newest result for each combination of rows and settings."""
    entries = _entries()
    results: set[object] = set()
    unwanted = []
    for entry in entries:
        first_result = entry.told.standing == "done" and entry.asks_for not in results
        if first_result:
            results.add(entry.asks_for)
        if not (entry.needed or first_result or entry.age_seconds < days * 86400):
            unwanted.append(entry.run)
    _remove_remnants()
    return _remove(unwanted, len(entries))


def trim(most_runs: int = MOST_RUNS, most_bytes: int = MOST_BYTES) -> Removed:
    """Remove the oldest runs where the state folder holds too many runs or bytes; runs with a result go last."""
    ids = run_ids()
    if len(ids) <= most_runs and sum(_size(run_of(run_id)) for run_id in ids) <= most_bytes:
        return Removed(0, 0, len(ids))
    entries = _entries()
    number, size = len(entries), sum(_size(entry.run) for entry in entries)
    unwanted = []
    for entry in sorted(entries, key=lambda entry: (entry.told.standing == "done", entry.run.asked_for)):
        # Removal stops a tenth below the limits, so that not every new run has to clean up.
        if number <= 0.9 * most_runs and size <= 0.9 * most_bytes:
            break
        if not entry.needed:
            unwanted.append(entry.run)
            number, size = number - 1, size - _size(entry.run)
    return _remove(unwanted, len(entries))


@dataclass(frozen=True)
class _Entry:
    """A run that is kept: its request, its state, and whether another run needs it."""

    run: Run
    asks_for: object
    told: Peek
    needed: bool

    @property
    def age_seconds(self) -> float:
        """The seconds since its last event; 0 where the machine's clock has stepped back since."""
        return max(0.0, min(seconds_since(self.run.journal), seconds_since(self.run.request)))


def _entries() -> list[_Entry]:
    """Every run, newest first."""
    found = []
    for run in all_runs():
        try:
            told = peek(run.journal)
        except FarpairError:
            told = Peek()
        elsewhere = told.engine is not None and told.engine.host != socket.gethostname()
        unseen = elsewhere and seconds_since(run.journal) < KEPT_DAYS * 86400
        going = told.ended is None and (unseen or control.is_alive(run, told))
        found.append((run, _request(run), told, going))
    resumed = {asked.resumes for _, asked, _, going in found if going and asked}
    return [_Entry(run, _asks_for(asked), told, going or run.id in resumed) for run, asked, told, going in found]


def _request(run: Run) -> RunRequest | None:
    try:
        return request_of(run)
    except FarpairError:
        return None


def _asks_for(request: RunRequest | None) -> object:
    """A key that is equal for runs of the same rows with the same settings."""
    if request is None:
        return None
    plain = msgspec.structs.replace(request, model="", weights="", cluster_file=None, resumes=None)
    return rows_of(request), plain


def _remove(unwanted: list[Run], of: int) -> Removed:
    removed = [size for run in unwanted if (size := _remove_run(run)) is not None]
    return Removed(len(removed), sum(removed), of - len(removed))


def _remove_run(run: Run) -> int | None:
    """Remove a run's folder and return the bytes that it held, or None where it cannot be removed.

    The request is removed first, because a folder without one is not a run, even if this process is killed.
    """
    size = _size(run)
    try:
        run.request.unlink()
    except OSError:
        return None
    remove_folder(run)
    return size


def _remove_remnants() -> None:
    """Remove the remains of runs whose creation or removal was killed."""
    for run_id in run_ids():
        run = run_of(run_id)
        if not os.path.exists(run.request) and seconds_since(run.folder) > 86400:
            remove_folder(run)


def _size(run: Run) -> int:
    """The bytes that a run's files take on disk, which may be fewer than their lengths."""
    try:
        return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in os.scandir(run.folder))
    except OSError:
        return 0
