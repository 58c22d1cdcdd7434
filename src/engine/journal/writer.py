"""Writes a journal: the engine appends one line for each event. Torch is not imported here.

Each line is one write to a file opened for appending. A reader therefore meets at most one incomplete line, the
last, which counts as not written yet; a writer killed at any moment leaves at most one.
"""

import contextlib
import os
import time
import zlib
from pathlib import Path
from typing import Final

import msgspec

from ..errors import JournalError
from ..events import AnyEvent
from .line import CHECKSUM, Line, why


class JournalWriter:
    """Appends events to the journal at `path`, which is created (mode 0600) where it does not exist.

    Raises JournalError where the file cannot be opened, a line cannot be written whole, or the journal was
    deleted. A line that is only partly written is removed, so that the journal stays valid.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.ftruncate(self._fd, _whole_lines(self._fd))
            self._has_links = os.fstat(self._fd).st_nlink > 0  # some file systems do not count links
        except OSError as error:
            raise JournalError(f"{path} cannot be opened for writing: {why(error)}.") from error
        self._clock = SteadyClock()

    def append(self, event: AnyEvent) -> float:
        """Write `event` with the present time and return that time. Raises JournalError where it cannot be
        written."""
        now = self._clock.now()
        line = _with_sum(_ENCODER.encode(Line(time=now, event=event)))
        try:
            if self._has_links and os.fstat(self._fd).st_nlink == 0:
                raise JournalError(f"{self.path} was deleted while the run was writing it.")
            written = os.write(self._fd, line)
        except OSError as error:
            raise JournalError(f"{self.path} cannot be written: {why(error)}.") from error
        if written < len(line):
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, os.fstat(self._fd).st_size - written)
            raise JournalError(f"{self.path} cannot be written: the disk is full or a size limit is reached.")
        return now

    def close(self) -> None:
        """Close the journal; nothing can be appended after that."""
        os.close(self._fd)


class SteadyClock:
    """A clock of seconds since the epoch that advances evenly from its creation.

    Where the machine's clock is set, the times of a run neither jump nor decrease.
    """

    def __init__(self) -> None:
        self._ahead = time.time_ns() - _steady_ns()

    def now(self) -> float:
        """The time in seconds since the epoch."""
        return (self._ahead + _steady_ns()) / 1e9


_ENCODER: Final = msgspec.json.Encoder()


def _with_sum(encoded: bytes) -> bytes:
    """An encoded line with its checksum and its newline."""
    body = encoded[:-1]
    return b"%s%s%d}\n" % (body, CHECKSUM, zlib.crc32(body))


def _steady_ns() -> int:
    # CLOCK_BOOTTIME also advances while the machine sleeps; not every system has it.
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _whole_lines(fd: int) -> int:
    """The number of bytes of the file `fd` that are whole lines."""
    size = os.fstat(fd).st_size
    while size > 0:
        start = max(0, size - 65536)
        newline = os.pread(fd, size - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        size = start
    return 0
