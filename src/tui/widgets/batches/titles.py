"""The texts of the live table: how many of its rows are shown, and the text shown while it has none."""

from rich.cells import cell_len

from ....engine.journal.record import RunRecord
from ....engine.text.escape import visible
from ....engine.text.numbers import count
from ...view import View
from .order import BatchOrder
from .rows import shown_columns

NO_MATCH = "No batch matches; esc shows all of them again."


def table_title(
    order: BatchOrder, record: RunRecord | None, *, width: int, problem: str, reading: bool, chosen: bool
) -> str:
    """The table's title, in as many words as fit in `width` cells: the filter, or the `problem` with the one being
    typed; the sorted column where it is not in sight; and what esc does while the table is `reading`.
    """
    parts = ["batches"]
    if problem:
        parts.append(problem)
    elif order.filter.tests and record is not None:
        parts.append(f"{count(len(order))} of {count(len(record.batches))} match {visible(order.filter.text, 24)}")
    if record is not None and order.sort.column not in shown_columns(record, width):
        parts.append(f"by {order.sort.column} {'▼' if order.sort.descending else '▲'}")
    if chosen:
        parts.append("esc: the whole cluster's pair")
    elif order.filter.tests and not problem:
        parts.append("esc shows all")
    elif reading:
        parts.append("esc follows the run")
    while len(parts) > 1 and cell_len(" · ".join(parts)) > width - 4:
        parts.pop()
    return " · ".join(parts)


def empty_sentence(view: View) -> str:
    """The text in place of the batches before there are any."""
    match view.stage:
        case "queued" | "starting":
            return "The batches appear here as soon as the rows are read."
        case "no models" | "broken":
            return ""
        case "new":
            return "Each batch of rows gets a line here: its maximum, and the pair that attains it."
        case _:
            return "The run ended before its first batch."
