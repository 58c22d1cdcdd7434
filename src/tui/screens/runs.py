"""The list of this machine's runs that are kept, newest first; the chosen one is shown."""

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ...engine.errors import FarpairError
from ...engine.text.escape import visible
from ..widgets.lines import left, right
from ..widgets.progress import when

if TYPE_CHECKING:
    from ...engine.runs.listing import Listed

MOST: int = 500  # runs in the list; older ones are found by `farpair runs`


class RunsScreen(ModalScreen["Listed | None"]):
    """Ends with the run that was chosen, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,a", "dismiss(None)", "Back", show=False, id="runs.back"),
        Binding("k", "move(-1)", "Up", show=False, id="runs.up"),
        Binding("j", "move(1)", "Down", show=False, id="runs.down"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._runs: list[Listed] = []

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        with Vertical(classes="dialog wide") as dialog:
            dialog.border_title = "runs of this machine"
            dialog.border_subtitle = "enter shows it · esc goes back"
            yield Static("looking for runs …", id="no-runs", markup=False)
            yield OptionList(id="runs", compact=True, markup=False)

    def on_mount(self) -> None:
        """Set up what needs the screen."""
        self.run_worker(self._list(), exit_on_error=False)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._runs[event.option_index])

    def action_move(self, by: int) -> None:
        """Move the cursor by that many runs."""
        runs = self.query_one(OptionList)
        if by < 0:
            runs.action_cursor_up()
        else:
            runs.action_cursor_down()

    async def _list(self) -> None:
        from itertools import islice  # start time

        from ...engine.runs.listing import listed_runs  # start time

        none = "There are no runs yet; r searches a model."
        try:
            self._runs = await asyncio.to_thread(lambda: list(islice(listed_runs(), MOST)))
        except FarpairError as error:
            none = visible(str(error))
        said = self.query_one("#no-runs", Static)
        said.display = not self._runs
        said.update(Content(none))
        runs = self.query_one(OptionList)
        runs.add_options(Option(Content(run_line(kept))) for kept in self._runs)
        if self._runs:
            runs.highlighted = 0
            runs.focus()


def run_line(kept: "Listed") -> str:
    """One run in the list, as escaped text, never as markup."""
    date = when(kept.began) or "–"
    return (
        f"{left(kept.place, 11)} {left(date, 17)} {right(visible(kept.result, 14), 14)}  {visible(kept.model, 40)}"
    )
