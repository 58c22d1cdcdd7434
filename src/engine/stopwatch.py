"""A stopwatch that can be paused, for seconds of work. Torch is not imported here."""

import time


class Stopwatch:
    """A stopwatch that runs from its creation. A signal handler in the reading thread may call `pause` and
    `go_on`."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._paused_at: float | None = None

    @property
    def seconds(self) -> float:
        """The seconds of work so far; they do not grow during a pause."""
        if self._paused_at is not None:
            return self._paused_at - self._began
        while True:
            began, now = self._began, time.perf_counter()
            if began == self._began:  # else a signal handler paused it between the two reads
                return now - began

    def pause(self) -> None:
        """Stop the stopwatch until `go_on`."""
        if self._paused_at is None:
            self._paused_at = time.perf_counter()

    def go_on(self) -> None:
        """Resume from the seconds at which it was paused."""
        if self._paused_at is not None:
            self._began += time.perf_counter() - self._paused_at
            self._paused_at = None
