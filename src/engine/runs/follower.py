"""Follows a run: reads its journal as it grows, folds its events into a record, and detects its engine's death.

The commands, a run without the app, the app and the tests all use a Follower to wait for a run.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from ..events import AnyEvent
from ..journal.reader import JournalTail
from ..journal.record import RunRecord
from ..journal.replay import ReplayTail
from . import control
from .folders import Run

AT_ONCE: Final = 2**18  # bytes that are read and folded at once; the app handles keys between two such reads
LOOK_SECONDS: Final = 0.05  # seconds between two reads of a journal


def has_ended(record: RunRecord) -> bool:
    """Whether the run's end is in its journal."""
    return record.ended is not None


class Follower:
    """Follows `run` from its first event, or replays it `speed` times as fast as it happened.

    `record` is the fold of the events read so far. Reading raises JournalError where the journal cannot be read or
    holds a line that is not an event; `record` then holds the events before that line.
    """

    def __init__(self, run: Run, speed: float | None = None) -> None:
        self.run = run
        self.record = RunRecord()
        self.replay = None if speed is None else ReplayTail(run.journal, speed)
        self._tail = self.replay or JournalTail(run.journal, AT_ONCE)
        self._unfolded: deque[tuple[float, AnyEvent]] = deque()
        self._reading = threading.Lock()

    @property
    def alive(self) -> bool:
        """Whether more events may come, because the engine lives or the replay is not at its end. If this is false
        before a read, that read is the last one."""
        if self.replay:
            return not self.replay.at_the_end
        return control.is_alive(self.run, self.record)

    def news(self) -> Iterator[AnyEvent]:
        """Yield the events in the journal that `record` does not hold yet, each after it is folded."""
        while True:
            while self._unfolded:
                yield self._fold()
            self._read_on()
            if not self._unfolded:
                return

    def follow(
        self,
        met: Callable[[RunRecord], bool] = has_ended,
        *,
        take: Callable[[AnyEvent], None] | None = None,
        looked: Callable[[], None] | None = None,
        seconds: float = math.inf,
        period: float = LOOK_SECONDS,
    ) -> bool:
        """Read until `met(record)` is true, and not beyond the event that makes it true. Returns False where the
        engine dies first, or `seconds` have passed.

        `take` is called with each event, and `looked` after each read of the journal, every `period` seconds.
        """
        deadline = time.monotonic() + seconds
        while not met(self.record):
            alive = self.alive
            for event in self.news():
                if take:
                    take(event)
                if met(self.record):
                    break
            if looked:
                looked()
            if met(self.record):
                break
            if not alive or time.monotonic() > deadline:
                return False
            time.sleep(period)
        return True

    async def read(self) -> tuple[AnyEvent, ...]:
        """Fold some of the new events into `record` and return them. A thread reads the file; the record changes
        only in the caller's thread."""
        await asyncio.to_thread(self._read_on)
        return tuple(self._fold() for _ in range(len(self._unfolded)))

    def crash(self) -> str | None:
        """How the engine died without writing an end, what is kept and what to do; None where it did not die or
        wrote an end."""
        if self.replay and not self.replay.at_the_end:
            return None
        return control.crash_sentence(self.run, self.record)

    def close(self) -> None:
        """Close the journal."""
        self._tail.close()

    def _read_on(self) -> None:
        """Read new events into the queue of events to fold, so that a cancelled `read` loses none."""
        with self._reading:
            self._unfolded.extend(self._tail.read())

    def _fold(self) -> AnyEvent:
        when, event = self._unfolded.popleft()
        self.record.apply(when, event)
        return event
