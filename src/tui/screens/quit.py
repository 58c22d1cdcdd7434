"""The question before quitting while runs are going: leave them running, stop them, or go back."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static
from textual.widgets.option_list import Option

from ...engine.text.escape import visible
from .menu import Menu

Answer = Literal["leave", "stop"]


class Leave(Menu[Answer | None]):
    """Ends with "leave" (quit, the runs go on), "stop" (stop them and quit), or None (do not quit)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "answer('leave')", "Leave running", show=False, id="leave.leave"),
        Binding("s", "answer('stop')", "Stop", show=False, id="leave.stop"),
        Binding("escape,g,q", "answer('')", "Go back", show=False, id="leave.back"),
    ]

    def __init__(self, going: Sequence[str]) -> None:
        super().__init__()
        self._going = going

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "quit farpair"
            yield Static(going_sentence(self._going), markup=False)
            them = "it" if len(self._going) == 1 else "them"
            yield self.answers(
                Option(f"l  leave {them} running, and quit", id="leave"),
                Option(f"s  stop {them}, and quit", id="stop"),
                Option("g  go back", id=""),
            )

    def action_answer(self, answer: str) -> None:
        """End with the answer."""
        self.dismiss("leave" if answer == "leave" else "stop" if answer == "stop" else None)


def going_sentence(going: Sequence[str]) -> str:
    """Which runs are going, and what happens to them when the app is left."""
    if len(going) == 1:
        return f"The search of {visible(going[0], 40)} is going on. Left running, it is here again next time."
    names = ", ".join(visible(name, 24) for name in going[:4]) + (", …" if len(going) > 4 else "")
    return f"{len(going)} searches are going on: {names}. Left running, they are here again next time."
