"""Memory: whether what a file asks for fits, and what running out of it looks like. No torch here.

Torch raises its OutOfMemoryError for CUDA and XPU; MPS, the CPU and the libraries beneath raise a RuntimeError
that says it in words.
"""

from types import TracebackType
from typing import Final

import psutil

from .errors import InputError
from .text.numbers import size


def check_room(needed: int, what: str) -> None:
    """Refuse what takes `needed` bytes where fewer are free: InputError, its sentence beginning with `what`."""
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(f"{what} {size(needed)} of memory, and {size(free)} are free.")


_WORDS: Final = ("out of memory", "allocate memory", "not enough memory", "alloc_failed", "out_of_device_memory")


def memory_ran_out(error: BaseException) -> bool:
    """Whether `error` says that there was not enough memory, of the device or of the machine."""
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or any(words in str(error).lower() for words in _WORDS)


class Shortage:
    """A block of code in which memory may run out: `with Shortage() as shortage: ...`.

    Where it did, the block is left, what it held is let go, and `shortage.met` is true. Any other error passes
    through, as this one does where it is not `bearable`.
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
