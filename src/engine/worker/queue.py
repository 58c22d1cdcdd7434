"""The queue: the runs on one device of one host wait for one another, in the order of their requests.

Each run folder is an entry, and its journal gives its state; there is no lock, because not every network file
system supports one. Only living engines that are not paused block others. Torch is not imported before a run's
turn.
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

POLL_SECONDS: Final = 0.3  # seconds between two checks of the queue

# Variables that hide devices from a process, so that its first device is not the machine's first.
_MASKS: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")


def queue_of(device: str) -> str:
    """The queue of runs requested on `device`; runs with equal queues wait for one another.

    "cuda" is the first CUDA device that this process can see. "auto" is a queue of its own, because only torch
    knows which device it means.
    """
    if device == "cpu":
        return device
    whole = f"{device}:0" if re.fullmatch("cuda|xpu", device) else device
    masks = [f"{name}={os.environ[name]}" for name in _MASKS if os.environ.get(name)]
    return " ".join([whole, *masks])


class Turn:
    """The place of `run` in its `queue`; `look` returns how many runs are ahead of it.

    A paused run blocks no other, and resumes at once beside the runs that have begun meanwhile. Two engines that
    start at the same moment see each other's folders, and agree on which was requested first.
    """

    def __init__(self, run: Run, queue: str) -> None:
        self._run, self._queue = run, queue
        self._asked_for = run.asked_for
        self._passed = {run.id}  # runs that need not be checked again

    def look(self) -> Queued:
        """The number of runs ahead now, and the last of them. Runs that cannot be listed do not count."""
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
            if not os.path.exists(run.request):  # the folder is not a run yet, or no longer
                return False
            seen = peek(run.journal)
            if seen.ended or not self._shares(run, seen) or not control.is_alive(run, seen):
                self._passed.add(run.id)
                return False
        except FarpairError:  # no run waits for one that cannot be read
            self._passed.add(run.id)
            return False
        if seen.standing == "paused":
            return False
        begun = seen.standing == "going"  # it comes first even if a change of the clock dated it later
        return begun or run.asked_for < self._asked_for

    def _shares(self, run: Run, seen: Peek) -> bool:
        """Whether `run` is in the same queue. Before its engine's first event, only its request tells."""
        if seen.engine is None:
            return queue_of(request_of(run).settings.device) == self._queue
        return seen.engine.queue == self._queue and seen.engine.host == socket.gethostname()
