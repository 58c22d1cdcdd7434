"""A page to read and scroll: the help and a run's notes."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ..widgets.lines import EMPTY, ROLE_CLASSES, Line, strip_of

Compose = Callable[[int], Sequence[Line]]


class Page(ModalScreen[None]):
    """Shows the lines that `compose_page` makes for a width; the usual keys scroll and go back."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(ROLE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,h,n,c,enter", "dismiss(None)", "Back", show=False, id="page.back"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="page.up"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="page.down"),
        Binding("pageup", "scroll_page(-1)", "Page up", show=False, id="page.page-up"),
        Binding("pagedown,space", "scroll_page(1)", "Page down", show=False, id="page.page-down"),
        Binding("home", "scroll(-1000000)", "Top", show=False, id="page.top"),
        Binding("end", "scroll(1000000)", "Bottom", show=False, id="page.bottom"),
    ]

    def __init__(self, title: str, compose_page: Compose) -> None:
        super().__init__()
        self._title = title
        self._compose_page = compose_page

    def on_mount(self) -> None:
        """Set up what needs the screen."""
        self.app.clear_notifications()  # toasts would cover the text

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        text = PageText(self._compose_page)
        text.border_title = self._title
        text.border_subtitle = "↑ ↓ scroll · esc goes back"
        yield text

    def action_scroll(self, rows: int) -> None:
        """Scroll so many rows."""
        text = self.query_one(PageText)
        text.scroll_to(y=text.scroll_y + rows, animate=False)

    def action_scroll_page(self, pages: int) -> None:
        """Scroll so many pages."""
        self.action_scroll(pages * max(self.query_one(PageText).size.height - 1, 1))


class PageText(ScrollView, can_focus=False):
    """The text, composed anew for each width."""

    ALLOW_SELECT = False

    def __init__(self, compose_page: Compose) -> None:
        super().__init__()
        self._compose_page = compose_page
        self._text: Sequence[Line] = ()

    def on_resize(self, _: events.Resize) -> None:
        """Fit to the new size."""
        self._text = self._compose_page(self.scrollable_content_region.width)
        if self.virtual_size.height != len(self._text):
            self.virtual_size = Size(1, len(self._text))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The strip of row `y`."""
        row = y + round(self.scroll_y)
        return strip_of(
            self, self._text[row] if row < len(self._text) else EMPTY, self.scrollable_content_region.width
        )
