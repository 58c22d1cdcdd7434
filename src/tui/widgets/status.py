"""The place of a run in its device's queue, in words."""

from ...engine.events import Queued
from ...engine.journal.record import RunRecord
from ...engine.text.escape import visible


def place(queued: Queued) -> str:
    """The run's place in its device's queue: "2nd in line" behind one other."""
    number = queued.ahead + 1
    teens = 10 < number % 100 < 14
    ending = "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending} in line"


def waiting_for(record: RunRecord) -> str:
    """Which run it is queued behind: "queued behind Qwen3-4B"; "" where it is not queued."""
    if record.queued is None:
        return ""
    device = visible(record.engine.request.settings.device, 20) if record.engine else "its device"
    behind = record.queued.behind
    if behind is None:
        return f"queued on {device}"
    # A run's id is its date, its time, its model and four digits (see `engine.run_folders`).
    model = "-".join(behind.split("-")[2:-1])
    return f"queued behind {visible(model or behind, 40)}"
