"""Starts the process that reads a tokenizer (see `tokenizer_reader`), reads its answer, and ends it.

A hostile tokenizer file can harm only that process. Torch, numpy and tokenizers are not imported here.
"""

import os
import select
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path
from typing import Final

import msgspec

from ..errors import InputError
from ..files import regular_descriptor
from ..text.escape import visible
from ..text.numbers import size
from .first_bytes import LONGEST, what_it_is
from .header import unreadable
from .tokenizer_reader import MEMORY, Answer, Refused, Texts

SECONDS: Final = 30  # the limit on the process's CPU time and on the wait for its answer
LONGEST_FILE: Final = 64 << 20  # bytes; the largest known, with 262,144 tokens and as many merges, has 35 million
_LONGEST_ANSWER: Final = 256 << 20  # bytes
_READER: Final = f"{__package__}.tokenizer_reader"
# Each thread reserves address space of its own, which is limited.
_FEW_THREADS: Final = {"RAYON_NUM_THREADS": "4", "MALLOC_ARENA_MAX": "2"}


class TokenizerProcess:
    """A process that reads the tokenizer.json at `path` in at most `seconds`. It starts at once, and ends by
    itself or when this object is no longer referenced."""

    def __init__(self, path: Path, seconds: int = SECONDS) -> None:
        self._seconds = seconds
        self._name = visible(str(path))
        self._outcome: Texts | InputError | None = None
        try:
            self._begin(path)
        except InputError as error:
            self._outcome = error

    def texts(self) -> Texts:
        """The tokens' texts. Raises InputError where the file is missing, or the library cannot read it within the
        limits."""
        if self._outcome is None:
            try:
                self._outcome = self._answer()
            except InputError as error:
                self._outcome = error
        if isinstance(self._outcome, InputError):
            raise self._outcome
        return self._outcome

    def _begin(self, path: Path) -> None:
        try:
            file = regular_descriptor(path)
        except OSError as error:
            raise unreadable(path, error) from error
        try:
            length = os.fstat(file).st_size
            if length > LONGEST_FILE:
                raise InputError(f"{self._name} has {size(length)}, and a tokenizer at most {size(LONGEST_FILE)}.")
            self._first = os.pread(file, LONGEST, 0)
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _READER, str(self._seconds)],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=os.environ | _FEW_THREADS,
                bufsize=0,
            )
        except OSError as error:
            raise InputError(f"{self._name} cannot be read: {visible(str(error))}.") from error
        finally:
            os.close(file)
        self._end = weakref.finalize(self, _end, self._process)

    def _answer(self) -> Texts:
        deadline = time.monotonic() + self._seconds
        length = int.from_bytes(self._read(4, deadline), "little")
        if length > _LONGEST_ANSWER:
            raise self._failed(_NONSENSE)
        try:
            answer: Answer = msgspec.msgpack.decode(self._read(length, deadline), type=Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise self._failed(_NONSENSE) from None
        if isinstance(answer, Refused):
            reason = what_it_is(self._first, "json") or visible(answer.reason, 160).rstrip(".")
            raise InputError(f"{self._name} is not a tokenizer: {reason}.")
        if not len(answer.ids) == len(answer.stored) == len(answer.texts):
            raise self._failed(_NONSENSE)
        return answer

    def _read(self, length: int, deadline: float) -> bytes:
        """The next `length` bytes of the answer."""
        assert self._process.stdout is not None
        output, got = self._process.stdout.fileno(), bytearray()
        poll = select.poll()
        poll.register(output, select.POLLIN)
        while len(got) < length:
            if not poll.poll(1000 * max(0.0, deadline - time.monotonic())):
                raise self._failed(self._too_long())
            more = os.read(output, min(length - len(got), 1 << 20))
            if not more:
                raise self._failed(self._ending(self._process.wait()))
            got += more
        return bytes(got)

    def _too_long(self) -> str:
        return f"the tokenizers library takes more than {self._seconds} seconds to read it"

    def _ending(self, code: int) -> str:
        """The reason why a process that ended with `code` gave no answer."""
        if code == -signal.SIGXCPU:
            return self._too_long()
        return f"the tokenizers library fails on it, as it does where it needs more than {size(MEMORY)} of memory"

    def _failed(self, why: str) -> InputError:
        self._end()
        return InputError(f"{self._name} cannot be used: {why}.")


_NONSENSE: Final = "the answer of the tokenizers library makes no sense"


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
