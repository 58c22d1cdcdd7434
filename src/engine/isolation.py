"""Work done apart from the caller's torch settings, in a thread of its own.

Autocast, inference mode, the default device and whether subnormal numbers are flushed belong to a thread, and so
do the threads of OpenMP that help it. A new thread has none of the caller's, and what it sets nobody else sees.
What belongs to the whole process (the default dtype, the precision of float32 products) is left alone: every
tensor here names its dtype, and every product proves its arithmetic (`products`).
"""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import torch

Event = TypeVar("Event")
Result = TypeVar("Result")

_WAKES = 0.1  # seconds after which a wait looks up, so that ctrl-c is seen
_AHEAD = 64  # events that work may be ahead of who takes them


class Abandoned(BaseException):
    """Raised in the thread whose result nobody waits for any more."""


@dataclass(frozen=True)
class _End:
    """There are no more events; because of an error, or since all are made."""

    error: BaseException | None = None


class _Thread(threading.local):
    """What a thread is told: `abandoned` is set where nobody waits for its result; None where it is the
    caller's."""

    abandoned: threading.Event | None = None


_this_thread = _Thread()


def apart(work: Callable[[], Result]) -> Result:
    """The result of `work`, or what it raises, from a thread of its own.

    Where the wait for it is interrupted (ctrl-c), the thread ends at the next `check_wanted`.
    """

    def only() -> Generator[Result]:
        yield work()

    (result,) = events_apart(only)
    return result


def events_apart(events: Callable[[], Iterator[Event]]) -> Generator[Event]:
    """The events of an iterator that `events` makes and a thread of its own goes through, a little ahead.

    Where nobody waits for the next one any more, the thread ends at the next `check_wanted`.
    """
    if _this_thread.abandoned is not None:  # it is apart already
        yield from events()
        return
    made: queue.Queue[Event | _End] = queue.Queue(_AHEAD)
    abandoned = threading.Event()

    def run() -> None:
        _this_thread.abandoned = abandoned
        torch.set_flush_denormal(False)  # a thread inherits this one, before it has any to help it
        end = _End()
        try:
            with torch.no_grad():
                for event in events():
                    _put(made, event)
        except BaseException as error:  # whatever it is, it is the caller's
            end = _End(error)
        with suppress(Abandoned):
            _put(made, end)

    thread = threading.Thread(target=run, name="farpair", daemon=True)
    thread.start()
    try:
        while True:
            try:
                event = made.get(timeout=_WAKES)
            except queue.Empty:
                continue
            if not isinstance(event, _End):
                yield event
            elif event.error is None:
                return
            else:
                raise event.error
    finally:
        abandoned.set()


def check_wanted() -> None:
    """Raise Abandoned in a thread that works apart and whose result nobody waits for any more."""
    if _this_thread.abandoned is not None and _this_thread.abandoned.is_set():
        raise Abandoned


def _put(made: "queue.Queue[Event]", event: Event) -> None:
    """Put an event into a queue as soon as there is room. Raises Abandoned where nobody takes any more."""
    while True:
        check_wanted()
        try:
            made.put(event, timeout=_WAKES)
        except queue.Full:
            continue
        return
