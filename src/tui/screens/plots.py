"""Which plots have a place on the main screen.

Where there is room for all, they stand in a row of their own. Where there is not, the last place among the
results is turned from the cluster's numbers to one plot after another. Until somebody turns it, it shows the
line of batch maxima while there are no numbers yet.
"""

from typing import Final

from textual.screen import Screen

from ..view import View
from ..widgets.panel import Panel
from .focus import Focus

PLOTS: Final = ("maxima", "distances", "ladder")
RING: Final = ("statistics", *PLOTS)


class Plots:
    """The plots' places on `screen`: classes for the stylesheet."""

    def __init__(self, screen: Screen[None], marking: Focus) -> None:
        self._screen, self._marking = screen, marking
        self._turned_to: str | None = None
        self._shown = RING[0]

    def lay_out(self, view: View, *, for_notice: bool, all_fit: bool) -> None:
        """Give the plots of `view` their places, or none where a notice stands in place of the results."""
        searching = view.record is not None and view.record.analysis is None
        self._shown = self._turned_to or ("maxima" if searching else "statistics")
        for name in RING:
            has_place = name == self._shown or (all_fit and (name in PLOTS or self._shown in PLOTS))
            panel = self._screen.query_one(f"#{name}", Panel)
            panel.set_class(for_notice or not has_place, "-away")
            panel.hint = "" if all_fit else " · p for more"

    def turn(self, *, all_fit: bool) -> None:
        """Turn to the next; where all have a place, mark the next plot instead."""
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
