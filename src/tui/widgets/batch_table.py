"""The live table: every batch a row from the first moment; only rows that look different are repainted."""

from typing import Final

from textual import events
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...engine.record import BatchRecord, RunRecord
from ..view import View
from .batch_rows import batch_line, heading
from .lines import EMPTY, Line, changed_cells, strip_of, wrap

HEADING_ROWS: Final = 1


class BatchTable(ScrollView, can_focus=False):
    """The table of batch maxima.

    While nobody moves its cursor it follows the run: the batch settled last stays in view. Once the cursor is
    moved it stays where the person put it, until `follow`.
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = "batches"
        self.cursor: int | None = None
        self._record: RunRecord | None = None
        self._best: BatchRecord | None = None
        self._newest: int | None = None
        self._empty = ""
        self._drawn: list[tuple[Line, bool]] = []

    def show(self, view: View) -> None:
        """Draw the batches of `view`; rows that stay the same are not repainted."""
        record = view.record if view.record and view.record.started else None
        same = record is self._record
        self._record, self._best = record, view.best
        self._empty = _empty_sentence(view)
        self._newest = self._followed(view)
        rows = len(record.batches) if record else 0
        if not same:
            self.cursor = None
            self._say_following()
        if self.virtual_size.height != rows + HEADING_ROWS:
            self.virtual_size = Size(1, rows + HEADING_ROWS)
        if not same:
            self.scroll_to(y=0, animate=False, force=True)
        if self.cursor is None:
            self._reveal(self._newest)
        self._repaint()

    def move_cursor(self, rows: int) -> None:
        """Move the cursor by `rows`; it appears beside the batch settled last where there was none."""
        if self._record is None:
            return
        last = len(self._record.batches) - 1
        if self.cursor is None:
            top = round(self.scroll_y)
            bottom = min(top + self._rows_in_view - 1, last)
            newest = self._newest if self._newest is not None else top
            start = newest if top <= newest <= bottom else top
            self.cursor = start
        else:
            self.cursor = max(0, min(self.cursor + rows, last))
        self._say_following()
        self._reveal(self.cursor)
        self._repaint()

    def move_page(self, pages: int) -> None:
        """Move the cursor by `pages` of what is in view."""
        if self.cursor is None:
            self.move_cursor(0)
        self.move_cursor(pages * max(self._rows_in_view - 1, 1))

    def move_to_end(self, side: int) -> None:
        """Move the cursor to the first batch (`side` -1) or the last (1)."""
        if self.cursor is None:
            self.move_cursor(0)
        self.move_cursor(side * (len(self._record.batches) if self._record else 0))

    def follow(self) -> None:
        """Take the cursor away and follow the run again."""
        self.cursor = None
        self._say_following()
        if self._newest is not None:
            self._reveal(self._newest)
        self._repaint()

    def render_line(self, y: int) -> Strip:
        line, under_cursor = self._at(y)
        return strip_of(self, line, self._room.width, "cursor" if under_cursor else None)

    def on_resize(self, _: events.Resize) -> None:
        self._reveal(self.cursor if self.cursor is not None else self._newest)
        self._drawn = []
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        if self._record and (offset := event.get_content_offset(self)) is not None:
            index = offset.y - HEADING_ROWS + round(self.scroll_y)
            if offset.y >= HEADING_ROWS and index < len(self._record.batches):
                self.cursor = index
                self.move_cursor(0)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._drawn = []

    @property
    def _room(self) -> Size:
        """The cells that are not the scrollbar's."""
        return self.scrollable_content_region.size

    @property
    def _rows_in_view(self) -> int:
        return max(self._room.height - HEADING_ROWS, 1)

    def _followed(self, view: View) -> int | None:
        """The batch to keep in view: at the end the one that holds the pair, before that the newest."""
        if view.record and view.record.pair and view.best:
            return view.best.batch
        return view.newest

    def _reveal(self, row: int | None) -> None:
        """Scroll, if need be, so that `row` is in view: by most of a page, so that following repaints seldom."""
        if row is None or not self._room.height:
            return
        top, height = round(self.scroll_y), self._rows_in_view
        if top <= row < top + height:
            return
        nearest = row if row < top else row - height + 1
        top = nearest if self.cursor is not None else max(row - height // 4, 0)
        self.scroll_to(y=top, animate=False, force=True)  # the scrollbar may not have been laid out yet

    def _repaint(self) -> None:
        """Refresh the rows that would look different from what is drawn."""
        width, height = self._room
        now = [self._at(y) for y in range(height)]
        before, self._drawn = self._drawn, now
        if len(before) != len(now):
            self.refresh()
            return
        changed: list[Region] = []
        for y, ((was, was_under), (line, under)) in enumerate(zip(before, now, strict=True)):
            if was_under != under:
                changed.append(Region(0, y, width, 1))
            elif was != line and (cells := changed_cells(was, line, width)):
                changed.append(Region(cells[0], y, cells[1], 1))
        if changed:
            self.refresh(*changed)

    def _at(self, y: int) -> tuple[Line, bool]:
        """The line at row `y` of the widget, and whether the cursor is on it."""
        width = self._room.width
        if self._record is None:
            sentence = wrap(self._empty, max(width - 2, 1), "dim")
            return ((("  ", "dim"), *sentence[y]) if y < len(sentence) else EMPTY), False
        if y < HEADING_ROWS:
            return heading(self._record, width), False
        index = y - HEADING_ROWS + round(self.scroll_y)
        return batch_line(self._record, index, self._best, width), index == self.cursor

    def _say_following(self) -> None:
        title = "batches" if self.cursor is None else "batches: esc follows the run"
        if self.border_title != title:
            self.border_title = title


def _empty_sentence(view: View) -> str:
    """What stands where the batches will be."""
    match view.stage:
        case "queued" | "starting":
            return "The batches appear here as soon as the rows are read."
        case "no models" | "broken":
            return ""
        case "new":
            return "Each batch of rows gets a line here: its maximum, and the pair that attains it."
        case _:
            return "The run ended before its first batch."
