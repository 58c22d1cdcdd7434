"""The live table: one row for every batch from the start; only rows that look different are repainted."""

import time
from collections.abc import Callable
from typing import Final

from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from ....engine.journal.record import BatchRecord, RunRecord
from ...messages import BatchChosen
from ...view import View
from ..lines import EMPTY, Line, changed_cells, strip_of, wrap
from .filter import Filter
from .order import COLUMNS, BatchOrder, Sort, first_sort
from .rows import batch_line, column_at, heading, shown_columns
from .titles import NO_MATCH, empty_sentence, table_title

HEADING_ROWS: Final = 1
CALM: Final = 1.0  # seconds between two reorderings of settled rows
JUMPS_EVERY: Final = 3.0  # seconds: batches settle in any order; a table that jumps often cannot be read


class BatchTable(ScrollView, can_focus=False):
    """The table of batch maxima.

    While it is not sorted or filtered and has no cursor, it follows the run: the batch settled last stays in view.
    Once moved, the cursor stays on its batch, and the batch on its line of the screen where scrolling allows,
    until `follow` is called. The contents of rows are always current; sorted or filtered rows move at most once a
    second.
    """

    ALLOW_SELECT = False

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._titled = self.border_title = "batches"
        self.cursor: int | None = None  # the batch it is on
        self.chosen: int | None = None  # the batch whose pair the panels are to show
        self.problem = ""
        self._record: RunRecord | None = None
        self._order = BatchOrder()
        self._best: BatchRecord | None = None
        self._newest: int | None = None
        self._empty = ""
        self._drawn: list[tuple[Line, bool]] = []
        self._ordered_at = 0.0
        self._ordering: Timer | None = None
        self._jumped_at = 0.0
        self._jump: Timer | None = None

    @property
    def sort(self) -> Sort:
        """The order of the rows."""
        return self._order.sort

    @property
    def filter(self) -> Filter:
        """Which batches are shown."""
        return self._order.filter

    def show(self, view: View) -> None:
        """Draw the batches of `view`; rows that stay the same are not repainted."""
        record = view.record if view.record and view.record.started else None
        same = record is self._record
        self._record, self._best = record, view.best
        self._empty = empty_sentence(view)
        self._newest = self._followed(view)
        if not same:
            self._choose(None)
            self.cursor = None
            self._arrange(self.sort, self.filter)
            self.scroll_to(y=0, animate=False, force=True)
        elif self._order.plain:
            self._fit()
        else:
            self._catch_up(at_once=not view.going)
        self._keep_up(at_once=not view.going)
        self._say_what_is_shown()
        self._repaint()

    def move_cursor(self, rows: int) -> None:
        """Move the cursor by `rows`; it appears beside the batch settled last where there was none."""
        if not len(self._order):
            return
        last = len(self._order) - 1
        if self.cursor is None:
            top = round(self.scroll_y)
            bottom = min(top + self._rows_in_view - 1, last)
            newest = self._order.place_of(self._newest) if self._newest is not None else None
            place = newest if newest is not None and top <= newest <= bottom else min(top, last)
        else:
            place = max(0, min((self._order.place_of(self.cursor) or 0) + rows, last))
        self._put_cursor(self._order.at(place))

    def move_page(self, pages: int) -> None:
        """Move the cursor by `pages` of what is in view."""
        if self.cursor is None:
            self.move_cursor(0)
        self.move_cursor(pages * max(self._rows_in_view - 1, 1))

    def move_to_end(self, side: int) -> None:
        """Move the cursor to the first row (`side` -1) or the last (1)."""
        if self.cursor is None:
            self.move_cursor(0)
        self.move_cursor(side * len(self._order))

    def follow(self) -> None:
        """Take the cursor away and follow the run again."""
        self._choose(None)
        self.cursor = None
        self._keep_lines(lambda: self._order.keep(None))
        if self._order.plain:
            self._reveal(self._newest)
        self._say_what_is_shown()
        self._repaint()

    def choose(self) -> None:
        """Choose the batch under the cursor, and from then on each batch that the cursor moves to; called again,
        choose none."""
        if self.chosen is not None:
            self._choose(None)
        else:
            if self.cursor is None:
                self.move_cursor(0)
            self._choose(self.cursor)
        self._repaint()

    def let_go(self) -> None:
        """Choose no batch; the cursor stays."""
        self._choose(None)
        self._repaint()

    def sort_by(self, sort: Sort) -> None:
        """Sort the rows as `sort` says."""
        self._arrange(sort, self.filter)

    def sort_by_next(self) -> None:
        """Sort by the next of the columns that are shown."""
        shown = shown_columns(self._record, self._room.width) if self._record else COLUMNS
        at = shown.index(self.sort.column) if self.sort.column in shown else -1
        self.sort_by(first_sort(shown[(at + 1) % len(shown)]))

    def filter_by(self, filter: Filter) -> None:
        """Show only the batches that `filter` admits."""
        self._arrange(self.sort, filter)

    def say_problem(self, problem: str) -> None:
        """Show in the title what is wrong with the filter that is being typed."""
        self.problem = problem
        self._say_what_is_shown()

    def render_line(self, y: int) -> Strip:
        """The strip of row `y`."""
        line, under_cursor = self._at(y)
        return strip_of(self, line, self._room.width, "cursor" if under_cursor else None)

    def on_resize(self, _: events.Resize) -> None:
        """Fit to the new size."""
        if self.cursor is not None or self._order.plain:
            self._reveal(self.cursor if self.cursor is not None else self._newest)
        self._say_what_is_shown()
        self._drawn = []
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Sort by the column whose head was clicked, or move the cursor to the row."""
        if self._record is None or (offset := event.get_content_offset(self)) is None:
            return
        place = offset.y - HEADING_ROWS + round(self.scroll_y)
        if offset.y < HEADING_ROWS:
            if column := column_at(self._record, self._room.width, offset.x):
                same = column == self.sort.column
                self.sort_by(self.sort.reversed() if same else first_sort(column))
        elif place < len(self._order):
            if self._order.at(place) == self.cursor:
                self.choose()
            else:
                self._put_cursor(self._order.at(place))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Redraw every row after the table has scrolled."""
        super().watch_scroll_y(old_value, new_value)
        self._drawn = []

    @property
    def _room(self) -> Size:
        """The width without the scrollbar."""
        return self.scrollable_content_region.size

    @property
    def _rows_in_view(self) -> int:
        return max(self._room.height - HEADING_ROWS, 1)

    def _followed(self, view: View) -> int | None:
        """The batch to keep in view: the one settled last, or after the end the one that holds the pair."""
        if view.record and view.record.pair and view.best:
            return view.best.batch
        return view.newest

    def _keep_up(self, *, at_once: bool = False) -> None:
        """Follow the run to the batch settled last; unless `at_once`, not soon after the previous time."""
        if self.cursor is not None or not self._order.plain:
            return
        wait = self._jumped_at + JUMPS_EVERY - time.monotonic()
        if at_once or wait <= 0:
            top = self.scroll_y
            self._reveal(self._newest)
            self._jumped_at = time.monotonic() if self.scroll_y != top else self._jumped_at
        elif self._jump is None:
            self._jump = self.set_timer(wait, self._keep_up_later)

    def _keep_up_later(self) -> None:
        self._jump = None
        self._keep_up()
        self._repaint()

    def _put_cursor(self, batch: int) -> None:
        self.cursor = batch
        self._order.keep(batch)
        self._fit()
        if self.chosen is not None:
            self._choose(batch)
        self._reveal(batch)
        self._say_what_is_shown()
        self._repaint()

    def _choose(self, batch: int | None) -> None:
        if batch != self.chosen:
            self.chosen = batch
            self._say_what_is_shown()
            self.post_message(BatchChosen(batch))

    def _arrange(self, sort: Sort, filter: Filter) -> None:
        """Sort and filter again; a cursor on a batch that is no longer shown moves to the first that is."""
        self.problem = ""

        def arrange() -> None:
            self._order.arrange(self._record, sort, filter)
            self._ordered_at = time.monotonic()
            if self.cursor is not None and self._order.place_of(self.cursor) is None:
                self.cursor = self._order.at(0) if len(self._order) else None
                if self.chosen is not None:
                    self._choose(self.cursor)
            self._order.keep(self.cursor)

        self._keep_lines(arrange)
        if self.cursor is None:
            self.scroll_to(y=0, animate=False, force=True)
            if self._order.plain:
                self._reveal(self._newest)
        else:
            self._reveal(self.cursor)
        self._say_what_is_shown()
        self._repaint()

    def _catch_up(self, *, at_once: bool = False) -> None:
        """Move rows that have changed to their places; where that was just done, a moment later."""
        if not self._order.behind():
            return
        wait = self._ordered_at + CALM - time.monotonic()
        if wait <= 0 or at_once:
            self._ordered_at = time.monotonic()
            self._keep_lines(self._order.catch_up)
        elif self._ordering is None:
            self._ordering = self.set_timer(wait, self._catch_up_later)

    def _catch_up_later(self) -> None:
        self._ordering = None
        self._catch_up()
        self._say_what_is_shown()
        self._repaint()

    def _keep_lines(self, change: Callable[[], None]) -> None:
        """Let `change` reorder the rows; the row under the cursor stays on its line where possible."""
        place = None if self.cursor is None else self._order.place_of(self.cursor)
        line = None if place is None else place - round(self.scroll_y)
        change()
        self._fit()
        place = None if self.cursor is None else self._order.place_of(self.cursor)
        if place is not None and line is not None and 0 <= line < self._rows_in_view:
            self.scroll_to(y=max(place - line, 0), animate=False, force=True)
        elif self.scroll_y > (last := max(len(self._order) - self._rows_in_view, 0)):
            self.scroll_to(y=last, animate=False, force=True)

    def _fit(self) -> None:
        """Set the height of the scrolled area to the number of rows."""
        if self.virtual_size.height != (height := len(self._order) + HEADING_ROWS):
            self.virtual_size = Size(1, height)

    def _reveal(self, batch: int | None) -> None:
        """Scroll so that `batch` is in view, by most of a page, so that following a run repaints seldom."""
        row = None if batch is None else self._order.place_of(batch)
        if row is None or not self._room.height:
            return
        top, height = round(self.scroll_y), self._rows_in_view
        if top <= row < top + height:
            return
        nearest = row if row < top else row - height + 1
        top = nearest if self.cursor is not None else max(row - height // 4, 0)
        self.scroll_to(y=top, animate=False, force=True)  # the scrollbar may not have been laid out yet

    def _repaint(self) -> None:
        """Refresh the rows that look different from what is drawn."""
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
            return self._sentence(self._empty, y), False
        if y < HEADING_ROWS:
            return heading(self._record, width, self.sort), False
        if not len(self._order):
            return self._sentence(NO_MATCH, y - HEADING_ROWS), False
        place = y - HEADING_ROWS + round(self.scroll_y)
        if place >= len(self._order):
            return EMPTY, False
        batch = self._order.at(place)
        return batch_line(self._record, batch, self._best, width, self.chosen), batch == self.cursor

    def _sentence(self, sentence: str, y: int) -> Line:
        lines = wrap(sentence, max(self._room.width - 2, 1), "dim")
        return (("  ", "dim"), *lines[y]) if y < len(lines) else EMPTY

    def _say_what_is_shown(self) -> None:
        title = table_title(
            self._order,
            self._record,
            width=self._room.width,
            problem=self.problem,
            reading=self.cursor is not None,
            chosen=self.chosen is not None,
        )
        if title != self._titled:
            self._titled = title
            self.border_title = Content(title)  # never markup, because it quotes what was typed
