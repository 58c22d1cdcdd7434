"""Handles the signals to a working engine: stop, end, pause and continue (see `control`)."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

from ..events import AnyEvent, Continued, Paused
from ..runs.control import END, GO_ON, PAUSE, STOP
from ..stopwatch import Stopwatch

LISTENED_TO: Final = (STOP, END, PAUSE, GO_ON)


class Stopped(BaseException):
    """Raised where a person or the system asks the engine to stop. It is not an Exception, so that no library
    handles it as an error."""


class Signals:
    """Handles stop, pause and continue in the main thread, within one step of Python.

    A stop raises Stopped. A pause appends Paused, waits without using a core, and then appends Continued.
    """

    def __init__(self, append: Callable[[AnyEvent], None]) -> None:
        self._append = append
        self.from_outside = False  # whether the stop came from the system and not from a person
        self._stop = False
        self._pause = False
        self._obeying = False
        self._late = False
        self._end: Callable[[], NoReturn] | None = None
        self.stopwatch = Stopwatch()  # measures the work of this process, without pauses
        # A signal may reach any of torch's threads; this pipe always wakes the main thread.
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def listen(self) -> None:
        """Handle signals from now on."""
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in LISTENED_TO:
            signal.signal(number, self._hear)
        # `control` started this process with these signals blocked, so that earlier ones arrive now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LISTENED_TO)

    def obey(self) -> None:
        """Raise Stopped or wait, if a signal asked for it. This is also called between steps, because Python drops
        an exception that a signal handler raises inside a destructor."""
        if self._obeying:
            self._late = True
            return
        self._obeying = True
        try:
            if self._pause and not self._stop:
                self._append(Paused())
                self.stopwatch.pause()
                while self._pause and not self._stop:
                    select.select([self._woken], [], [])
                    os.read(self._woken, 4096)
                self.stopwatch.go_on()
                if not self._stop:
                    self._append(Continued())
            if self._stop and self._end:
                self._end()
            if self._stop:
                raise Stopped
        finally:
            self._obeying = False

    @contextmanager
    def stopping_by(self, end: Callable[[], NoReturn]) -> Iterator[None]:
        """A context in which a stop calls `end`, because an exception that is raised while an extension module is
        loaded may be dropped or crash the process."""
        self._end = end
        try:
            yield
        finally:
            self._end = None

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """A context that signals do not interrupt; they are handled at its end."""
        before, self._obeying, self._late = self._obeying, True, False
        try:
            yield
        finally:
            self._obeying = before
        if self._late:
            self.obey()

    def forget(self) -> None:
        """Ignore signals from now on, because the last event is about to be written."""
        self._obeying = True
        for number in LISTENED_TO:
            signal.signal(number, signal.SIG_IGN)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self._stop:
            return
        self._stop = number in (STOP, END)
        self.from_outside = number == END
        self._pause = number == PAUSE
        self.obey()
