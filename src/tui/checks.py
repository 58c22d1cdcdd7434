"""The independent check of a run, in a process of its own: the screen imports neither torch nor numpy."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from ..engine.runs.folders import Run


class Said(NamedTuple):
    """What came of a check, in words, and whether it is what one hopes for."""

    words: str
    confirmed: bool


class Check:
    """A check of `run`; `progress` says in words how far it is."""

    def __init__(self, run: Run) -> None:
        self.progress = "reading the rows"
        self._run = run

    async def to_its_end(self, changed: Callable[[], None]) -> str:
        """Start the process and follow it; `changed` is called when `progress` is new. Returns why there is no
        verdict, "" where it is in the run's journal. Cancelled, it ends the process."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "farpair.engine.worker.verifying", str(self._run.folder)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            return f"The check could not be started: {error.strerror}."
        assert process.stdout is not None
        assert process.stderr is not None
        told = asyncio.create_task(process.stderr.read())
        try:
            async for line in process.stdout:
                self.progress = f"{line.decode().strip()}%"
                changed()
            code = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
        last = next(reversed((await told).decode(errors="replace").splitlines()), "")
        return "" if code == 0 else last or f"The check ended with exit code {code}."
