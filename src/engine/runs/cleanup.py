"""Removing runs that are no longer wanted, so that the state folder stays small. No torch here.

Kept in any case is what is going, and what a run that is going resumes. Whether a run of another host goes cannot
be seen: it counts as going for as long after its last event as anything is kept.
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

KEPT_DAYS: Final = 30  # what is younger is kept by `clean`
MOST_RUNS: Final = 1000  # and MOST_BYTES: what `trim` leaves at most
MOST_BYTES: Final = 1 << 30


@dataclass(frozen=True)
class Removed:
    """How many runs were removed, and how many bytes they held; and how many runs are left."""

    runs: int
    bytes: int
    left: int


def clean(days: float = KEPT_DAYS) -> Removed:
    """Remove what is older than `days`, but for the newest result of each rows and settings."""
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
    """Remove the oldest runs where there are more, or larger, than a state folder should hold; results last."""
    ids = run_ids()
    if len(ids) <= most_runs and sum(_size(run_of(run_id)) for run_id in ids) <= most_bytes:
        return Removed(0, 0, len(ids))
    entries = _entries()
    number, size = len(entries), sum(_size(entry.run) for entry in entries)
    unwanted = []
    for entry in sorted(entries, key=lambda entry: (entry.told.standing == "done", entry.run.asked_for)):
        # A tenth less than the limit, so that not every run has to look again.
        if number <= 0.9 * most_runs and size <= 0.9 * most_bytes:
            break
        if not entry.needed:
            unwanted.append(entry.run)
            number, size = number - 1, size - _size(entry.run)
    return _remove(unwanted, len(entries))


@dataclass(frozen=True)
class _Entry:
    """A run kept: what it asks for, where it stands, and whether somebody still needs it."""

    run: Run
    asks_for: object
    told: Peek
    needed: bool

    @property
    def age_seconds(self) -> float:
        """Since it was last written to; 0 where the machine's clock has stepped back since."""
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
    """Equal for runs that replace each other: of the same rows, with the same settings."""
    if request is None:
        return None
    plain = msgspec.structs.replace(request, model="", weights="", cluster_file=None, resumes=None)
    return rows_of(request), plain


def _remove(unwanted: list[Run], of: int) -> Removed:
    removed = [size for run in unwanted if (size := _remove_run(run)) is not None]
    return Removed(len(removed), sum(removed), of - len(removed))


def _remove_run(run: Run) -> int | None:
    """Remove a run's folder; the bytes that it held, or None where it cannot be removed.

    The request goes first: without it nobody takes the rest for a run, whatever becomes of this process.
    """
    size = _size(run)
    try:
        run.request.unlink()
    except OSError:
        return None
    remove_folder(run)
    return size


def _remove_remnants() -> None:
    """Remove what is left of runs that were being made or removed by a process that was killed."""
    for run_id in run_ids():
        run = run_of(run_id)
        if not os.path.exists(run.request) and seconds_since(run.folder) > 86400:
            remove_folder(run)


def _size(run: Run) -> int:
    """The bytes that a run's files take on disk: one may claim to be longer, and be mostly holes."""
    try:
        return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in os.scandir(run.folder))
    except OSError:
        return 0
