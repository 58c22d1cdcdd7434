"""Textual's driver of the terminal: where it draws, and what it leaves there."""

import sys

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver


class ClearingDriver(LinuxDriver):
    """Draws on stdout, and clears its picture before it goes back to the terminal's own screen.

    Textual draws on stderr, which may be a file where stdout is the terminal.

    When the window has grown since, tmux fills the rows that its own screen has gained with what the program's
    held (seen in tmux 3.3a), so that a picture's lines would stand among those of the shell.
    """

    def __init__(
        self, app: App[object], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        assert sys.__stdout__ is not None  # the app is opened where it is a terminal
        self._file = sys.__stdout__

    def stop_application_mode(self) -> None:
        self.write("\x1b[2J")
        super().stop_application_mode()
