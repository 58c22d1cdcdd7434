"""The panels of the main screen in one table, from which the screen, its layout and the help are made.

A new panel is its widget, a row here and its size in app.tcss.
"""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from textual.widget import Widget

from ..widgets.batches.table import BatchTable
from ..widgets.model_list import ModelList
from ..widgets.notice import NoticePanel
from ..widgets.outliers import Outliers
from ..widgets.plots.histogram import Distances
from ..widgets.plots.ladder import LadderPanel
from ..widgets.plots.maxima import Maxima
from ..widgets.progress import ProgressLine
from ..widgets.statistics import Statistics
from ..widgets.triangle import TrianglePanel

# When a panel is shown: "always"; "result", unless a notice replaces the results; "numbers" and "plot", which
# share one place among the results where there is no room for all; "notice", in place of the results.
Place = Literal["always", "result", "numbers", "plot", "notice"]


class PanelEntry(NamedTuple):
    """A panel: its `id`, for the stylesheet too, the `widget` that draws it, and its `place`.

    `name` and `help` are its entry in the help ("" for none). `marked` is whether it can be marked, and so fill
    the screen.
    """

    id: str
    widget: Callable[..., Widget]
    place: Place
    name: str = ""
    help: str = ""
    marked: bool = True


PANELS: Final = (
    PanelEntry(
        "models", ModelList, "always", "models",
        "The models found, numbered as the keys 1 to 9 show them; ● searching, ◌ 2nd in line, "
        "‖ paused, ✓ done with the farthest distance, ■ stopped, ✗ broken, failed or died, – not searched. "
        "Switching stops nothing. Runs on one device wait for one another, in the order asked, "
        "but not for a paused one.",
    ),
    PanelEntry(
        "progress", ProgressLine, "always", "progress",
        "Batches settled, pairs settled in percent, pairs a second; after the end, "
        "when and how long the search was.",
        marked=False,
    ),
    PanelEntry(
        "batches", BatchTable, "always", "batches",
        "One line a batch of rows. ≥ is a lower bound, found so far; ✓ is proved. ★ marks the batches "
        "that hold the farthest pair, and ▸ the batch whose own pair the panels show, chosen with enter. The "
        "table follows the run until the cursor is moved, and what is under the "
        "cursor stays there. Sorted or filtered, rows change places once a second at most.",
    ),
    PanelEntry(
        "outliers", Outliers, "result", "outliers",
        "Every outlier, the farthest from the centroid first; i and j mark the farthest pair. A token of "
        "the pair that is no outlier stands last, without a rank. f shows every column.",
    ),
    PanelEntry(
        "triangle", TrianglePanel, "result", "triangle",
        "Centroid c and the two tokens i and j, to scale; each angle beside the side opposite it.",
    ),
    PanelEntry(
        "statistics", Statistics, "numbers", "cluster",
        "Norms and distances of all rows of the cluster, its centroid, and its identical rows.",
    ),
    PanelEntry(
        "maxima", Maxima, "plot", "batch maxima",
        "The maximum of every batch, or its lower bound so far, in the cluster's order. p turns from "
        "the cluster's numbers to this plot and the next two; a large screen has room for all of them.",
    ),
    PanelEntry(
        "distances", Distances, "plot", "distances",
        "How many tokens lie how far from the centroid, both scales logarithmic; outliers are "
        "in another colour, and i and j stand under the pair.",
    ),
    PanelEntry(
        "ladder", LadderPanel, "plot", "ladder",
        "The diameter without the k farthest tokens, k = 0, 1, …, on a logarithmic scale; ▲ and ★ mark "
        "where it collapses.",
    ),
    PanelEntry("notice", NoticePanel, "notice"),
)  # fmt: skip


def panels_of(*places: Place) -> tuple[str, ...]:
    """The ids of the panels of these places, in the table's order."""
    return tuple(panel.id for panel in PANELS if panel.place in places)
