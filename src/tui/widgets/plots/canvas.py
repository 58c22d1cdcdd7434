"""Pictures in braille dots: lines on a canvas, and the panel that has one.

The canvas is textual-hires-canvas's. It imports numpy, which the first paint does without, so it is imported in a
thread when there is something to draw.
"""

import asyncio
import importlib
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from ...view import View
from ..lines import Line
from ..panel import Panel

DOTS_ACROSS: Final = 2  # braille dots in a cell: about square, so that drawings are to scale
DOTS_DOWN: Final = 4

Stroke = tuple[float, float, float, float]
_CANVAS: Final = "textual_hires_canvas"


@lru_cache(maxsize=16)
def draw(strokes: tuple[Stroke, ...], width: int, height: int) -> tuple[str, ...]:
    """Straight strokes (x0, y0, x1, y1), in dots from the upper left, as `height` rows of `width` cells."""
    from textual_hires_canvas import Canvas  # start time

    # One column and one row more than needed: the canvas clips lines at the near edge of its last cells.
    canvas = Canvas(width + 1, height + 1)
    with canvas.batch_refresh():
        canvas.draw_hires_lines([_in_cells(stroke) for stroke in strokes])
    return tuple("".join(canvas.get_pixel(x, y)[0] for x in range(width)) for y in range(height))


def _in_cells(stroke: Stroke) -> Stroke:
    """The centres of a stroke's first and last dots, in cells."""
    x0, y0, x1, y1 = (round(dot) + 0.5 for dot in stroke)
    return x0 / DOTS_ACROSS, y0 / DOTS_DOWN, x1 / DOTS_ACROSS, y1 / DOTS_DOWN


class DrawnPanel(Panel):
    """A panel with a picture on a canvas, drawn as soon as there is one to draw on."""

    def picture_lines(self, view: View, width: int, height: int, *, drawing: bool) -> Sequence[Line]:
        """The lines that show `view`; without `drawing`, all but the picture in their places."""
        raise NotImplementedError

    def has_picture(self, view: View) -> bool:
        """Whether `view` has anything to draw."""
        raise NotImplementedError

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:
        """The lines that show `view` in `width` by `height` cells."""
        there = hasattr(sys.modules.get(_CANVAS), "Canvas")
        if not there and self.has_picture(view):
            self.run_worker(self._import_canvas(), group=_CANVAS, exclusive=False, exit_on_error=False)
        return self.picture_lines(view, width, height, drawing=there)

    async def _import_canvas(self) -> None:
        await asyncio.to_thread(importlib.import_module, _CANVAS)
        self.redraw()
