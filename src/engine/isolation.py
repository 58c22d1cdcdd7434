"""Work done apart from the caller's torch settings, in a thread of its own.

Autocast, inference mode, the default device and whether subnormal numbers are flushed belong to a thread, and so
do the threads of OpenMP that help it. A new thread has none of the caller's, and what it sets nobody else sees.
What belongs to the whole process (the default dtype, the precision of float32 products) is left alone: every
tensor here names its dtype, and every product proves its arithmetic (`products`).
"""

import threading
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")

_WAKES = 0.1  # seconds after which a wait looks up, so that ctrl-c is seen


class Abandoned(BaseException):
    """Raised in the thread whose result nobody waits for any more."""


class _Thread(threading.local):
    """What a thread is told: `abandoned` is set where nobody waits for its result."""

    abandoned: threading.Event | None = None


_this_thread = _Thread()


def apart(work: Callable[[], Result]) -> Result:
    """The result of `work`, or what it raises, from a thread of its own.

    Where the wait for it is interrupted (ctrl-c), the thread ends at the next `check_wanted`.
    """
    if _this_thread.abandoned is not None:  # it is apart already
        return work()
    results: list[Result] = []
    errors: list[BaseException] = []
    abandoned = threading.Event()

    def run() -> None:
        _this_thread.abandoned = abandoned
        torch.set_flush_denormal(False)  # a thread inherits this one, before it has any to help it
        try:
            with torch.no_grad():
                results.append(work())
        except BaseException as error:  # whatever it is, it is the caller's
            errors.append(error)

    thread = threading.Thread(target=run, name="farpair", daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_WAKES)
    except BaseException:
        abandoned.set()
        raise
    if errors:
        raise errors[0]
    return results[0]


def check_wanted() -> None:
    """Raise Abandoned in a thread that works apart and whose result nobody waits for any more."""
    if _this_thread.abandoned is not None and _this_thread.abandoned.is_set():
        raise Abandoned
