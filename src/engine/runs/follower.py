"""A run, followed: its journal is read on, its events are folded into a record, its engine's death is noticed.

Whatever waits for a run does so by a Follower: the commands, a run without the app, the app, the tests.
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

AT_ONCE: Final = 2**18  # bytes of a journal that are read and folded at once; the app hears keys in between
LOOK_SECONDS: Final = 0.05  # between two looks at a journal


def has_ended(record: RunRecord) -> bool:
    """Whether the run's end is in its journal."""
    return record.ended is not None


class Follower:
    """Follows `run` from its first event, or plays it again `speed` times as fast as it happened.

    `record` holds what has been read so far. What reads raises JournalError where the journal cannot be read, or
    holds what is not an event; what came before is in the record.
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
        """Whether more may come: the engine is there, or the replay is not at its end. Asked before reading, it
        holds of what is read: an engine that is gone writes no more."""
        if self.replay:
            return not self.replay.at_the_end
        return control.is_alive(self.run, self.record)

    def news(self) -> Iterator[AnyEvent]:
        """What the journal holds by now and `record` does not: each event as soon as it is in the record."""
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
        """Read on until the record has `met` what is waited for, up to the event that does. False where the engine
        is gone, or the `seconds` are over, first.

        `take` is called with each event, `looked` after each look at the journal, one in every `period` seconds.
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
        """Some of what is new, folded into `record`; nothing where there is nothing. The file is read in a thread,
        the record written in the caller's."""
        await asyncio.to_thread(self._read_on)
        return tuple(self._fold() for _ in range(len(self._unfolded)))

    def crash(self) -> str | None:
        """How the engine died without a last word, what is kept and what to do; None where it has not."""
        if self.replay and not self.replay.at_the_end:
            return None
        return control.crash_sentence(self.run, self.record)

    def close(self) -> None:
        """Let the journal go."""
        self._tail.close()

    def _read_on(self) -> None:
        """Lay what is read where it is folded from: a `read` that is cancelled meanwhile loses nothing."""
        with self._reading:
            self._unfolded.extend(self._tail.read())

    def _fold(self) -> AnyEvent:
        when, event = self._unfolded.popleft()
        self.record.apply(when, event)
        return event
