"""The journal of a run: one JSON line an event, `{"time": …, "event": {"type": …}, "crc": …}`.

The engine appends, anybody reads: the live screen tails the file while it grows, a report reads it to the end.
A line is appended in one write to a file opened for appending, so a reader (or a writer killed at any moment)
leaves at most one torn line, the last, which reads as "not there yet". `time` is in seconds since the epoch and
never steps back within a run; `crc` is the CRC-32 of the line before it, so that a number that a failing disk has
changed is not taken for one that was proved. A line without it (written by hand) is taken as it is. No torch here.
"""

import contextlib
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from ..errors import JournalError
from ..text import size, visible
from .events import AnyEvent, BatchBound, BatchDone, Checkpoint, RunStarted, Warned
from .files import regular_descriptor
from .record import RunRecord

# Beyond what any run writes; what is longer is not read, nor kept in memory.
LONGEST_JOURNAL: Final = 1 << 30
LONGEST_LINE: Final = 16 << 20
TOO_LONG: Final = f"it is longer than {size(LONGEST_LINE)}"
_AT_ONCE: Final = 1 << 20


class JournalWriter:
    """Appends events to the journal at `path`, which is made (mode 0600) where it does not exist.

    Raises JournalError where the file cannot be opened, a line cannot be written whole, or the journal was
    deleted. A line that could only be written in part is taken back, so that what is kept is a journal.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(self._fd, _whole_lines(self._fd))
            self._has_links = os.fstat(self._fd).st_nlink > 0  # some file systems count none
        except OSError as error:
            raise JournalError(f"{path} cannot be opened for writing: {_why(error)}.") from error
        self._clock = SteadyClock()

    def append(self, event: AnyEvent) -> float:
        """Write `event` with the present time, which is returned; JournalError where the disk takes no more."""
        now = self._clock.now()
        line = _with_sum(_ENCODER.encode(_Line(time=now, event=event)))
        try:
            if self._has_links and os.fstat(self._fd).st_nlink == 0:
                raise JournalError(f"{self.path} was deleted while the run was writing it.")
            written = os.write(self._fd, line)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {_why(error)}.") from error
        if written < len(line):
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
            raise JournalError(f"{self.path} cannot be written: the disk is full or a size limit is reached.")
        return now

    def close(self) -> None:
        os.close(self._fd)


class SteadyClock:
    """The time in seconds since the epoch, going on evenly from when this clock was made.

    A machine's clock that is set, or steps back, tears no hole in a run and makes no later event an earlier one.
    """

    def __init__(self) -> None:
        self._ahead = time.time_ns() - _steady_ns()

    def now(self) -> float:
        return (self._ahead + _steady_ns()) / 1e9


class JournalTail:
    """Reads a journal while it grows; one fstat where nothing is new.

    A file that does not exist yet is an empty journal. With `most`, one `read` takes in about so many bytes at the
    most (and what follows with the next), so that a reader of a long journal is neither held up nor filled up.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        self.path = path
        self._most = most
        self._fd: int | None = None
        self._offset = 0  # where the whole lines read so far end
        self._lines = 0  # how many they are
        self._seen = (0, 0, 0)  # the file's size, time and links when it was last read
        self._batches = 0  # of the run, once RunStarted is read
        self._error: JournalError | None = None

    def read(self) -> list[tuple[float, AnyEvent]]:
        """The events, with their times, of every whole line since the last call.

        An event of an unknown type is one from a newer program: a Warned of kind "newer" stands for it.
        Raises JournalError, naming the file and the line, for anything else that is not an event; the events
        before it are returned first, by the call before.
        """
        if self._error:
            raise self._error
        events = []
        try:
            for event in self.new_events():
                events.append(event)
        except JournalError as error:
            self._error = error
            if not events:
                raise
        return events

    def new_events(self) -> Iterator[tuple[float, AnyEvent]]:
        """As `read`, one by one; raises JournalError where it comes to what is not an event."""
        for line in self._new_lines():
            yield self._decode(line)

    def close(self) -> None:
        """Let the file go; a later `read` opens it again and goes on where this one was."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        self.close()

    def _new_lines(self) -> Iterator[bytes]:
        """The whole lines that are new, read a megabyte at a time."""
        try:
            if self._fd is None:
                self._fd = regular_descriptor(self.path)
            status = os.fstat(self._fd)
            if (status.st_size, status.st_mtime_ns, status.st_nlink) == self._seen:
                return
            if status.st_nlink == 0 and self._seen[2] > 0:
                raise JournalError(f"{self.path} was deleted while it was being read.")
            if status.st_size < self._offset:
                raise JournalError(f"{self.path} was cut short while it was being read.")
            check_length(self.path, status.st_size)
            begin = at = self._offset
            step = min(_AT_ONCE, self._most or _AT_ONCE)
            torn = b""  # it is read again, from its start, when more is there
            while at < status.st_size and (read := os.pread(self._fd, min(step, status.st_size - at), at)):
                at += len(read)
                *lines, torn = (torn + read).split(b"\n")
                for line in lines:
                    self._offset += len(line) + 1
                    self._lines += 1
                    yield line
                if len(torn) > LONGEST_LINE:
                    self._lines += 1
                    raise self._not_an_event(TOO_LONG)
                if self._most is not None and self._offset - begin >= self._most and at < status.st_size:
                    return
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(f"{self.path} cannot be read: {_why(error)}.") from error
        self._seen = (status.st_size, status.st_mtime_ns, status.st_nlink)

    def _decode(self, line: bytes) -> tuple[float, AnyEvent]:
        try:
            when, event = decode_line(line)
        except ValueError as error:
            raise self._not_an_event(str(error)) from error
        match event:
            case BatchBound() | BatchDone():
                if not 0 <= event.batch < self._batches:
                    raise self._not_an_event(f"there is no batch {event.batch}")
            case RunStarted() if self._batches:
                raise self._not_an_event("the run has begun before")
            case RunStarted(n=n, batch=batch, batches=batches):
                if not (n >= 1 and batch >= 1 and batches == -(-n // batch)):
                    raise self._not_an_event(f"{n} rows in batches of {batch} are not {batches} batches")
                self._batches = batches
            case Checkpoint(batches=batches):
                if not 0 <= batches <= self._batches:
                    raise self._not_an_event(f"there are no {batches} batches")
        return when, event

    def _not_an_event(self, why: str) -> JournalError:
        return JournalError(f"{self.path}, line {self._lines}, is not an event: {visible(why, 200)}.")


def read_record(path: Path) -> RunRecord:
    """What the journal at `path` says of its run, to its last whole line.

    Raises JournalError where there is no journal, or something in it is not an event.
    """
    record, error = read_kept(path)
    if error:
        raise error
    return record


def read_kept(path: Path) -> tuple[RunRecord, JournalError | None]:
    """What can be read of the journal at `path`, and why the rest of it cannot, where it cannot."""
    record = RunRecord()
    if not os.path.lexists(path):
        return record, JournalError(f"{path} does not exist.")
    tail = JournalTail(path)
    try:
        for when, event in tail.new_events():
            record.apply(when, event)
    except JournalError as error:
        return record, error
    finally:
        tail.close()
    return record, None


def check_length(path: Path, length: int) -> None:
    """Refuse a file of `length` bytes, more than any run writes, by a JournalError."""
    if length > LONGEST_JOURNAL:
        raise JournalError(f"{path} is no journal: it has {size(length)}, more than any run's.")


def decode_line(line: bytes) -> tuple[float, AnyEvent]:
    """The time and the event of one whole line, without its newline.

    An event of an unknown type is one from a newer program: a Warned of kind "newer" stands for it. Raises
    ValueError, saying why, for anything else that is not an event.
    """
    summed = line.rfind(_SUM)
    if summed >= 0 and line[summed + len(_SUM) : -1] != b"%d" % zlib.crc32(line[:summed]):
        raise ValueError("its bytes are not those that were written")
    try:
        whole = _DECODER.decode(line)
    except _NOT_AN_EVENT as error:
        newer = _newer(line)
        if newer is None:
            raise ValueError(str(error)) from error
        return newer
    return whole.time, whole.event


class _Line(msgspec.Struct, frozen=True):
    time: float
    event: AnyEvent


class _Tag(msgspec.Struct, frozen=True):
    type: str


class _TaggedLine(msgspec.Struct, frozen=True):
    time: float
    event: _Tag


_SUM: Final = b',"crc":'
_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(_Line)
_TAGGED_DECODER: Final = msgspec.json.Decoder(_TaggedLine)
_KNOWN: Final = frozenset(kind.__name__ for kind in AnyEvent.__args__)
_NOT_AN_EVENT: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def _with_sum(encoded: bytes) -> bytes:
    """An encoded line with its checksum, and its newline."""
    body = encoded[:-1]
    return b"%s%s%d}\n" % (body, _SUM, zlib.crc32(body))


def _steady_ns() -> int:
    # Where there is one, the clock that goes on while the machine sleeps.
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _newer(line: bytes) -> tuple[float, Warned] | None:
    """The warning that stands for an event of a type this program does not know; None if `line` is none."""
    try:
        tagged = _TAGGED_DECODER.decode(line)
    except _NOT_AN_EVENT:
        return None
    if tagged.event.type in _KNOWN:
        return None
    message = f"The journal holds an event {tagged.event.type!a:.40} that this version of farpair does not know."
    return tagged.time, Warned(kind="newer", message=message)


def _whole_lines(fd: int) -> int:
    """How many bytes of the file at `fd` are whole lines."""
    size = os.fstat(fd).st_size
    while size > 0:
        start = max(0, size - 65536)
        newline = os.pread(fd, size - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        size = start
    return 0


def _why(error: OSError) -> str:
    return error.strerror or str(error)
