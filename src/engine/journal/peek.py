"""The state of a run from the first and the last lines of its journal, without reading the rest.

The last line gives the state: only a check follows the end, a paused run writes nothing, and a queued run writes
only Queued. Torch is not imported here.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec

from ..errors import JournalError
from ..events import AnyEvent, Ending, EngineStarted, PairFound, Paused, Progress, Queued, RunEnded, RunStarted
from ..files import open_regular
from ..text.escape import visible
from .line import LONGEST_LINE, TOO_LONG, check_length, decode_line

Standing = Literal["starting", "queued", "going", "paused"] | Ending


class Peek(msgspec.Struct, frozen=True):
    """The first events of a run and the time of the first, the last event and its time, and the pair or, before a
    pair is found, the newest progress."""

    engine: EngineStarted | None = None
    began: float | None = None
    started: RunStarted | None = None
    last: AnyEvent | None = None
    last_time: float | None = None
    progress: Progress | None = None
    pair: PairFound | None = None

    @property
    def ended(self) -> RunEnded | None:
        """The end of the run; None where the journal has none."""
        return self.last if isinstance(self.last, RunEnded) else None

    @property
    def queued(self) -> Queued | None:
        """The run's place in the queue; None where it does not wait."""
        return self.last if isinstance(self.last, Queued) and self.last.ahead else None

    @property
    def standing(self) -> Standing:
        """The state of the run by its journal. A killed engine writes no end, and its run counts as going."""
        match self.last:
            case None | EngineStarted():
                return "starting"
            case RunEnded(state=state):
                return state
            case Paused():
                return "paused"
            case Queued(ahead=ahead) if ahead:
                return "queued"
            case _:
                return "going"


def peek(path: Path) -> Peek:
    """The Peek of the first and the last lines of the journal at `path`; an empty Peek where there is no journal.

    Raises JournalError where the journal cannot be read, or one of these lines is not an event.
    """
    try:
        with open_regular(path) as file:
            fd = file.fileno()
            size = os.fstat(fd).st_size
            check_length(path, size)
            head = list(_events(path, _first_lines(path, fd, size)))
            tail = list(_events(path, _telling(_lines_backwards(path, fd, size))))
    except FileNotFoundError:
        return Peek()
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}.") from error
    first = head[0] if head else None
    last = tail[0] if tail else None
    return Peek(
        engine=first[1] if first and isinstance(first[1], EngineStarted) else None,
        began=first[0] if first else None,
        started=next((event for _, event in head if isinstance(event, RunStarted)), None),
        last=last[1] if last else None,
        last_time=last[0] if last else None,
        progress=next((event for _, event in tail if isinstance(event, Progress)), None),
        pair=next((event for _, event in tail if isinstance(event, PairFound)), None),
    )


def began(path: Path) -> float | None:
    """The time of the first event in the journal at `path`; None where there is no event or it cannot be read."""
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            lines = _first_lines(path, file.fileno(), size)
        return decode_line(lines[0])[0] if lines else None
    except (OSError, JournalError, ValueError):
        return None


_WINDOW: Final = 1 << 16  # bytes read at once
_HEAD_EVENTS: Final = 8  # they include RunStarted, except in a run that was paused often before it began
_CHECK: Final = b'"event":{"type":"Verified"'  # a check does not change a run's state
_TELLING: Final = (b'"type":"PairFound"', b'"type":"Progress"')  # never within a text, where quotes are escaped


def _first_lines(path: Path, fd: int, size: int) -> list[bytes]:
    """The first few whole lines."""
    window = _WINDOW
    while True:
        read = os.pread(fd, window, 0)
        lines = read.split(b"\n")[:-1]
        if len(lines) >= _HEAD_EVENTS or len(read) >= size or (lines and window > _WINDOW):
            return lines[:_HEAD_EVENTS]
        if window > LONGEST_LINE:
            raise JournalError(f"{path} holds a line that is not an event: {TOO_LONG}.")
        window *= 16


def _lines_backwards(path: Path, fd: int, size: int) -> Iterator[bytes]:
    """The whole lines from the last to the first."""
    rest, start, torn, window = b"", size, True, _WINDOW
    while start > 0:
        begin = max(0, start - window)
        pieces = (os.pread(fd, start - begin, begin) + rest).split(b"\n")
        if torn and len(pieces) > 1:  # the piece after the last newline is incomplete
            pieces, torn = pieces[:-1], False
        if len(pieces) == 1:  # the line is longer than the window, which is doubled
            window *= 2
            if len(pieces[0]) > LONGEST_LINE:
                raise JournalError(f"{path} holds a line that is not an event: {TOO_LONG}.")
        rest, start = pieces[0], begin
        if not torn:
            yield from reversed(pieces[1:])
    if not torn:
        yield rest


def _telling(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The last line that is not a check, and the last line with the pair or the search's progress. The lines in
    between are not parsed."""
    for number, line in enumerate(line for line in lines if _CHECK not in line):
        telling = any(mark in line for mark in _TELLING)
        if number == 0 or telling:
            yield line
        if telling:
            return


def _events(path: Path, lines: Iterator[bytes] | list[bytes]) -> Iterator[tuple[float, AnyEvent]]:
    for line in lines:
        try:
            yield decode_line(line)
        except ValueError as error:
            raise JournalError(f"{path} holds a line that is not an event: {visible(str(error), 200)}.") from error
