"""The first line, with the model and the settings of the next run, and the last line, with the keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len

from ...engine.text.escape import visible
from ...engine.text.numbers import count
from ..keys import footer
from ..view import View
from .lines import EMPTY, Line, Lines, Span, spread, width_of
from .panel import Panel

if TYPE_CHECKING:
    from ..app import FarpairApp


def title_line(view: View, width: int) -> Line:
    """The program, the model, its rows and device; at the right, warnings and the next run's batch and device."""
    settings: Line = ((f"batch {view.settings.run.batch} · {visible(view.settings.run.device, 10)} ", "dim"),)
    if view.replay:
        settings = ((f"{view.replay} ", "warn"),)
    notes: Line = EMPTY
    if view.record and view.record.warnings:
        n = len(view.record.warnings)
        notes = ((f"! {n} note{'s' if n > 1 else ''} ({view.settings.key('notes')})", "warn"), ("  ", "dim"))
    program: Span = (" farpair  ", "accent")
    end = (*notes, *settings)
    if view.model is None:
        return spread((program, ("no models", "dim")), end, width)
    room = width - len(program[0]) - sum(len(text) for text, _ in end) - 1
    name = visible(view.model.name, max(room, 0))
    for about in _about(view):
        if cell_len(name) + 2 + len(about) <= room:
            return spread((program, (name, "strong"), (f"  {about}", "dim")), end, width)
    shortest = _about(view)[-1]
    short = visible(view.model.name, max(room - len(shortest) - 2, 1))
    return spread((program, (short, "strong"), (f"  {shortest}", "dim")), end, width)


def _about(view: View) -> list[str]:
    """The rows and the device, in forms from the longest to the shortest."""
    started = view.record.started if view.record else None
    if started is not None:
        rows = f"{count(started.n)} × {count(started.d)}"
        dtype, device = visible(started.dtype, 8), visible(started.device, 10)
        whole = "" if started.n == started.vocabulary else f" of {count(started.vocabulary)}"
        matrix = f"  ·  {view.model.matrix}" if view.model and view.model.matrix else ""
        long = f"{rows} {dtype}{whole}{matrix}  ·  {device} {visible(started.device_name, 60)}"
        named = f"{rows} {dtype}{matrix}  ·  {device} {visible(started.device_name, 60)}"
        return [long, named, f"{rows} {dtype} · {device}", f"{rows} {dtype}", rows]
    model = view.model
    if model is None or model.shape is None:
        return [""]
    rows = f"{count(model.shape[0])} × {count(model.shape[1])}"
    dtype = visible(model.dtype or "", 8)
    return [f"{rows} {dtype}  ·  {model.matrix}" if model.matrix else f"{rows} {dtype}", f"{rows} {dtype}", rows]


class Title(Panel):
    """The screen's first line."""

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002
        """The lines that show `view` in `width` by `height` cells."""
        return (title_line(view, width),)


class KeyLine(Lines):
    """The screen's last line: the keys that fit."""

    app: "FarpairApp"

    def compose_lines(self, width: int, height: int) -> Sequence[Line]:  # noqa: ARG002
        """The lines for `width` by `height` cells."""
        spans: list[Span] = []
        for key, label in footer(self.app.keys, width):
            spans += [(f"{'  ' if spans else ''}{key}", "accent"), (f" {label}", "dim")]
        fits = width_of(tuple(spans)) < width
        return ((((" " if fits else "", "text"), *spans)),)
