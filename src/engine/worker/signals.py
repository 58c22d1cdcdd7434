"""The signals to a working engine: stop, pause and continue (see `control`)."""

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
    """A person or the system asks the engine to stop. It is not an Exception, so that no library handles it as an
    error."""


class Signals:
    """Handles stop, pause and continue wherever the main thread is, within one step of Python.

    A stop raises Stopped there; a pause waits there, using no core, with Paused and Continued appended.
    """

    def __init__(self, append: Callable[[AnyEvent], None]) -> None:
        self._append = append
        self.from_outside = False  # the stop came from the system, not from a person
        self._stop = False
        self._pause = False
        self._obeying = False
        self._late = False
        self._end: Callable[[], NoReturn] | None = None
        self.stopwatch = Stopwatch()  # measures the work of this process, without pauses
        # A signal may reach any of torch's threads; this pipe always wakes the main one.
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)

    def listen(self) -> None:
        """Handle signals from now on."""
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in LISTENED_TO:
            signal.signal(number, self._hear)
        # `control` started this process with them blocked: one that was sent earlier arrives now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, LISTENED_TO)

    def obey(self) -> None:
        """Raise Stopped or wait, where that was asked. It is also called between steps, because Python drops what
        a signal handler raises inside a destructor."""
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
        """Within this context, handle a stop by calling `end`. An exception raised while an extension module is
        loaded may be dropped there, or crash the process."""
        self._end = end
        try:
            yield
        finally:
            self._end = None

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Within this context signals are held back until its end, so that its work is not interrupted."""
        before, self._obeying, self._late = self._obeying, True, False
        try:
            yield
        finally:
            self._obeying = before
        if self._late:
            self.obey()

    def forget(self) -> None:
        """Ignore signals from now on: the last event is about to be written."""
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
