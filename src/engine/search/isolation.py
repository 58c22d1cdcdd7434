"""Runs work in a thread of its own, isolated from the caller's torch settings.

Autocast, inference mode, the default device and whether subnormal numbers are flushed belong to a thread, and so
do the threads of OpenMP that help it. A new thread has none of the caller's, and what it sets nobody else sees.
What belongs to the whole process (the default dtype, the precision of float32 products) is left alone: every
tensor here names its dtype, and every product proves its arithmetic (`matmul`).

CUDA's streams. The current device and stream belong to a thread as well, and work is in order within a stream
alone: rows may still be written by what the caller's has to do. So the thread takes over the caller's.

Waiting. OpenMP's threads wait for one another by spinning. Beside programs that keep every core busy, a thread
that spins takes the core that the one it waits for needs: a search takes four to ten times as long. GNU's OpenMP,
which comes with torch for Linux, spins a thousandth as long where it has more threads than there are cores
(libgomp's manual, GOMP_SPINCOUNT). So where this process's threads are seen to lose their cores to others, one
more thread of OpenMP's, which sleeps, is kept while the search goes on. On a quiet machine there is none: threads
that spin are a third faster. An engine process is started with OMP_WAIT_POLICY=PASSIVE instead, which has to be
set before torch is loaded.
"""

import os
import queue
import resource
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar

import torch

from ..errors import ProofError
from .rounding import check_float64

Event = TypeVar("Event")
Result = TypeVar("Result")

_WAKES = 0.1  # seconds after which a wait is interrupted, so that ctrl-c is handled
_AHEAD = 8  # lists of events by which the work may be ahead of its consumer,
_TOGETHER = 0.02  # each of this many seconds
_MOST_IDLE = 2  # idle threads that are kept
_LOOKS_AFTER = 0.02  # seconds between looks; each counts what was lost since the fifth look before
_LOOKS = 6
_OFTEN = 8  # times a core was lost: about two on a quiet machine, fifteen and more beside busy programs
_FOR_TWO = 1 << 16  # numbers, of which torch gives either half to a thread


class Abandoned(BaseException):
    """Raised in a thread whose result is no longer wanted."""


@dataclass(frozen=True)
class _End:
    """The end of the events, by an error or because there are no more."""

    error: BaseException | None = None


class _Thread(threading.local):
    """What belongs to a thread: `abandoned` is set where its result is no longer wanted; None in the caller's
    thread."""

    abandoned: threading.Event | None = None


_this_thread = _Thread()
_Jobs = queue.SimpleQueue[Callable[[], None]]
_idle: list[_Jobs] = []
os.register_at_fork(after_in_child=_idle.clear)  # a forked process has none of these threads


def apart(work: Callable[[], Result]) -> Result:
    """The result of `work`, or what it raises. It runs in this thread where no settings are changed, else in one
    of its own.

    Where the wait for it is interrupted (ctrl-c), that thread ends at the next `check_wanted`.
    """
    if _is_plain():
        with _sharing_cores(), torch.no_grad():
            return work()

    def only() -> Generator[Result]:
        yield work()

    (result,) = events_apart(only)
    return result


def _is_plain() -> bool:
    """Whether torch computes in this thread as it does in a new one."""
    if torch.is_inference_mode_enabled() or torch.empty(0, dtype=torch.float32).device.type != "cpu":
        return False
    if any(torch.is_autocast_enabled(kind) for kind in ("cpu", "cuda", "xpu", "mps")):
        return False
    try:
        check_float64()
    except ProofError:
        return False
    return True


