"""Textual's driver of the terminal, and what it leaves there."""

from textual.drivers.linux_driver import LinuxDriver


class ClearingDriver(LinuxDriver):
    """Clears its picture before it goes back to the terminal's own screen.

    When the window has grown since, tmux fills the rows that its own screen has gained with what the program's
    held (seen in tmux 3.3a), so that a picture's lines would stand among those of the shell.
    """

    def stop_application_mode(self) -> None:
        self.write("\x1b[2J")
        super().stop_application_mode()
