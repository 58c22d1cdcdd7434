"""Text as a terminal may show it: untrusted text made visible and harmless, numbers in their one form.

Token text, model names and paths come from files that anybody may have written. `visible` lets through only
characters that a terminal prints in place; everything else (control characters, escape sequences, bidirectional
overrides, zero-width and unassigned characters) is spelled out, as Python would spell it: `\\x1b`, `\\u202e`.
"""

import math
import unicodedata
from collections.abc import Iterator

from .ascii_only import drawn
from .engine.events import Token

ELLIPSIS = "…"


def visible(text: str, width: int | None = None) -> str:
    """Untrusted `text` as it is safe to show, cut to `width` terminal cells with "…" where it is longer.

    Printable text of any script passes through. Everything that Unicode calls a control, format, private,
    surrogate, unassigned or separator character (but the ordinary space), everything invisible by default, every
    mark that has no character of its own to sit on, and what terminals give different widths (spacing marks,
    modifiers of emoji) is escaped, so nothing moves the cursor, reorders or hides text, or changes what stands
    beside it. An escape is never cut in the middle.
    """
    shown, whole = _cut(text, width)
    if whole or width is None or width < 1:
        return shown
    return _cut(text, width - 1)[0] + ELLIPSIS


def show_only_ascii(only: bool = True) -> None:
    """From now on, in this process, let `visible` and its like spell out all but ASCII and what is drawn with."""
    global _only_ascii
    _only_ascii = only


def token_label(token: Token, width: int | None = None) -> str:
    """A token's id and, where it is known, its text in quotes: "71473 '██取'", or "71473" alone.

    The quotes show leading and trailing spaces; inside them a backslash is doubled, so that an escape is
    never mistaken for the same characters spelled out. Text cut to fit `width` cells has its "…" after the
    closing quote. Where not even one character would fit, the id stands alone, and is itself never cut.
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
    """Untrusted `text`, whole, as a Python string literal of visible characters, quotes included."""
    quote = _quote_for(text)
    return f"{quote}{_cut(text, None, quote)[0]}{quote}"


def distance(value: float, error: float = 0.0) -> str:
    """A distance or a norm: eight decimals, or nine significant digits below 1e-4 and from 1e6 up.

    With `error`, an absolute error bound, "≈" stands before a value whose last digit is in doubt: one that
    rounds differently at `value - error` and `value + error`.
    """
    shown = _fixed(value)
    if error and _fixed(value - error) != _fixed(value + error):
        return "≈" + shown
    return shown


def roughly(value: float) -> str:
    """A distance in two digits, for a sentence or an axis: "1.6", "0.0017", "4.1e-05"."""
    return f"{value:.2g}"


def ratio(value: float | None) -> str:
    """A number of times: "3.29×"; "–" where there is none."""
    if value is None:
        return "–"
    return f"{value:.2f}×" if value == 0 or 0.01 <= abs(value) < 1e6 else f"{value:.2e}×"


def degrees(angle: float | None) -> str:
    """An angle in degrees: "90.16°"; "–" where there is none."""
    return "–" if angle is None else f"{angle:.2f}°"


def count(n: int) -> str:
    """A number of things: "2,248"."""
    return f"{n:,}"


def share(part: int, whole: int) -> str:
    """A part of a whole: "0.7%"; "<0.1%" and ">99.9%" where rounding would say none or all and it is not so."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.1:
        return "<0.1%"
    if 99.9 < percent < 100:
        return ">99.9%"
    return f"{percent:.0f}%" if percent in (0, 100) else f"{percent:.1f}%"


def duration(seconds: float) -> str:
    """A time on a clock: "0:00:04", and "12 ms" below a second; "–" for a time that is not finite."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 0.9995:
        milliseconds = max(seconds, 0.0) * 1000
        return f"{milliseconds:.0f} ms" if milliseconds >= 9.5 or not milliseconds else f"{milliseconds:.1f} ms"
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole_seconds:02}"


def elapsed(seconds: float) -> str:
    """A time that was measured: as `duration`, but "4.27 s" below a minute."""
    return f"{seconds:.2f} s" if 0.9995 <= seconds < 59.995 else duration(seconds)


def date(seconds: float | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time since the epoch, by this machine's clock: "2026-11-22 19:20"; "" for none, or one no calendar has."""
    from datetime import datetime

    try:
        return f"{datetime.fromtimestamp(seconds):{form}}" if seconds is not None else ""
    except (ValueError, OverflowError, OSError):
        return ""


