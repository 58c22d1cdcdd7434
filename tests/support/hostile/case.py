"""A hostile input with a name: how to write it, and what the program must say of it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Text that would do something to a terminal or to markup: a colour, a title, the clipboard (OSC 52), C1, DCS.
ESCAPES = "\x1b[41mOWNED\x1b]0;OWNED\x07\x1b]52;c;T1dORUQ=\x07\x9b31mOWNED\x1bPOWNED\x1b\\"
CONTROLS = "".join(map(chr, [*range(1, 32), *range(127, 160)]))
BIDI = "\u202eOWNED\u2066\u2069\u200f\u061c\u2028\u2029"
MARKUP = "[red]OWNED[/red][@click=app.quit]OWNED[/]:warning:"


@dataclass(frozen=True)
class Case:
    """`write` makes the folder it is given, and what is in it; `says` is a part of the sentence that answers.

    An empty `says` means that there is nothing to refuse: the input is strange, and works.
    """

    name: str
    write: Callable[[Path], None]
    says: str = ""

    def __str__(self) -> str:
        return self.name


def header_bytes(header: object) -> bytes:
    """`header` as JSON, or the bytes it is, with its length before it."""
    written = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written
