"""The input line for the filter of the live table; it takes the place of the line of keys."""

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from ...messages import FilterKept, FilterTyped

EXAMPLES = "a token, its id, 12, 10-20, settled, open, >1.2"


class FilterLine(Horizontal):
    """Sends FilterTyped at every change of the text, and FilterKept at enter."""

    def __init__(self, text: str) -> None:
        super().__init__(id="filter")
        self._text = text

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        yield Static("/", markup=False)
        field = Input(self._text, placeholder=EXAMPLES, compact=True, select_on_focus=False)
        field.cursor_blink = False
        yield field

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(FilterTyped(event.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(FilterKept())
