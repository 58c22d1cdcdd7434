"""The export dialog: asks for the formats and the folder, and says where the files were written."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ...engine.errors import FarpairError
from ...engine.journal.record import RunRecord
from ...engine.report.export import SUFFIXES, file_stem, text_of, write_new
from ...engine.text.escape import visible

if TYPE_CHECKING:
    from ..app import FarpairApp


Kind = Literal["markdown", "json", "csv", "svg"]
KINDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("markdown", "the report, as Markdown   .md"),
    ("json", "everything, as JSON       .json"),
    ("csv", "the batches, as CSV       .csv"),
    ("svg", "the screen, as a picture  .svg"),
)


@dataclass(frozen=True)
class Wanted:
    """What to write, and the folder to write it in."""

    kinds: tuple[Kind, ...]
    folder: Path


class ExportDialog(ModalScreen[Wanted | None]):
    """Ends with what is wanted, or None. ↑ and ↓ choose the kind; the field holds the folder."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", show=False, id="export.back"),
        Binding("up", "move(-1)", "Up", show=False, id="export.up"),
        Binding("down", "move(1)", "Down", show=False, id="export.down"),
    ]

    def __init__(self, stem: str, kinds: Sequence[Kind]) -> None:
        """`stem` is the name of the files without suffixes; `kinds` are those that the run has data for."""
        super().__init__()
        self._stem = stem
        self._kinds = [(kind, words) for kind, words in KINDS if kind in kinds]

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "write this run to files"
            dialog.border_subtitle = "↑ ↓ choose · enter writes · esc goes back"
            options = [Option(words, id=kind) for kind, words in self._kinds]
            if len(options) > 1:
                options.append(Option("all of these", id="all"))
            kinds = OptionList(*options, id="kinds", compact=True, markup=False)
            kinds.can_focus = False
            yield kinds
            yield Static("in the folder", markup=False, classes="about")
            field = Input(str(Path.cwd()), id="folder", compact=True)
            field.cursor_blink = False
            yield field
            yield Static(f"as {visible(self._stem, 48)} …; no file is overwritten", markup=False, classes="about")
            yield Static("", id="problem", markup=False)

    def on_mount(self) -> None:
        """Set up what needs the screen."""
        self.query_one(OptionList).highlighted = 0

    def action_move(self, by: int) -> None:
        """Move the mark; it wraps around."""
        kinds = self.query_one(OptionList)
        kinds.highlighted = ((kinds.highlighted or 0) + by) % kinds.option_count

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one("#problem", Static).update("", layout=False)

    @on(Input.Submitted)
    def _entered(self) -> None:
        option = self.query_one(OptionList).highlighted_option
        self._want(option.id if option else None)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        self._want(event.option_id)

    def _want(self, chosen: str | None) -> None:
        folder = Path(self.query_one(Input).value).expanduser().absolute()
        if not folder.is_dir():
            sentence = f"There is no folder {visible(str(folder))}; name one that is there."
            self.query_one("#problem", Static).update(sentence)
            return
        self.dismiss(Wanted(tuple(kind for kind, _ in self._kinds if chosen in (kind, "all")), folder))


READING_SECONDS: Final = 12.0  # long enough to read a sentence with paths


def ask_what_to_write(app: "FarpairApp", record: RunRecord | None) -> None:
    """Ask in which formats and where to write the run, and write it."""

    def answered(wanted: Wanted | None) -> None:
        if wanted is not None:
            app.call_after_refresh(write, app, record, wanted)  # the picture shows the screen without the dialog

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
