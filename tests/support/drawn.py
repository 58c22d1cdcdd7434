"""Reads drawings in braille."""

from farpair.tui.widgets.lines import Line, plain


def dots(lines: list[Line]) -> set[tuple[int, int]]:
    """The braille dots drawn, (x, y) from the upper left."""
    bits = {(0, 0): 0, (0, 1): 1, (0, 2): 2, (1, 0): 3, (1, 1): 4, (1, 2): 5, (0, 3): 6, (1, 3): 7}
    return {
        (2 * x + dx, 4 * y + dy)
        for y, row in enumerate(plain(lines).split("\n"))
        for x, character in enumerate(row)
        if "\u2800" <= character <= "\u28ff"
        for (dx, dy), bit in bits.items()
        if ord(character) - 0x2800 >> bit & 1
    }
