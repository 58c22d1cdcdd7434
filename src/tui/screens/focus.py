"""Which panel of the main screen is marked, and whether it fills the screen."""

from textual.containers import Container
from textual.widget import Widget

FIRST = "batches"  # the panel that the first step comes to


class Focus:
    """The mark among `panels`: classes for the stylesheet. The arrows move the table wherever it is."""

    def __init__(self, panels: Container) -> None:
        self._panels = panels

    @property
    def full(self) -> bool:
        """Whether a panel fills the screen."""
        return self._panels.has_class("-full")

    def step(self, by: int) -> None:
        """Mark the next panel of those that are shown (`by` 1) or the one before (-1), round the ends."""
        ring = [panel for panel in self._panels.children if self._can_be_marked(panel)]
        marked = self.marked
        if marked in ring:
            self._mark(ring[(ring.index(marked) + by) % len(ring)])
        else:
            self._mark(self._panels.query_one(f"#{FIRST}"))

    def to(self, widget: Widget) -> None:
        """Mark the panel that `widget` is, or is in."""
        for panel in self._panels.children:
            if panel in widget.ancestors_with_self and self._can_be_marked(panel):
                self._mark(panel)

    def fill(self) -> None:
        """Let the marked panel fill the screen, or give it back."""
        if self.full:
            self.give_back()
            return
        if self.marked is None:
            self.step(1)
        self._panels.add_class("-full")

    def give_back(self) -> None:
        self._panels.remove_class("-full")

    def stay_on_what_is_shown(self) -> None:
        """Mark no panel where the marked one has been taken away."""
        marked = self.marked
        if marked is not None and not self._can_be_marked(marked):
            self.leave()

    def leave(self) -> None:
        """Mark no panel."""
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
        """Whether a panel has a place on the screen when no other fills it, and more to show than a line."""
        return panel.id != "progress" and not panel.has_class("-away")
