"""Escapes untrusted text for terminals.

Token texts, model names and paths come from untrusted files. `visible` passes only characters that a terminal
prints in place. It escapes all others (control characters, bidirectional overrides, zero-width and unassigned
characters) as Python does: `\\x1b`, `\\u202e`.
"""

import unicodedata
from collections.abc import Iterator

from ..events import Token
from .ascii import drawn

ELLIPSIS = "…"


def visible(text: str, width: int | None = None) -> str:
    """Untrusted `text`, escaped so that it is safe to show, and cut to `width` terminal cells with "…".

    Printable text of any script is unchanged. These characters are escaped: those that Unicode calls control,
    format, private, surrogate, unassigned or separator (except the ordinary space); those that are invisible by
    default; marks without a base character; and those whose width differs among terminals (spacing marks,
    modifiers of emoji). No text can therefore move the cursor, reorder or hide text, or change the text beside it.
    An escape is never cut in the middle.
    """
    shown, whole = _cut(text, width)
    if whole or width is None or width < 1:
        return shown
    return _cut(text, width - 1)[0] + ELLIPSIS


def show_only_ascii(only: bool = True) -> None:
    """From now on, in this process, escape all characters except ASCII and those that the program draws with."""
    global _only_ascii
    _only_ascii = only


def token_label(token: Token, width: int | None = None) -> str:
    """A token's id and, where it is known, its text in quotes: "71473 '██取'", or "71473" alone.

    The quotes show leading and trailing spaces. A backslash inside them is doubled, so that an escape differs from
    the same characters in the text. A text that is cut to fit `width` cells has "…" after the closing quote. Where
    no character fits, the label is the id alone; the id is never cut.
    """
    label = str(token.id)
    if token.text is None:
        return label
    quote = _quote_for(token.text)
    room = None if width is None else width - len(label) - 3
    if room is not None and room < 0:
        return label
    shown, whole = _cut(token.text, room, quote)
    if not whole and room is not None:
        shown, _ = _cut(token.text, room - 1, quote)
        if not shown:
            return label
    return f"{label} {quote}{shown}{quote}" + ("" if whole else ELLIPSIS)


def literal(text: str) -> str:
    """The whole untrusted `text` as a Python string literal of visible characters, with its quotes."""
    quote = _quote_for(text)
    return f"{quote}{_cut(text, None, quote)[0]}{quote}"


def _quote_for(text: str) -> str:
    return '"' if "'" in text and '"' not in text else "'"


def _cut(text: str, width: int | None, quote: str = "") -> tuple[str, bool]:
    """As many whole pieces of `text` as fit in `width` cells (None: all), and whether this is the whole text."""
    if text.isascii() and text.isprintable() and not (quote and (quote in text or "\\" in text)):
        # Nearly every name, path and token is plain ASCII, and takes this fast path.
        whole = width is None or len(text) <= width
        return (text if whole else text[: max(width or 0, 0)]), whole
    taken: list[str] = []
    for piece, cells in _pieces(text, quote):
        if width is not None:
            width -= cells
            if width < 0:
                return "".join(taken), False
        taken.append(piece)
    return "".join(taken), True


_only_ascii = False
_MOST_MARKS = 4  # marks on one character; no script stacks more, and more could reach the next line

# Invisible characters that Python calls printable: the rest of Unicode's Default_Ignorable_Code_Point
# (DerivedCoreProperties.txt), with the variation selectors, and the blank braille pattern.
_INVISIBLE = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0x2800}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)


# Characters whose width differs among terminals: the letters of flags, a mark that Unicode later made a spacing
# mark, and signs that Unicode 16 made wide.
_UNCERTAIN = frozenset(
    {0x1171E}
    | set(range(0x1F1E6, 0x1F200))
    | set(range(0x2630, 0x2638))
    | set(range(0x268A, 0x2690))
    | set(range(0x4DC0, 0x4E00))
    | set(range(0x1D300, 0x1D377))
)


def _cells(character: str) -> int | None:
    """The width in cells of a printable character, 0 for a mark on the character before it; None where terminals
    differ, so that the character could shift columns.

    The widths are those of Unicode's tables (East_Asian_Width, General_Category). Spacing marks, the parts of
    Hangul syllables and the modifiers of emoji join the character before them in some terminals only.
    """
    from rich.cells import cell_len  # start time

    category, wide = unicodedata.category(character), unicodedata.east_asian_width(character) in "WF"
    cells = 0 if category in ("Mn", "Me") else 1 + wide
    differs = category == "Mc" or (cells == 0 and wide) or ord(character) in _UNCERTAIN
    return None if differs or cell_len(character) != cells else cells


def _pieces(text: str, quote: str) -> Iterator[tuple[str, int]]:
    """Yield the pieces of `text` that are shown whole or not at all, each with its width in cells: a character
    with its marks, or one escape. Inside quotes (`quote` not empty) backslash and quote are escaped too."""
    base, marks, width = "", 0, 0
    for character in text:
        plain = character.isprintable() and ord(character) not in _INVISIBLE
        if _only_ascii and not character.isascii():
            plain = plain and not quote and drawn(character)
        cells = (1 if character.isascii() else _cells(character)) if plain else None
        if cells == 0 and base and marks < _MOST_MARKS:
            base, marks = base + character, marks + 1
            continue
        if base:
            yield base, width
        base, marks = "", 0
        if not cells or (quote and character in ("\\", quote)):
            escape = _escaped(character)
            yield escape, len(escape)
        elif character == " ":  # a space is not a base for marks
            yield character, 1
        else:
            base, width = character, cells
    if base:
        yield base, width


def _escaped(character: str) -> str:
    """The escape of one character, as Python writes it."""
    if short := {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\", "'": r"\'", '"': r"\""}.get(character):
        return short
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
