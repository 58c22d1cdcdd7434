"""The queue: the runs on one device of one host wait for one another, in the order of their requests.

There is no lock, because not every network file system supports one. Every run folder is an entry, its journal
says its state, and only living engines count (by process number and creation time), so that dead ones hold up
nobody. A paused run holds up nobody either, and resumes at once, beside whatever has begun meanwhile. Two engines
that start at the same moment see each other's folders, and agree on which was asked for first. No torch here: a
waiting run has not loaded it.
"""

import os
import re
import socket
from typing import Final

from ..errors import FarpairError
from ..events import Queued
from ..journal.peek import Peek, peek
from ..runs import control
from ..runs.folders import Run, run_ids, run_of
from ..runs.request import request_of

POLL_SECONDS: Final = 0.3  # seconds between two looks while a run waits

# Variables that hide devices from a process, whose first device is then not the machine's.
_MASKS: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")


def queue_of(device: str) -> str:
    """The queue for runs requested on `device`: equal for runs that wait for one another.

    "cuda" is the first CUDA device that this process may see. "auto" is a queue of its own, because only torch
    knows which device it stands for.
    """
    if device == "cpu":
        return device
    whole = f"{device}:0" if re.fullmatch("cuda|xpu", device) else device
    masks = [f"{name}={os.environ[name]}" for name in _MASKS if os.environ.get(name)]
    return " ".join([whole, *masks])


class Turn:
    """The turn of `run` in its `queue`; `look` says how many runs are ahead of it."""

    def __init__(self, run: Run, queue: str) -> None:
        self._run, self._queue = run, queue
        self._asked_for = run.asked_for
        self._passed = {run.id}  # runs that need not be looked at again

    def look(self) -> Queued:
        """How many runs are ahead now, and the last of them. Runs that cannot be listed do not count."""
        try:
            known = run_ids()
        except FarpairError:
            known = []
        ahead = sorted(run.asked_for for run_id in known if self._comes_first(run := run_of(run_id)))
        return Queued(ahead=len(ahead), behind=ahead[-1][2] if ahead else None)

    def _comes_first(self, run: Run) -> bool:
        if run.id in self._passed:
            return False
        try:
            if not os.path.exists(run.request):  # not a run yet, or no longer
                return False
            seen = peek(run.journal)
            if seen.ended or not self._shares(run, seen) or not control.is_alive(run, seen):
                self._passed.add(run.id)
                return False
        except FarpairError:  # it cannot be read, so nobody waits for it
            self._passed.add(run.id)
            return False
        if seen.standing == "paused":
            return False
        begun = seen.standing == "going"  # a change of the clock may have put it behind this one
        return begun or run.asked_for < self._asked_for

    def _shares(self, run: Run, seen: Peek) -> bool:
        """Whether a run is for the same device. Before its engine's first event, only its request tells."""
        if seen.engine is None:
            return queue_of(request_of(run).settings.device) == self._queue
        return seen.engine.queue == self._queue and seen.engine.host == socket.gethostname()
