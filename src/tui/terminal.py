"""The app's terminal: what Textual's driver leaves on it, and how the app handles the signals that its terminal is
gone, that it is to end, and that it was suspended.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver


class ClearingDriver(LinuxDriver):
    """Draws on stdout, and clears its picture before it goes back to the terminal's own screen.

    Textual draws on stderr, which may be a file where stdout is the terminal.

    When the window has grown meanwhile, tmux fills the new rows of its own screen with the program's last lines
    (seen in tmux 3.3a), so that parts of the picture would remain among the shell's lines.
    """

    def __init__(
        self, app: App[object], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        assert sys.__stdout__ is not None  # the app is opened only where stdout is a terminal
        self._file = sys.__stdout__

    def stop_application_mode(self) -> None:
        """Clear the screen, and leave it."""
        self.write("\x1b[2J")
        super().stop_application_mode()


# Seconds for an orderly end: where nobody reads what is written, it could wait for ever.
_SECONDS: Final = {signal.SIGHUP: 2.0, signal.SIGTERM: 5.0}


class Signals:
    """Handles signals from its creation, within an event loop, until `forget`.

    `end` is called with the number of the signal that says that the terminal is gone (SIGHUP), or that the system
    ends the app (SIGTERM); a little later it is gone in any case. `repaint` is called after a suspension is over.
    They are Python's own handlers, not the event loop's, which waits while the terminal takes no output.

    Python runs a handler in the main thread, when that next has something to do. The kernel may give a signal to
    another thread, as it does with SIGCONT when all of them wake at once: the main thread would then wait for the
    next event, which never comes to a screen that was taken down. So each signal wakes the event loop.
    """

    def __init__(self, *, end: Callable[[int], None], repaint: Callable[[], None]) -> None:
        self._end, self._repaint = end, repaint
        self._taken_down = False
        handlers = {
            signal.SIGHUP: self._ends,
            signal.SIGTERM: self._ends,
            signal.SIGTSTP: self._suspends,
            signal.SIGCONT: self._continues,
        }
        self._loop = asyncio.get_running_loop()
        self._woken, self._waker = socket.socketpair()
        for end_of_pair in (self._woken, self._waker):
            end_of_pair.setblocking(False)
        self._loop.add_reader(self._woken, self._woken.recv, 4096)
        self._woken_before = signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, handler) for number, handler in handlers.items()}

    def forget(self) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken_before)
        self._loop.remove_reader(self._woken)
        self._woken.close()
        self._waker.close()

    def _ends(self, number: int, _frame: FrameType | None) -> None:
        watchdog = threading.Timer(_SECONDS[signal.Signals(number)], os._exit, (128 + number,))
        watchdog.daemon = True
        watchdog.start()
        self._end(number)

    def _suspends(self, number: int, frame: FrameType | None) -> None:
        """The shell suspends the app: Textual restores the terminal, and the process stops in this call."""
        self._taken_down = True
        self._as_before(number, frame)

    def _continues(self, number: int, frame: FrameType | None) -> None:
        """Let Textual set up the terminal only where it has restored it before. After a SIGSTOP, which cannot be
        handled, it would start a second reader of keys, which takes half of them and never ends."""
        if self._taken_down:
            self._taken_down = False
            self._as_before(number, frame)
        self._repaint()

    def _as_before(self, number: int, frame: FrameType | None) -> None:
        handler = self._before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
