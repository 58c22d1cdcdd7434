"""A real terminal for tests: the program runs in a pty of its own session, its screen is read through pyte."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import pyte

PATIENCE_SECONDS = 90.0  # far beyond what anything here takes, so that only what never happens fails

# The pty becomes the program's controlling terminal, so that it gets SIGWINCH and SIGHUP as under a shell.
_CONTROLLED = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
# What pyte would print: the kitty keyboard protocol and the queries of terminal modes.
_NOT_FOR_PYTE = re.compile(rb"\x1b\[(?:[<>][0-9;]*u|\?[0-9]+\$p|[0-9;]*c)")

KEYS = {"down": "\x1b[B", "up": "\x1b[A", "pagedown": "\x1b[6~", "home": "\x1b[H", "end": "\x1b[F", "enter": "\r",
        "escape": "\x1b", "ctrl+p": "\x10", "ctrl+u": "\x15", "space": " "}  # fmt: skip


class Terminal:
    """A program in a terminal of `columns` by `rows`; use it as a context, so that nothing is left behind."""

    LAUNCHER: Sequence[str] = (sys.executable, "-c", _CONTROLLED)

    def __init__(
        self,
        command: Sequence[str],
        state: Path,
        *,
        columns: int,
        rows: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.written = b""
        self._lock = threading.Lock()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._held = b""
        self._master, slave = os.openpty()
        self._set_size(columns, rows)
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TEXTUAL", "FARPAIR", "TMUX", "STY", "LC_", "COLUMNS", "LINES"))
        }
        plain |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": str(state)}
        plain |= environment or {}
        self.process = subprocess.Popen(
            [*self.LAUNCHER, *command],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env=plain, cwd="/",
        )  # fmt: skip
        os.close(slave)
        self._flows = threading.Event()
        self._flows.set()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.hang_up()

    @property
    def text(self) -> str:
        """What the screen shows now, line by line."""
        with self._lock:
            return "\n".join(self._screen.display)

    def press(self, *keys: str) -> None:
        """Press keys: characters, or names of `KEYS`."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())
            time.sleep(0.3 if key == "escape" else 0.05)  # sooner, an escape and the next key are one key

    def wait_for(self, wanted: str | Callable[[str], bool], patience: float = PATIENCE_SECONDS) -> str:
        """The screen's text once it holds, or is, what is `wanted`."""
        met = wanted if callable(wanted) else lambda text: wanted in text
        deadline = time.monotonic() + patience
        while not met(text := self.text):
            assert time.monotonic() < deadline, f"never saw {wanted!r}; the screen is:\n{text}"
            assert self.process.poll() is None or met(self.text), (
                f"ended without {wanted!r}; the screen is:\n{text}"
            )
            time.sleep(0.02)
        return text

    def settled(self, other_than: str = "", still_seconds: float = 1.0) -> str:
        """The screen's text once it is not `other_than` and has stayed the same for `still_seconds`."""
        seen, since = self.text, time.monotonic()

        def still(text: str) -> bool:
            nonlocal seen, since
            if text != seen:
                seen, since = text, time.monotonic()
            return text != other_than and time.monotonic() - since >= still_seconds

        return self.wait_for(still)

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size, as dragging its window does; the program gets SIGWINCH."""
        with self._lock:
            self._screen.resize(rows, columns)
            self._screen.reset()
        self._set_size(columns, rows)

    def stall(self) -> None:
        """Read no more of what the program writes, as a connection that hangs does."""
        self._flows.clear()

    def flow(self) -> None:
        """Read on."""
        self._flows.set()

    def hang_up(self) -> None:
        """Close the terminal's other end, as a dropped connection does."""
        master, self._master = self._master, -1
        if master >= 0:
            os.close(master)

    def wait(self) -> int:
        """The program's exit code once it has ended, and what it wrote has been read."""
        try:
            code = self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end; the screen is:\n{self.text}") from None
        self._reader.join(5.0)
        return code

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self) -> None:
        while self._flows.wait():
            try:
                read = os.read(self._master, 65536)
            except OSError:
                return
            if not read:
                return
            with self._lock:
                self.written += read
                self._feed(read)

    def _feed(self, read: bytes) -> None:
        """Let pyte have what it knows; a sequence that is not whole yet waits for the rest."""
        known = _NOT_FOR_PYTE.sub(b"", self._held + read)
        cut = known.rfind(b"\x1b")
        whole = cut < 0 or re.match(rb"\x1b(?:\[[0-9;?<>$]*[@-~]|\].*(?:\x07|\x1b\\)|[^\[\]])", known[cut:])
        self._held = b"" if whole else known[cut:]
        self._stream.feed(known if whole else known[:cut])