def events_apart(events: Callable[[], Iterator[Event]]) -> Generator[Event]:
    """The events of an iterator made by `events`, which runs a little ahead in a thread of its own.

    Where the next event is no longer wanted, the thread ends at the next `check_wanted`.
    """
    if _this_thread.abandoned is not None:  # it is isolated already
        yield from events()
        return
    made: queue.Queue[list[Event] | _End] = queue.Queue(_AHEAD)
    abandoned, streams = threading.Event(), _streams()

    def run() -> None:
        _this_thread.abandoned = abandoned
        end = _End()
        try:
            with _sharing_cores(), _on(streams), torch.no_grad():
                for together in _by_time(events()):
                    _put(made, together)
        except BaseException as error:  # any error is the caller's
            end = _End(error)
        with suppress(Abandoned):
            _put(made, end)

    _work(run)
    try:
        while True:
            try:
                got = made.get(timeout=_WAKES)
            except queue.Empty:
                continue
            if not isinstance(got, _End):
                yield from got
            elif got.error is None:
                return
            else:
                raise got.error
    finally:
        abandoned.set()


def _streams() -> list[torch.cuda.Stream]:
    """This thread's CUDA streams: those that it has selected, and last the one of its current device."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return []
    here = torch.cuda.current_device()
    streams = [torch.cuda.current_stream(at) for at in range(torch.cuda.device_count()) if at != here]
    # A device's default stream is left out, because naming it makes CUDA take memory on that device.
    return [*(one for one in streams if one.cuda_stream), torch.cuda.current_stream(here)]


@contextmanager
def _on(streams: Iterable[torch.cuda.Stream]) -> Iterator[None]:
    """Within this context, this thread's CUDA streams are `streams`, and its device is that of the last one."""
    with ExitStack() as stack:
        for one in streams:
            stack.enter_context(torch.cuda.stream(one))
        yield


@contextmanager
def _sharing_cores() -> Iterator[None]:
    """Within this context, waiting OpenMP threads soon sleep if other programs want the cores."""
    over = threading.Event()
    # Not one of the kept threads: it ends, and OpenMP's thread with it.
    threading.Thread(target=_watch, args=(over,), name="farpair-watch", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch(over: threading.Event) -> None:
    """Count, until it is `over`, how often this process's threads lose their cores to others. Where that is often,
    keep one more OpenMP thread, which sleeps."""
    lost = deque([_times_lost()], maxlen=_LOOKS)
    while not over.wait(_LOOKS_AFTER):
        lost.append(_times_lost())
        if lost[-1] - lost[0] >= _OFTEN:
            torch.ones(_FOR_TWO, dtype=torch.float32).add_(1.0)
            over.wait()


def _times_lost() -> int:
    """How often a thread of this process has had to leave its core to another."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def _by_time(events: Iterator[Event]) -> Iterator[list[Event]]:
    """The events in lists, because handing over each one costs as much as a small step of the work."""
    together: list[Event] = []
    last = time.perf_counter()
    for event in events:
        together.append(event)
        now = time.perf_counter()
        if now - last >= _TOGETHER:
            yield together
            together, last = [], now
    yield together


def check_wanted() -> None:
    """Raise Abandoned in an isolated thread whose result is no longer wanted."""
    if _this_thread.abandoned is not None and _this_thread.abandoned.is_set():
        raise Abandoned


def _work(job: Callable[[], None]) -> None:
    """Run a job that raises nothing in an idle thread, or in a new one.

    A new thread costs a few milliseconds, for itself and its OpenMP threads.
    """
    try:
        jobs = _idle.pop()
    except IndexError:
        jobs = queue.SimpleQueue()
        threading.Thread(target=_do_all, args=(jobs,), name="farpair", daemon=True).start()
    jobs.put(job)


def _do_all(jobs: _Jobs) -> None:
    """Do one job after another, for ever."""
    torch.set_flush_denormal(False)  # a thread inherits this setting before it has OpenMP threads
    while True:
        jobs.get()()
        if len(_idle) < _MOST_IDLE:
            _idle.append(jobs)
        else:
            return


def _put(made: "queue.Queue[Event]", event: Event) -> None:
    """Put an event into a queue as soon as there is room. Raises Abandoned where events are no longer wanted."""
    while True:
        check_wanted()
        try:
            made.put(event, timeout=_WAKES)
        except queue.Full:
            continue
        return
