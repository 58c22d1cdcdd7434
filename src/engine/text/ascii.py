"""Text for terminals that show only ASCII: replaces each character that the program draws with by a stand-in of
the same width, and any other by "?". Token texts are already escaped (see `escape.show_only_ascii`).
"""

import codecs
import io
import unicodedata
from typing import Final, TextIO

_STAND_INS: Final = {
    "✓": "+", "✗": "x", "★": "*", "●": "o", "◌": "o", "■": "#", "‖": "=", "▸": ">", "›": ">", "–": "-", "−": "-",
    "—": "-", "·": "-", "…": ">", "×": "x", "÷": "/", "±": "~", "≈": "~", "≥": ">", "≤": "<", "°": " ", "²": "2",
    "Σ": "S", "√": "V", "↑": "^", "↓": "v", "←": "<", "→": ">", "▲": "^", "▼": "v", "“": '"', "”": '"', "‘": "'",
    "’": "'",
}  # fmt: skip
# Pairs of characters that have a better stand-in together.
_PAIRS: Final = ((" …", ".."), ("≥ ", ">="), ("≤ ", "<="), ("± ", "+-"))

_BLOCKS: Final = "▁▂▃▄▅▆▇█▉▊▋▌▍▎▏▔▕▀▐▖▗▘▝▙▛▜▟▞▚░▒▓■"
_BLOCKS_AS: Final = "__.:-=+##H||||!-||'|.,'`LrTJ/\\.:#"

# The dots of ASCII characters in a cell of 2 × 4, numbered as in braille: bits 1, 2, 3, 7 down the left column and
# 4, 5, 6, 8 down the right.
_BRAILLE: Final = 0x2800
_SHAPES: Final = {
    " ": 0x00, "'": 0x01, "`": 0x08, '"': 0x09, "^": 0x11 | 0x0A, "-": 0x12, "~": 0x24, "=": 0x36, "_": 0xC0,
    ".": 0x40, ",": 0x80, ":": 0x12 | 0x40, "|": 0x47, "!": 0xB8, "/": 0x40 | 0x04 | 0x10 | 0x08,
    "\\": 0x01 | 0x02 | 0x20 | 0x80, "<": 0x08 | 0x02 | 0x04 | 0x80, ">": 0x01 | 0x10 | 0x20 | 0x40, "#": 0xFF,
}  # fmt: skip


def in_ascii(text: str) -> str:
    """`text` in ASCII characters, with the same number of cells."""
    if text.isascii():
        return text
    for pair, stand_in in _PAIRS:
        text = text.replace(pair, stand_in)
    return text.translate(_TABLE)


def drawn(character: str) -> bool:
    """Whether the program draws with `character`, which then has its own stand-in."""
    return character in _STAND_INS or character in _BLOCKS or 0x2500 <= ord(character) < 0x2580


def limit(stream: TextIO) -> None:
    """Restrict `stream` to ASCII: stand-ins for the characters that the program draws with, escapes for others."""
    codecs.register_error("farpair.in_ascii", _encodable)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="ascii", errors="farpair.in_ascii")


def _encodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    escaped = "".join(in_ascii(c) if drawn(c) else c.encode("ascii", "backslashreplace").decode() for c in text)
    return escaped, error.end


class _Table(dict[int, str]):
    """Stand-ins by character; each is computed when it is first needed."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _stand_in(chr(code))
        return found


def _stand_in(character: str) -> str:
    if character.isascii():
        return character
    if character in _STAND_INS:
        return _STAND_INS[character]
    if character in _BLOCKS:
        return _BLOCKS_AS[_BLOCKS.index(character)]
    if 0x2500 <= ord(character) < 0x2580:
        return _box(unicodedata.name(character))
    if _BRAILLE <= ord(character) < _BRAILLE + 256:
        dots = ord(character) - _BRAILLE
        return min(_SHAPES, key=lambda shape: ((_SHAPES[shape] ^ dots).bit_count(), not _SHAPES[shape]))
    from rich.cells import cell_len  # start time

    return "?" * cell_len(character)


def _box(name: str) -> str:
    """The stand-in of a box-drawing character, by its Unicode name: a line, a diagonal, a corner or a crossing."""
    if "DIAGONAL" in name:
        return "X" if "CROSS" in name else "/" if "UPPER RIGHT" in name else "\\"
    across, along = "HORIZONTAL" in name or "LEFT" in name or "RIGHT" in name, "VERTICAL" in name
    up_or_down = "UP" in name.split() or "DOWN" in name.split()
    if across and not along and not up_or_down:
        return "=" if "HEAVY" in name or "DOUBLE" in name else "-"
    return "|" if not across else "+"


_TABLE: Final = _Table()
