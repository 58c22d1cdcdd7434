"""The models and the state of each one's newest run: a list, or one line where there is little room."""

from collections.abc import Sequence

from textual import events

from ...engine.text.escape import visible
from ..messages import Chosen
from ..view import View, fraction, percent
from .lines import Line, Lines, Role, Span, left, number, right, width_of
from .progress import when
from .status import place

DATE_WIDTH = 17
DATED = 60  # cells from which the date of each model's newest run is shown


def status(view: View) -> Span:
    """The state of a model's newest run: a mark, and its result or progress."""
    record = view.record
    marks: dict[str, tuple[str, Role]] = {
        "broken": ("✗", "bad"),
        "died": ("✗ died", "bad"),
        "failed": ("✗ failed", "bad"),
        "stopped": ("■ stopped", "warn"),
        "terminated": ("■ terminated", "warn"),
        "new": ("–", "dim"),
        "no models": ("", "dim"),
    }
    if view.stage in marks:
        return marks[view.stage]
    if record is not None and record.queued is not None and view.stage == "queued":
        return (f"◌ {place(record.queued)}", "accent")
    if view.stage == "done":
        return (f"✓ {number(record.pair.distance, 10)}" if record and record.pair else "✓ no pair", "good")
    if record is None or record.started is None:
        return ("● starting", "accent")
    return (f"{'‖' if view.stage == 'paused' else '●'} {percent(fraction(record))}", "accent")


def model_lines(views: Sequence[View], shown: int, width: int, height: int) -> list[Line]:
    """One line for each model, the shown one marked and in view, numbered by the keys 1 … 9."""
    first = first_shown(len(views), shown, height)
    dated = width >= DATED
    inside = range(first, min(first + height, len(views)))
    stands = {index: status(views[index]) for index in inside}
    states = max((width_of((stand,)) for stand in stands.values()), default=0)
    room = max(width - states - 5 - (DATE_WIDTH + 2 if dated else 0), 1)
    lines: list[Line] = []
    for index, (state, role) in stands.items():
        view = views[index]
        name = left(visible(view.model.name if view.model else "", room), room)
        line: list[Span] = [
            ("▸" if index == shown else " ", "accent"),
            (f"{index + 1:>2} " if index < 9 else "   ", "dim"),
            (name, "strong" if index == shown else "text"),
            (" ", "text"),
            (right(state, states), role),
        ]
        if dated:
            line.append((f"  {date(view):<{DATE_WIDTH}}", "dim"))
        lines.append(tuple(line))
    return lines


def date(view: View) -> str:
    """When the model's newest run ended; "" where it has not."""
    return when(view.record.last_time) if view.record and not view.going else ""


def first_shown(models: int, shown: int, height: int) -> int:
    """The first model in view: the shown one stands in the middle where the list is longer than its panel."""
    return max(0, min(shown - height // 2, models - height))


def model_line(views: Sequence[View], shown: int, width: int) -> Line:
    """As many models as fit in one line, beginning with the one before the shown one."""
    line: list[Span] = []
    for index in range(max(shown - 1, 0), len(views)):
        view = views[index]
        state, role = status(view)
        name = visible(view.model.name if view.model else "", 26 if index == shown else 16)
        digit = f"{index + 1} " if index < 9 else ""
        part: Line = (
            (" ▸" if index == shown else "  ", "accent"),
            (digit, "dim"),
            (name, "strong" if index == shown else "text"),
            (f" {state} ", role),
        )
        if width_of((*line, *part)) > width - 2:
            line.append((" …", "dim"))
            break
        line += part
    return tuple(line)


class ModelList(Lines):
    """The panel at the left; a click on a model chooses it."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.border_title = "models"
        self._views: Sequence[View] = ()
        self._shown = 0

    def show(self, views: Sequence[View], shown: int) -> None:
        """Draw the models, the one at index `shown` marked."""
        self._views, self._shown = views, shown
        self.redraw()

    def compose_lines(self, width: int, height: int) -> Sequence[Line]:
        """The lines for `width` by `height` cells."""
        if height == 1:
            return (model_line(self._views, self._shown, width),)
        return model_lines(self._views, self._shown, width, height)

    def on_click(self, event: events.Click) -> None:
        """Choose the model that was clicked."""
        if self.size.height > 1 and (offset := event.get_content_offset(self)) is not None:
            index = first_shown(len(self._views), self._shown, self.size.height) + offset.y
            if index < len(self._views):
                self.post_message(Chosen(index))
