"""Whether what a file asks for fits in memory, said before it is asked of the system, which might end the run."""

import psutil

from ..errors import InputError
from ..text import size


def check_room(needed: int, what: str) -> None:
    """Refuse what takes `needed` bytes where fewer are free: InputError, its sentence beginning with `what`."""
    free = psutil.virtual_memory().available
    if needed > free:
        raise InputError(f"{what} {size(needed)} of memory, and {size(free)} are free.")
