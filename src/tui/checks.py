"""The independent check of a run, in a separate process, since the screen imports neither torch nor numpy."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from ..engine.runs.folders import Run


class Said(NamedTuple):
    """The result of a check in words, and whether it is good news."""

    words: str
    confirmed: bool


class Check:
    """A check of `run`; `progress` is its progress in words."""

    def __init__(self, run: Run) -> None:
        self.progress = "reading the rows"
        self._run = run

    async def to_its_end(self, changed: Callable[[], None]) -> str:
        """Start the process and follow it; `changed` is called when `progress` changes. Returns why there is no
        verdict, or "" where the run's journal has it. Ends the process when it is cancelled."""
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
