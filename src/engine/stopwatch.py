"""A stopwatch: the seconds of work since it was started, without those for which it was paused. No torch here."""

import time


class Stopwatch:
    """Runs from when it is made. `pause` and `go_on` may come from a signal handler in the thread that reads."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._paused_at: float | None = None

    @property
    def seconds(self) -> float:
        """The seconds of work so far; while it is paused, as many as when it was."""
        if self._paused_at is not None:
            return self._paused_at - self._began
        while True:
            began, now = self._began, time.perf_counter()
            if began == self._began:  # else a signal handler paused it between the two
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
