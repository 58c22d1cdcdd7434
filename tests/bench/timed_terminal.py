"""A terminal for measurements: when the program wrote what, and what its process has cost so far."""

import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from support.terminal import PATIENCE_SECONDS, Terminal

COLUMNS, ROWS = 160, 48
_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<>=$]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^\[\]])")


class TimedTerminal(Terminal):
    """A program in a terminal of 160 × 48. Nothing reads its screen, so that what it writes is noted at once."""

    LAUNCHER = ()  # its time would be taken for the program's

    def __init__(self, command: Sequence[str], state: Path) -> None:
        self._news = threading.Condition()
        self._chunks: list[tuple[float, float, bytes]] = []  # by which clock time and processor time, what
        self.began = time.perf_counter()
        super().__init__(command, state, columns=COLUMNS, rows=ROWS)

    @property
    def size(self) -> int:
        """How many bytes it has written."""
        with self._news:
            return len(self.written)

    def wait_for_text(self, wanted: str) -> tuple[float, float]:
        """Seconds, and seconds of processor time, from the program's start until it had written `wanted` in one
        piece but for changes of colour."""
        text = wanted.encode()
        at, cpu = self._when(lambda written: text in _ESCAPES.sub(b"", written))
        return at - self.began, cpu

    def strike(self, key: str, met: Callable[[bytes], bool]) -> float:
        """Seconds from pressing `key` until what was written after it met `met`."""
        with self._news:
            since = len(self._chunks)
        struck = time.perf_counter()
        os.write(self._master, key.encode())
        return self._when(met, since)[0] - struck

    @property
    def cpu_seconds(self) -> float:
        """The processor time that the program has used, its engine not included."""
        clock = (~self.process.pid << 3) | 2  # as clock_getcpuclockid has it on Linux
        return time.clock_gettime(clock)

    @property
    def peak_bytes(self) -> int:
        """The most memory that the program has held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        assert found is not None, status
        return int(found[1]) * 1024

    def _when(self, met: Callable[[bytes], bool], since: int = 0) -> tuple[float, float]:
        """The time by `perf_counter`, and the processor time, at which what was written after the first `since`
        chunks met `met`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        read = since
        with self._news:
            while True:
                while read < len(self._chunks):
                    read += 1
                    if met(b"".join(chunk for *_, chunk in self._chunks[since:read])):
                        return self._chunks[read - 1][:2]
                assert self._news.wait(deadline - time.monotonic()), f"never came: {self._tail()!r}"

    def _read(self) -> None:
        while True:
            try:
                read = os.read(self._master, 65536)
                at, cpu = time.perf_counter(), self.cpu_seconds
            except OSError:  # it is gone
                return
            with self._news:
                self.written += read
                self._chunks.append((at, cpu, read))
                self._news.notify_all()
            if not read:
                return

    def _tail(self) -> bytes:
        return _ESCAPES.sub(b"", self.written)[-400:]
