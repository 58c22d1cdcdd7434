"""Checks whether an allocation fits in memory, and recognises out-of-memory errors. Torch is not imported here.

Torch raises OutOfMemoryError for CUDA and XPU. For MPS, the CPU and underlying libraries it raises a RuntimeError
that only its message identifies.
"""

from types import TracebackType
from typing import Final

import psutil

from .errors import InputError
from .text.numbers import size


def check_room(needed: int, what: str) -> None:
    """Raise InputError, with a sentence that begins with `what`, where fewer than `needed` bytes are free."""
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(f"{what} {size(needed)} of memory, and {size(free)} are free.")


_WORDS: Final = ("out of memory", "allocate memory", "not enough memory", "alloc_failed", "out_of_device_memory")


def memory_ran_out(error: BaseException) -> bool:
    """Whether `error` means that the device or the machine ran out of memory."""
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or any(words in str(error).lower() for words in _WORDS)


class Shortage:
    """A context manager for code in which memory may run out: `with Shortage() as shortage: ...`.

    When memory runs out, the block ends, its references are dropped, and `shortage.met` is true. Every other error
    passes through, as does this one unless `bearable`.
    """

    def __init__(self, bearable: bool = True) -> None:
        self._bearable = bearable
        self.met = False

    def __enter__(self) -> "Shortage":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.met = self._bearable and error is not None and memory_ran_out(error)
        return self.met
