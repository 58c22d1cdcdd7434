"""A stopwatch for seconds of work, which can be paused. No torch here."""

import time


class Stopwatch:
    """Runs from its creation. `pause` and `go_on` may be called by a signal handler in the thread that reads
    it."""

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
        """Stand still until `go_on`."""
        if self._paused_at is None:
            self._paused_at = time.perf_counter()

    def go_on(self) -> None:
        """Run on from where it stood."""
        if self._paused_at is not None:
            self._began += time.perf_counter() - self._paused_at
            self._paused_at = None
