"""Replays a journal: returns each event when it is due, by a clock that can be paused. Torch is not imported."""

import time
from collections import deque
from pathlib import Path
from typing import Final

from ..errors import JournalError
from ..events import AnyEvent, Paused, Queued, RunEnded
from .reader import JournalTail

LONGEST_WAIT: Final = 1.0  # the seconds to which a pause or a wait in the queue is shortened
LONGEST_GAP: Final = 60.0  # the same for any other gap; a search writes Progress ten times a second


class ReplayTail:
    """Reads the journal at `path` as a JournalTail does, `speed` times as fast as it was written.

    Pauses of the run and waits in the queue are shortened. Times that step back count as no time.
    """

    def __init__(self, path: Path, speed: float) -> None:
        self.speed = speed
        self._tail = JournalTail(path)
        self._coming: deque[tuple[float, float, AnyEvent]] = deque()  # when due, when written, the event
        self._error: JournalError | None = None
        self._due = 0.0  # when the last event read is due, in seconds of the run
        self._last: tuple[float, AnyEvent] | None = None
        self._played = 0.0  # seconds of the run that have been replayed
        self._begun = False
        self._looked: float | None = None  # the time of the last read; None while the clock is paused

    @property
    def paused(self) -> bool:
        """Whether the clock is paused."""
        return self._begun and self._looked is None

    @property
    def at_the_end(self) -> bool:
        """Whether `read` has returned every event in the journal."""
        return self._begun and not self._coming

    def read(self) -> list[tuple[float, AnyEvent]]:
        """The events that became due since the last call, with the times at which they were written.

        Raises JournalError for a line that is not an event, after all events before it are returned.
        """
        self._read_on()
        if not self.paused:
            now = time.monotonic()
            self._played += self.speed * (now - self._looked) if self._looked is not None else 0.0
            self._looked, self._begun = now, True
        events = []
        while self._coming and self._coming[0][0] <= self._played:
            _, when, event = self._coming.popleft()
            events.append((when, event))
        if self._error and not events and not self._coming:
            raise self._error
        return events

    def pause_or_go_on(self) -> None:
        """Pause the clock, or resume it."""
        self._looked = time.monotonic() if self.paused else None

    def close(self) -> None:
        """Close the journal."""
        self._tail.close()

    def _read_on(self) -> None:
        if self._error:
            return
        try:
            for when, event in self._tail.read():
                if self._last:
                    before, kind = self._last
                    longest = LONGEST_WAIT if isinstance(kind, Paused | Queued | RunEnded) else LONGEST_GAP
                    self._due += min(max(0.0, when - before), longest)
                self._coming.append((self._due, when, event))
                self._last = when, event
        except JournalError as error:
            self._error = error
