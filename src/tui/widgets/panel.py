"""A panel: a widget with a title that shows a view."""

from collections.abc import Sequence

from textual.content import Content

from ...engine.text.escape import visible
from ..view import View
from .lines import Line, Lines, wrap


class Panel(Lines):
    """Shows a view as the lines that `view_lines` makes of it."""

    TITLE = ""
    hint = ""  # after the title: the key that shows more in the panel's place

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._title = self.border_title = self.TITLE
        self._view: View | None = None

    def show(self, view: View) -> None:
        """Draw `view` as it is now; its record may have changed although it is the same object."""
        self._view = view
        if (title := self.title(view) + self.hint) != self._title:
            self._title = title
            self.border_title = Content(title)
        self.redraw()

    def title(self, view: View) -> str:  # noqa: ARG002
        """The panel's title for `view`, escaped."""
        return self.TITLE

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:
        """The lines that show `view` in `width` by `height` cells."""
        raise NotImplementedError

    def compose_lines(self, width: int, height: int) -> Sequence[Line]:
        """The lines for `width` by `height` cells."""
        if self._view is None:
            return ()
        try:
            return self.view_lines(self._view, width, height)
        except Exception as fault:  # unforeseen numbers must not bring the screen down
            return wrap(f"This cannot be shown: {visible(repr(fault))}.", width, "bad")


def title_of(title: str, view: View) -> str:
    """A panel's title, with the batch whose pair it shows where that is not the whole cluster's."""
    return title if view.chosen is None else f"{title} · batch {view.chosen}'s pair"
