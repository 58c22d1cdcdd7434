"""Lines of text with roles. Every panel shows a tuple of lines, made by a plain function.

A line is a tuple of spans; a span is a text and its role, and `app.tcss` gives each role its colour. Texts that
come from files have been through `escape.visible` before they are put in a span; nothing interprets them.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final, Literal

from rich import get_console
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from ...engine.events import Token
from ...engine.text.escape import visible
from ...engine.text.numbers import distance

Role = Literal["text", "dim", "strong", "accent", "good", "warn", "bad", "cursor"]
Span = tuple[str, Role]
Line = tuple[Span, ...]

ROLES: Final[tuple[Role, ...]] = ("text", "dim", "strong", "accent", "good", "warn", "bad", "cursor")
EMPTY: Final[Line] = ()
ROLE_CLASSES: Final = frozenset(f"lines--{role}" for role in ROLES)  # component classes of a screen that has lines


def width_of(line: Line) -> int:
    """The line's width in terminal cells."""
    return sum(cell_len(text) for text, _ in line)


def plain(lines: Sequence[Line]) -> str:
    """The lines as text alone."""
    return "\n".join("".join(text for text, _ in line) for line in lines)


def left(text: str, width: int) -> str:
    """`text`, already harmless, in exactly `width` cells: padded on the right, or cut with "…"."""
    short = text if cell_len(text) <= width else visible(text, width)
    return short + " " * (width - cell_len(short))


def right(text: str, width: int) -> str:
    """`text`, already harmless, in exactly `width` cells: padded on the left, or cut with "…"."""
    return " " * (width - cell_len(text)) + text if cell_len(text) <= width else left(text, width)


def spread(start: Line, end: Line, width: int) -> Line:
    """`start` at the left and `end` at the right of `width` cells; `end` is cut where both do not fit."""
    gap = width - width_of(start) - width_of(end)
    if gap < 1:
        return start
    return (*start, (" " * gap, "text"), *end)


def number(value: float, width: int, error: float = 0.0) -> str:
    """A distance or a norm in at most `width` cells: as `numbers.distance`, with fewer digits if need be.

    For a value with an absolute `error`, only digits that are certain are shown.
    """
    shown, least, most = distance(value), distance(value - error), distance(value + error)
    digits = 8
    while (len(shown) > width or least != most) and digits > 0:
        digits -= 1
        form = f".{digits}{'f' if 10.0 ** (2 - digits) <= abs(value) < 1e6 else 'e'}"
        shown, least, most = (f"{number:{form}}" for number in (value, value - error, value + error))
    return shown if least == most else f"<{value + error:.0e}"


def quoted(token: Token | None, width: int) -> str:
    """A token's text in quotes, harmless, in at most `width` cells; "" where it has none."""
    if token is None or token.text is None:
        return ""
    short = visible(token.text, max(width - 2, 1))
    return f"'{short}'"


def wrap(text: str, width: int, role: Role = "text") -> list[Line]:
    """`text`, already harmless, broken at spaces into lines of at most `width` cells; longer words are broken."""
    words = Text(" ".join(text.split()))
    lines = (line.plain.rstrip() for line in words.wrap(get_console(), max(width, 1)))
    return [((line, role),) for line in lines if line]


class Lines(Widget):
    """A widget whose lines are a function of its contents and its size.

    `redraw` repaints only the rows that differ from what is drawn.
    """

    ALLOW_SELECT = False

    _lines: Sequence[Line] = ()
    _composed_for: Size | None = None

    def compose_lines(self, width: int, height: int) -> Sequence[Line]:
        """The lines, from the top, for `width` by `height` cells."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Compose the lines again; rows that stay the same are not repainted."""
        if not self.size.area:  # not laid out yet: composed at the next paint
            self._composed_for = None
            return
        before, same_room = self._lines, self._composed_for == self.size
        self._compose_now()
        if not same_room:
            self.refresh()
            return
        width, height = self.size
        changed = [
            Region(cells[0], y, cells[1], 1)
            for y in range(height)
            if _at(before, y) != _at(self._lines, y)
            and (cells := changed_cells(_at(before, y), _at(self._lines, y), width))
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """The strip of row `y`."""
        if self._composed_for != self.size:  # the first paint, or the first after a change of size
            self._compose_now()
        return strip_of(self, _at(self._lines, y), self.size.width)

    def _compose_now(self) -> None:
        self._lines = tuple(self.compose_lines(*self.size))
        self._composed_for = self.size


def strip_of(widget: Widget, line: Line, width: int, under: Role | None = None) -> Strip:
    """`line` in exactly `width` cells, in the colours that the stylesheet gives to the roles.

    `under` is a role whose background the whole line gets, such as the cursor's.
    """
    base, screen = widget.visual_style.rich_style, widget.screen
    if under:
        row = _role_style(screen, under)
        base += Style(bgcolor=row.bgcolor, reverse=row.reverse)
    segments = [Segment(text, base + _ink(_role_style(screen, role))) for text, role in _merged(line)]
    return Strip(segments).adjust_cell_length(width, base)


def changed_cells(before: Line, after: Line, width: int) -> tuple[int, int] | None:
    """The first of `width` cells in which two lines look different, and the number of cells up to the last that
    does; None where none does.

    Where little of a line changes, little of it need be sent to the terminal.
    """
    one, other = _cells(before, width), _cells(after, width)
    differing = [x for x in range(width) if one[x] != other[x]]
    return (differing[0], differing[-1] - differing[0] + 1) if differing else None


def _cells(line: Line, width: int) -> list[tuple[str, Role]]:
    """The content of each cell: a character with its combining marks, and its role; a wide character is in both
    its cells."""
    cells: list[tuple[str, Role]] = []
    for text, role in line:
        for character in text:
            wide = 1 if character.isascii() else cell_len(character)
            if wide == 0 and cells:
                cells[-1] = (cells[-1][0] + character, role)
            cells += [(character, role if character != " " else "text")] * wide
    return [*cells[:width], *[(" ", ROLES[0])] * (width - len(cells))]


def _merged(line: Line) -> list[tuple[str, Role]]:
    """The same line in as few spans as possible: blanks have no ink and join the span before them."""
    merged: list[tuple[str, Role]] = []
    for text, role in line:
        if merged and (role == merged[-1][1] or text.isspace()):
            merged[-1] = (merged[-1][0] + text, merged[-1][1])
        elif text:
            merged.append((text, role))
    return merged


def _role_style(screen: Widget, role: Role) -> Style:
    # One set of roles for each screen. As component classes of every widget they would slow down the first paint.
    return screen.get_component_rich_style(f"lines--{role}")


@cache
def _ink(style: Style) -> Style:
    """The part of a role's style that is its own: all but the background."""
    return Style(color=style.color, bold=style.bold, dim=style.dim)


def _at(lines: Sequence[Line], y: int) -> Line:
    return lines[y] if 0 <= y < len(lines) else EMPTY
