"""Reads a journal while it grows, or to its end. No torch here."""

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
    """Reads a journal while it grows; one fstat where nothing is new.

    A file that does not exist yet is an empty journal. With `most`, one `read` takes about that many bytes at
    most, so that a reader of a long journal is not held up and needs little memory.
    """

    def __init__(self, path: Path, most: int | None = None) -> None:
        self.path = path
        self._most = most
        self._fd: int | None = None
        self._offset = 0  # the end of the whole lines read so far
        self._lines = 0  # how many they are
        self._seen = (0, 0, 0)  # the file's size, time and links when it was last read
        self._batches = 0  # of the run, once RunStarted is read
        self._error: JournalError | None = None

    def read(self) -> list[tuple[float, AnyEvent]]:
        """The events, with their times, of every whole line since the last call.

        An event of an unknown type comes from a newer version, and is replaced by a Warned of kind "newer".
        Raises JournalError, which names the file and the line, for anything else that is not an event; the call
        before returns the events before it.
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
        """The same, one by one; raises JournalError at the first line that is not an event."""
        for line in self._new_lines():
            yield self._decode(line)

    def close(self) -> None:
        """Close the file; a later `read` opens it again and continues from the same place."""
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
            self._check_that_it_grew(status)
            begin = at = self._offset
            step = min(_AT_ONCE, self._most or _AT_ONCE)
            torn = b""  # it is read again from its start when there is more
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
    """The record of the run in the journal at `path`, to its last whole line.

    Raises JournalError where there is no journal, or something in it is not an event.
    """
    record, error = read_kept(path)
    if error:
        raise error
    return record


def read_kept(path: Path) -> tuple[RunRecord, JournalError | None]:
    """The record of as much of the journal at `path` as can be read, and why the rest cannot, if so."""
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
