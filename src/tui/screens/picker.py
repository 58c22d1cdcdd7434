"""The model picker: lists the models whose names hold the letters typed, best match first."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from ...engine.text.escape import visible
from ..view import View
from ..widgets.model_list import date, status


class ModelPicker(ModalScreen[int | None]):
    """Ends with the index of the model that was picked, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back", show=False, id="picker.back"),
        Binding("up", "move(-1)", "Up", show=False, id="picker.up"),
        Binding("down", "move(1)", "Down", show=False, id="picker.down"),
        Binding("pageup", "move(-10)", "Page up", show=False, id="picker.page-up"),
        Binding("pagedown", "move(10)", "Page down", show=False, id="picker.page-down"),
    ]

    def __init__(self, views: Sequence[View], shown: int, title: str = "find a model") -> None:
        super().__init__()
        self._views = views
        self._shown = shown
        self._title = title

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = self._title
            dialog.border_subtitle = "enter takes it · esc goes back"
            field = Input(placeholder="a few letters of its name", id="letters", compact=True)
            field.cursor_blink = False
            yield field
            yield OptionList(id="found", compact=True)

    def on_mount(self) -> None:
        """Set up what needs the screen."""
        found = self.query_one(OptionList)
        found.can_focus = False
        self._list("")
        found.highlighted = self._shown

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._list(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        found = self.query_one(OptionList)
        option = found.highlighted_option
        if option is not None and option.id is not None:
            self.dismiss(int(option.id))

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        if event.option_id is not None:
            self.dismiss(int(event.option_id))

    def action_move(self, by: int) -> None:
        """Move the mark by that many models; a step of one wraps around."""
        found = self.query_one(OptionList)
        last = found.option_count - 1
        at = found.highlighted
        if at is not None and last >= 0:
            found.highlighted = (at + by) % (last + 1) if abs(by) == 1 else max(0, min(at + by, last))

    def _list(self, letters: str) -> None:
        """List the models whose names hold `letters` in order, the best match first."""
        found = self.query_one(OptionList)
        found.clear_options()
        found.add_options(
            Option(_prompt(self._views[index], index), id=str(index)) for index in matches(self._views, letters)
        )
        if found.option_count:
            found.highlighted = 0


def matches(views: Sequence[View], letters: str) -> list[int]:
    """The indexes of the models whose names hold `letters` in order, not necessarily next to each other, best
    first."""
    names = [view.model.name if view.model else "" for view in views]
    wanted = letters.strip()
    if not wanted:
        return list(range(len(names)))
    matcher = Matcher(wanted)
    scored = [(matcher.match(name), index) for index, name in enumerate(names)]
    return [index for score, index in sorted(scored, key=lambda pair: (-pair[0], pair[1])) if score > 0]


def _prompt(view: View, index: int) -> Content:
    """One model in the list: never markup, whatever its name holds."""
    name = visible(view.model.name if view.model else "", 44)
    state, _ = status(view)
    number = str(index + 1) if index < 9 else ""
    return Content("  ".join(filter(None, (f"{number:>2} {name}", state, date(view)))))
