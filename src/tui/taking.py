"""What a person takes away from the screen: text on the clipboard, files in a folder, and what is said of it.

Imported when it is first asked for.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..engine.record import BatchRecord, RunRecord
from ..errors import FarpairError
from ..exporting import SUFFIXES, file_stem, text_of, write_new
from ..text import size, visible
from .clipboard import LARGEST, fits, sent_by_tmux, sequences
from .screens.copy import CopyMenu, What, copied_text
from .screens.export import ExportDialog, Kind, Wanted

if TYPE_CHECKING:
    from .app import FarpairApp

READING_SECONDS: Final = 12.0  # for a sentence with paths in it


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
    """Send `text` to the clipboard and say so; where there is too much of it, say what to do instead."""
    export = app.settings.key("export")
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


def ask_what_to_write(app: "FarpairApp", record: RunRecord | None) -> None:
    """Ask in which formats and where to write the run, and write it."""

    def answered(wanted: Wanted | None) -> None:
        if wanted is not None:
            app.call_after_refresh(write, app, record, wanted)  # the picture is of the screen without the dialog

    kinds: tuple[Kind, ...] = ("svg",) if record is None else ("markdown", "json", "csv", "svg")
    app.push_screen(ExportDialog(file_stem(record or RunRecord()), kinds), answered)


def write(app: "FarpairApp", record: RunRecord | None, wanted: Wanted) -> None:
    """Write the files that are wanted, and say where they are."""
    stem, written = file_stem(record or RunRecord()), list[Path]()
    try:
        for kind in wanted.kinds:
            if kind == "svg":
                written.append(write_new(wanted.folder, stem, ".svg", app.export_screenshot(title="farpair")))
            elif record is not None:
                written.append(write_new(wanted.folder, stem, SUFFIXES[kind], text_of(record, kind)))
    except FarpairError as error:
        app.say(str(error), "error", seconds=READING_SECONDS)
    if written:
        app.say(f"Wrote {' and '.join(visible(str(path)) for path in written)}.", seconds=READING_SECONDS)


def _beginning(text: str) -> str:
    """How a text begins, and how long it is."""
    first = visible(text.partition("\n")[0], 40)
    return f"{first} ({size(len(text.encode()))})"
