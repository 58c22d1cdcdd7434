"""Reads a journal while it grows, or to its end. Torch is not imported here."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import JournalError
from ..events import AnyEvent, BatchBound, BatchDone, Checkpoint, RunStarted
from ..files import regular_descriptor
from ..text.escape import visible
from .line import LONGEST_LINE, TOO_LONG, check_length, decode_line, why
from .record import RunRecord

_AT_ONCE: Final = 1 << 20


class JournalTail:
    """Reads a journal while it grows. A `read` of an unchanged file costs one fstat.

    A file that does not exist yet is an empty journal. With `most`, one `read` takes at most about that many
    bytes, so that reading a long journal needs little memory and does not block its reader for long.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        self.path = path
        self._most = most
        self._fd: int | None = None
        self._offset = 0  # the end of the whole lines read so far
        self._lines = 0  # the number of those lines
        self._seen = (0, 0, 0)  # the file's size, modification time and links at the last read
        self._batches = 0  # the number of the run's batches, once RunStarted is read
        self._error: JournalError | None = None

    def read(self) -> list[tuple[float, AnyEvent]]:
        """The events of every whole line since the last call, with their times.

        An event of an unknown type comes from a newer version; a Warned of kind "newer" replaces it. Raises
        JournalError, which names the file and the line, for any other line that is not an event, once all events
        before that line have been returned.
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
        """Yield the events that `read` returns; raises JournalError at the first line that is not an event."""
        for line in self._new_lines():
            yield self._decode(line)

    def close(self) -> None:
        """Close the file; a later `read` opens it again and continues where the last one ended."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        self.close()

    def _new_lines(self) -> Iterator[bytes]:
        """Yield the new whole lines, read in blocks of a megabyte."""
        try:
            if self._fd is None:
                self._fd = regular_descriptor(self.path)
            status = os.fstat(self._fd)
            if (status.st_size, status.st_mtime_ns, status.st_nlink) == self._seen:
                return
            self._check_that_it_grew(status)
            begin = at = self._offset
            step = min(_AT_ONCE, self._most or _AT_ONCE)
            torn = b""  # an incomplete line; the next call reads it from its start
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
            raise JournalError(f"{self.path} cannot be read: {why(error)}.") from error
        self._seen = (status.st_size, status.st_mtime_ns, status.st_nlink)

    def _check_that_it_grew(self, status: os.stat_result) -> None:
        if status.st_nlink == 0 and self._seen[2] > 0:
            raise JournalError(f"{self.path} was deleted while it was being read.")
        if status.st_size < self._offset:
            raise JournalError(f"{self.path} was cut short while it was being read.")
        check_length(self.path, status.st_size)

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
    """The record of the run in the journal at `path`, up to its last whole line.

    Raises JournalError where there is no journal, or one of its lines is not an event.
    """
    record, error = read_kept(path)
    if error:
        raise error
    return record


def read_kept(path: Path) -> tuple[RunRecord, JournalError | None]:
    """The record of the part of the journal at `path` that can be read, and the error in the rest, if any."""
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
