"""Which panels are laid out on the main screen, which of them is marked, and whether it fills the screen.

Where there is room for all plots, they have a row of their own. Where there is not, the last place among the
results shows the cluster's numbers or one of the plots in turn. Before anyone turns it, it shows the line of batch
maxima as long as there are no numbers.
"""

from typing import Final

from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget

from ..view import View
from ..widgets.panel import Panel
from .panels import PANELS, panels_of

FIRST = "batches"  # the panel that the first step comes to


class Focus:
    """The mark among `panels`, set as stylesheet classes. The arrow keys move the table's cursor wherever the mark
    is."""

    def __init__(self, panels: Container) -> None:
        self._panels = panels

    @property
    def full(self) -> bool:
        """Whether a panel fills the screen."""
        return self._panels.has_class("-full")

    def step(self, by: int) -> None:
        """Mark the next shown panel (`by` 1) or the previous one (-1); the order wraps around."""
        ring = [panel for panel in self._panels.children if self._can_be_marked(panel)]
        marked = self.marked
        if marked in ring:
            self._mark(ring[(ring.index(marked) + by) % len(ring)])
        else:
            self._mark(self._panels.query_one(f"#{FIRST}"))

    def to(self, widget: Widget) -> None:
        """Mark the panel that `widget` is or is within."""
        for panel in self._panels.children:
            if panel in widget.ancestors_with_self and self._can_be_marked(panel):
                self._mark(panel)

    def fill(self) -> None:
        """Let the marked panel fill the screen, or restore the layout."""
        if self.full:
            self.give_back()
            return
        if self.marked is None:
            self.step(1)
        self._panels.add_class("-full")

    def give_back(self) -> None:
        """Restore the layout where a panel fills the screen."""
        self._panels.remove_class("-full")

    def stay_on_what_is_shown(self) -> None:
        """Remove the mark where the marked panel is no longer shown."""
        marked = self.marked
        if marked is not None and not self._can_be_marked(marked):
            self.leave()

    def leave(self) -> None:
        """Remove the mark."""
        self._panels.remove_class("-full")
        self._mark(None)

    @property
    def marked(self) -> Widget | None:
        """The marked panel."""
        return next((panel for panel in self._panels.children if panel.has_class("-marked")), None)

    def _mark(self, marked: Widget | None) -> None:
        for panel in self._panels.children:
            panel.set_class(panel is marked, "-marked")

    def _can_be_marked(self, panel: Widget) -> bool:
        """Whether a panel is shown when no other fills the screen, and is more than one line high."""
        return panel.id in MARKED and not panel.has_class("-away")


MARKED: Final = frozenset(panel.id for panel in PANELS if panel.marked)
PLOTS: Final = panels_of("plot")
RING: Final = panels_of("numbers", "plot")


class Plots:
    """The places of the plots on `screen`, set as stylesheet classes."""

    def __init__(self, screen: Screen[None], marking: Focus) -> None:
        self._screen, self._marking = screen, marking
        self._turned_to: str | None = None
        self._shown = RING[0]

    def lay_out(self, view: View, *, for_notice: bool, all_fit: bool) -> None:
        """Give the plots of `view` their places, or none where a notice replaces the results."""
        searching = view.record is not None and view.record.analysis is None
        self._shown = self._turned_to or ("maxima" if searching else "statistics")
        for name in RING:
            has_place = name == self._shown or (all_fit and (name in PLOTS or self._shown in PLOTS))
            panel = self._screen.query_one(f"#{name}", Panel)
            panel.set_class(for_notice or not has_place, "-away")
            panel.hint = "" if all_fit else " · p for more"

    def turn(self, *, all_fit: bool) -> None:
        """Show the next plot; where all are shown, mark the next one instead."""
        marked = self._marking.marked
        ring = PLOTS if all_fit else RING
        at = marked.id if marked and marked.id in ring else self._shown
        name = ring[(ring.index(at) + 1) % len(ring)] if at in ring else ring[0]
        if not all_fit:
            self._turned_to = name
        if all_fit or (marked is not None and marked.id in RING):
            panel = self._screen.query_one(f"#{name}")
            panel.remove_class("-away")
            self._marking.to(panel)
