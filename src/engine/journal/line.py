"""One line of a journal: `{"time": …, "event": {"type": …}, "crc": …}`. Torch is not imported here.

`time` is in seconds since the epoch and never decreases within a run. `crc` is the CRC-32 of the line before it,
so that a number that a failing disk changed does not count as proved. A line without `crc`, written by hand, is
valid.
"""

import zlib
from pathlib import Path
from typing import Final

import msgspec

from ..errors import JournalError
from ..events import AnyEvent, Warned
from ..text.numbers import size
from .older import upgraded

# In bytes, more than any run writes; longer journals and lines are not read.
LONGEST_JOURNAL: Final = 1 << 30
LONGEST_LINE: Final = 16 << 20
TOO_LONG: Final = f"it is longer than {size(LONGEST_LINE)}"


def check_length(path: Path, length: int) -> None:
    """Raise JournalError where `length` bytes are more than any run writes."""
    if length > LONGEST_JOURNAL:
        raise JournalError(f"{path} is not a journal: it has {size(length)}, more than any run writes.")


def decode_line(line: bytes) -> tuple[float, AnyEvent]:
    """The time and the event of one whole line, without its newline.

    An event of an unknown type comes from a newer version; a Warned of kind "newer" replaces it. Raises
    ValueError, which says why, for any other line that is not an event.
    """
    summed = line.rfind(CHECKSUM)
    if summed >= 0 and line[summed + len(CHECKSUM) : -1] != b"%d" % zlib.crc32(line[:summed]):
        raise ValueError("its checksum is wrong")
    try:
        line = upgraded(line)
        whole = _DECODER.decode(line)
    except _NOT_AN_EVENT as error:
        newer = _newer(line)
        if newer is None:
            raise ValueError(str(error)) from error
        return newer
    return whole.time, whole.event


class Line(msgspec.Struct, frozen=True):
    """A line of a journal: an event, and the time when it was written, in seconds since the epoch."""

    time: float
    event: AnyEvent


class _Tag(msgspec.Struct, frozen=True):
    type: str


class _TaggedLine(msgspec.Struct, frozen=True):
    time: float
    event: _Tag


CHECKSUM: Final = b',"crc":'
_DECODER: Final = msgspec.json.Decoder(Line)
_TAGGED_DECODER: Final = msgspec.json.Decoder(_TaggedLine)
_KNOWN: Final = frozenset(kind.__name__ for kind in AnyEvent.__args__)
_NOT_AN_EVENT: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _newer(line: bytes) -> tuple[float, Warned] | None:
    """The warning that replaces an event of a type that this version does not know; None if `line` is not one."""
    try:
        tagged = _TAGGED_DECODER.decode(line)
    except _NOT_AN_EVENT:
        return None
    if tagged.event.type in _KNOWN:
        return None
    message = f"The journal holds an event {tagged.event.type!a:.40} that this version of farpair does not know."
    return tagged.time, Warned(kind="newer", message=message)


def why(error: OSError) -> str:
    """The operating system's own reason for an error."""
    return error.strerror or str(error)
