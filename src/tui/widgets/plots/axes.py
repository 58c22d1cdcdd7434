"""Axes for plots of a few cells: scales, readable ticks, and labels that never overlap."""

import math
from collections.abc import Sequence

import msgspec
from rich.cells import cell_len

from ..lines import Line


class Axis(msgspec.Struct, frozen=True):
    """A scale from `low` to `high`, both finite; for a log scale both more than 0."""

    low: float
    high: float
    log: bool = False

    def place(self, value: float) -> float:
        """The place of a value, from 0 at the low end to 1 at the high end; values beyond an end lie at the
        end."""
        if self.low == self.high:
            return 0.5
        if self.log:
            if value <= 0:
                return 0.0
            span = math.log(self.high) - math.log(self.low)
            return min(max((math.log(value) - math.log(self.low)) / span, 0.0), 1.0)
        # In halves, because the difference of two numbers may exceed float64.
        return min(max((value / 2 - self.low / 2) / (self.high / 2 - self.low / 2), 0.0), 1.0)

    def ticks(self, most: int) -> list[float]:
        """Values to label: up to `most` powers of ten or round numbers, or the two ends where none fit."""
        if self.low == self.high:
            return [self.low]
        round_ones = self._decades(most) if self.log else self._round_numbers(most)
        return round_ones if len(round_ones) > 1 else [self.low, self.high]

    def _decades(self, most: int) -> list[float]:
        first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
        step = max(1, math.ceil((last - first + 1) / max(most, 1)))
        return [float(f"1e{power}") for power in range(first, last + 1, step)]

    def _round_numbers(self, most: int) -> list[float]:
        rough = self.high / max(most, 1) - self.low / max(most, 1)
        if not rough >= 1e-300:
            return []
        unit = 10.0 ** math.floor(math.log10(rough))
        step = next((unit * by for by in (1, 2, 5, 10) if unit * by >= rough), unit * 10)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [n * step for n in range(first, last + 1)]


def labels(values: Sequence[float]) -> list[str]:
    """The values in as few digits as tell them apart, at least three."""
    shown: list[str] = []
    for digits in range(3, 17):
        shown = [f"{value:.{digits}g}" for value in values]
        if len(set(shown)) == len(set(values)):
            break
    return shown


def label_row(marks: Sequence[tuple[int, str]], width: int) -> str:
    """Labels centred on their columns, or as near as the ends of the row allow, in exactly `width` cells; a label
    that would touch the one before it is left out."""
    row = ""
    for column, text in marks:
        start = max(min(column - cell_len(text) // 2, width - cell_len(text)), 0)
        if start > cell_len(row) or not row:
            row += " " * (start - cell_len(row)) + text
    return row + " " * (width - cell_len(row)) if cell_len(row) <= width else " " * width


def framed(picture: Sequence[Line], left: Sequence[tuple[int, str]], below: Sequence[str]) -> list[Line]:
    """A picture with labels to the left of their rows, and rows of text below it."""
    names = dict(left)
    margin = label_width(list(names.values()))
    lines: list[Line] = [((names.get(y, "").rjust(margin) + " ", "dim"), *line) for y, line in enumerate(picture)]
    return lines + [((" " * (margin + 1) + row, "dim"),) for row in below]


def label_width(names: Sequence[str]) -> int:
    """The width in cells of the labels at the left of a picture."""
    return max(map(cell_len, names), default=0)


def rows_of(axis: Axis, values: Sequence[float], height: int) -> list[tuple[int, str]]:
    """The labels by the rows of a picture of `height` cells, the high end at the top; of two values on one row the
    one nearer to the high end is labelled."""
    taken: dict[int, str] = {}
    for value, name in zip(values, labels(values), strict=True):
        taken[round((1 - axis.place(value)) * (height - 1))] = name
    return sorted(taken.items())


def columns_of(axis: Axis, values: Sequence[float], width: int) -> list[tuple[int, str]]:
    """The labels by the columns of a picture of `width` cells."""
    return [
        (round(axis.place(value) * (width - 1)), name) for value, name in zip(values, labels(values), strict=True)
    ]
