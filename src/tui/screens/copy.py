"""Copies the farthest pair, a batch of the table, or the whole report to the clipboard."""

from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets.option_list import Option

from ...engine.journal.record import BatchRecord, RunRecord
from ...engine.report.export import text_of
from ...engine.report.narration import batch, farthest
from ...engine.report.sentences import rows
from ...engine.text.escape import visible
from ...engine.text.numbers import size
from ..clipboard import LARGEST, fits, sent_by_tmux, sequences
from .export import ask_what_to_write
from .menu import Menu

if TYPE_CHECKING:
    from ..app import FarpairApp


What = Literal["pair", "batch", "report", "file"]


class CopyMenu(Menu[What | None]):
    """Ends with what to copy, "file" for the export, or None. `row` is the batch that would be copied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p,y", "answer('pair')", "The pair", show=False, id="copy.pair"),
        Binding("b", "answer('batch')", "The batch", show=False, id="copy.batch"),
        Binding("r", "answer('report')", "The report", show=False, id="copy.report"),
        Binding("f,e", "answer('file')", "A file", show=False, id="copy.file"),
        Binding("escape,q", "dismiss(None)", "Back", show=False, id="copy.back"),
    ]

    def __init__(self, row: BatchRecord | None) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "copy to the clipboard of your terminal"
            dialog.border_subtitle = "y copies the pair · esc goes back"
            row = f"the batch {rows(self._row.start, self._row.end)}" if self._row else "a batch"
            yield self.answers(
                Option("p  the farthest pair", id="pair"),
                Option(f"b  {row}", id="batch", disabled=self._row is None),
                Option("r  the report, as Markdown", id="report"),
                Option("f  none of it: write a file", id="file"),
            )

    def action_answer(self, answer: str) -> None:
        """Close the menu with what was chosen."""
        match answer:
            case "pair" | "report" | "file":
                self.dismiss(answer)
            case "batch" if self._row is not None:
                self.dismiss("batch")


def copied_text(record: RunRecord, row: BatchRecord | None, what: What) -> str:
    """The text for the clipboard, with tokens escaped; "" where the run has nothing of the kind yet."""
    model = visible(record.engine.request.model) if record.engine else ""
    match what:
        case "pair" if record.pair is not None:
            return f"{model}: {farthest(record, record.pair)}"
        case "batch" if row is not None and row.done is not None:
            return f"{model}: {batch(record, row.done)}"
        case "report":
            return text_of(record, "markdown")
        case _:
            return ""


def ask_what_to_copy(app: "FarpairApp", record: RunRecord | None, row: BatchRecord | None) -> None:
    """Ask what of the run to copy, and copy it; `row` is the batch under the cursor, or the best one."""
    if record is None or record.started is None:
        app.say("There is nothing to copy yet.")
        return

    async def answered(what: What | None) -> None:
        if what == "file":
            ask_what_to_write(app, record)
        elif what is not None:
            await copy(app, copied_text(record, row, what))

    app.push_screen(CopyMenu(row), answered)


async def copy(app: "FarpairApp", text: str) -> None:
    """Send `text` to the clipboard and confirm it; where it is too long, say what to do instead."""
    export = app.state.settings.key("export")
    if not text:
        app.say("There is nothing of it to copy yet.")
    elif not fits(text):
        app.say(
            f"That is more than the {size(LARGEST)} that terminals take; {export} writes it to a file.", "error"
        )
    else:
        if not await sent_by_tmux(text):
            app.send(sequences(text))
        app.say(f"Sent to the clipboard: {_beginning(text)}. If it is not there, {export} writes a file.")


def _beginning(text: str) -> str:
    """The beginning of a text, and its length."""
    first = visible(text.partition("\n")[0], 40)
    return f"{first} ({size(len(text.encode()))})"
