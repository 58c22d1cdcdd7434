"""The app's side of the standby engine (see `worker.standby`), which loads torch ahead of the first run, so that
runs begin at once. Torch is not imported here."""

import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from typing import IO, Final

import psutil

from .folders import Run, private
from .liveness import STANDBY

LEAST_FREE: Final = 2 * 10**9  # the least free memory, in bytes and as a share of all, with which a standby starts
LEAST_SHARE: Final = 0.1
_PATIENCE_SECONDS: Final = 2.0


class Begun:
    """An engine that the standby started, with the interface of the processes that `control` starts."""

    def __init__(self, pid: int, standby: "Standby") -> None:
        self.pid = pid
        self._standby = standby

    def poll(self) -> int | None:
        """The engine's exit code, negative for the signal that ended it; None while it lives."""
        return self._standby.ended(self.pid)

    def send_signal(self, number: int) -> None:
        """Send the engine a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the engine."""
        self.send_signal(signal.SIGKILL)

    @property
    def known(self) -> bool:
        """Whether the engine's end is known or will be reported."""
        return self.poll() is not None or self._standby.there


class Standby:
    """A process that has loaded torch, or is loading it. Raises OSError where it cannot be started."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", STANDBY],
            start_new_session=True,
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            close_fds=True,
            bufsize=0,
            env={"OMP_WAIT_POLICY": "PASSIVE"} | os.environ,  # see `control`
        )
        self._said = b""
        self._began: list[int] = []
        self._codes: dict[int, int] = {}
        self._ready = False
        os.set_blocking(self._output.fileno(), False)

    @property
    def pid(self) -> int:
        """The process number."""
        return self._process.pid

    @property
    def there(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    @property
    def ready(self) -> bool:
        """Whether the process lives and has loaded torch."""
        self._listen()
        return self._ready and self.there

    def begin(self, run: Run) -> Begun | None:
        """Begin `run`; returns None where the standby is not ready, so that another engine has to be started.

        Raises OSError where the standby does not answer.
        """
        if not self.ready:
            return None
        with open(run.log, "xb", opener=private):
            pass
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(os.fsencode(run.folder) + b"\n")
        except OSError:
            run.log.unlink()
            return None
        while not self._began and select.select([self._output], [], [], _PATIENCE_SECONDS)[0] and self.there:
            self._listen()
        if not self._began:
            self.close()
            raise OSError(0, "the standby engine does not answer", None)
        return Begun(self._began.pop(), self)

    def ended(self, pid: int) -> int | None:
        """The exit code of the engine `pid`; None where no end is reported yet."""
        if pid not in self._codes:
            self._listen()
        return self._codes.get(pid)

    def close(self) -> None:
        """End the standby; the runs that it started continue."""
        with suppress(OSError):
            self._process.kill()
        self._process.wait()

    @property
    def _output(self) -> IO[bytes]:
        assert self._process.stdout is not None
        return self._process.stdout

    def _listen(self) -> None:
        """Read the lines that the process has written."""
        while got := self._output.read(4096):
            *lines, self._said = (self._said + got).split(b"\n")
            for line in lines:
                word, *numbers = line.split()
                if word == b"ready":
                    self._ready = True
                elif word == b"began":
                    self._began.append(int(numbers[0]))
                else:
                    self._codes[int(numbers[0])] = int(numbers[1])


def memory_allows() -> bool:
    """Whether enough memory is free for a process that only waits."""
    memory = psutil.virtual_memory()
    return bool(memory.available >= max(LEAST_FREE, LEAST_SHARE * memory.total))
