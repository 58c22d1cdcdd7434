"""Whose turn it is: the runs on one device of one host wait for one another, in the order they were asked for.

There is no lock, which not every network file system keeps: every run folder is an entry, its journal says where
that run stands, and only living engines count (process number and creation time), so that none that died is in the
way. A paused run is in nobody's way either, and goes on at once when it is told to, beside whatever has begun. Of
two engines that start at the same moment each sees the other's folder, and both know which was asked for first.
No torch here: a run that waits has not loaded it.
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

POLL_SECONDS: Final = 0.3  # between two looks while a run waits

# What hides devices from a process: the first that it sees need not be the machine's first.
_MASKS: Final = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")


def queue_of(device: str) -> str:
    """The queue of runs asked for on `device`: equal for those that wait for one another.

    "cuda" is the first CUDA device that this process may see. Which device "auto" stands for only torch knows: it
    is a queue of its own.
    """
    if device == "cpu":
        return device
    whole = f"{device}:0" if re.fullmatch("cuda|xpu", device) else device
    masks = [f"{name}={os.environ[name]}" for name in _MASKS if os.environ.get(name)]
    return " ".join([whole, *masks])


class Turn:
    """The turn of `run` in its `queue`; `look` says how long the queue is before it."""

    def __init__(self, run: Run, queue: str) -> None:
        self._run, self._queue = run, queue
        self._asked_for = run.asked_for
        self._passed = {run.id}  # never to be looked at again

    def look(self) -> Queued:
        """How many runs come first now, and which is the last of them. Runs that cannot be listed are no queue."""
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
        except FarpairError:  # it cannot be read: nobody waits for what nobody can see
            self._passed.add(run.id)
            return False
        if seen.standing == "paused":
            return False
        begun = seen.standing == "going"  # a clock that was set may have put it behind this one
        return begun or run.asked_for < self._asked_for

    def _shares(self, run: Run, seen: Peek) -> bool:
        """Whether a run is for the same device. Of one whose engine has not said a word only the request tells."""
        if seen.engine is None:
            return queue_of(request_of(run).settings.device) == self._queue
        return seen.engine.queue == self._queue and seen.engine.host == socket.gethostname()