def size(amount: int) -> str:
    """A number of bytes in decimal units: "512 B", "23.0 MB"."""
    return _scaled(amount, "B")


def rate(pairs_per_second: float) -> str:
    """A speed: "1.9 Gpair/s"; "–" where it is not finite."""
    return _scaled(pairs_per_second, "pair/s") if math.isfinite(pairs_per_second) else "–"


def _quote_for(text: str) -> str:
    return '"' if "'" in text and '"' not in text else "'"


def _cut(text: str, width: int | None, quote: str = "") -> tuple[str, bool]:
    """As many whole pieces of `text` as fit in `width` cells (None: all), and whether that is all of it."""
    if text.isascii() and text.isprintable() and not (quote and (quote in text or "\\" in text)):
        # nearly every name, path and token: no table needed
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
_MOST_MARKS = 4  # on one character; more than any script stacks, and few enough not to reach the next line

# Invisible, and yet not of a category that Python calls unprintable: the rest of Unicode's
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), variation selectors included, and the blank braille.
_INVISIBLE = frozenset(
    {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0x2800}
    | set(range(0x180B, 0x1810))
    | set(range(0xFE00, 0xFE10))
    | set(range(0xE0100, 0xE01F0))
)


# What terminals give another width than each other: flags' letters, a mark that Unicode has made a spacing one
# since, and signs that Unicode 16 made wide.
_UNCERTAIN = frozenset(
    {0x1171E}
    | set(range(0x1F1E6, 0x1F200))
    | set(range(0x2630, 0x2638))
    | set(range(0x268A, 0x2690))
    | set(range(0x4DC0, 0x4E00))
    | set(range(0x1D300, 0x1D377))
)


def _cells(character: str) -> int | None:
    """The cells that any terminal gives a printable character, 0 for a mark on the one before it; None where
    terminals differ: then it cannot be shown without columns that shift.

    The widths are those of Unicode's tables (East_Asian_Width, General_Category). Spacing marks, the parts of
    Hangul syllables and the modifiers of emoji join with what is before them in some terminals and not in others.
    """
    from rich.cells import cell_len  # 13 ms of width tables, which plain ASCII never needs

    category, wide = unicodedata.category(character), unicodedata.east_asian_width(character) in "WF"
    cells = 0 if category in ("Mn", "Me") else 1 + wide
    differs = category == "Mc" or (cells == 0 and wide) or ord(character) in _UNCERTAIN
    return None if differs or cell_len(character) != cells else cells


def _pieces(text: str, quote: str) -> Iterator[tuple[str, int]]:
    """`text` in pieces that are shown whole or not at all, with the cells each takes: a character with the
    marks on it, or one escape. Inside quotes (`quote` not empty) backslash and quote are escaped as well."""
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
        elif character == " ":  # a mark after a space would sit on nothing
            yield character, 1
        else:
            base, width = character, cells
    if base:
        yield base, width


def _escaped(character: str) -> str:
    """One character spelled out as Python spells it."""
    if short := {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\", "'": r"\'", '"': r"\""}.get(character):
        return short
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _fixed(value: float) -> str:
    return f"{value:.8f}" if value == 0 or 1e-4 <= abs(value) < 1e6 else f"{value:.8e}"


def _scaled(amount: float, unit: str) -> str:
    """`amount` with one decimal and a decimal prefix; whole below a thousand."""
    if round(amount) < 1000:
        return f"{amount:.0f} {unit}"
    thousands, prefixes = 1, "kMGTP"
    while amount / 1000**thousands >= 999.95 and thousands < len(prefixes):
        thousands += 1
    return f"{amount / 1000**thousands:.1f} {prefixes[thousands - 1]}{unit}"
