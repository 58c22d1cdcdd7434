"""Isolated work: its threads, and what it takes over from the caller."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from farpair.engine.search.isolation import events_apart

# In a process of its own, whose threads are its own. OpenMP's for the caller are there before anything is counted.
COUNT = """
import os, sys, time
import torch
from farpair.engine.search import isolation

def threads():
    return len(os.listdir("/proc/self/task"))

def threads_soon(wanted):
    for _ in range(500):
        if threads() == wanted:
            break
        time.sleep(0.01)
    return threads()

lost = iter(range(0, 10**9, int(sys.argv[1])))
isolation._times_lost = lambda: next(lost)
torch.set_num_threads(2)
torch.ones(1 << 20).add_(1.0)
isolation.apart(lambda: None)
time.sleep(0.2)  # its thread waits for its next job then
before = threads()
print(isolation.apart(lambda: (time.sleep(0.2), threads_soon(before + int(sys.argv[2])))[1]) - before)
print(threads_soon(before) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize(("times_lost", "more"), [(1, 1), (200, 2)], ids=["a quiet machine", "a busy machine"])
def test_one_more_thread_of_openmp_sleeps_while_work_goes_on_where_cores_are_lost_to_others(
    times_lost: int, more: int
) -> None:
    """Of more threads than cores GNU's OpenMP lets none spin for long. One thread looks whether it is needed, and
    both are gone when the work is done."""
    run = subprocess.run(
        [sys.executable, "-c", COUNT, str(times_lost), str(more)], check=True, capture_output=True, text=True
    )

    assert list(map(int, run.stdout.split())) == [more, 0]


@dataclass(frozen=True)
class Stream:
    """A stream as torch has it; `cuda_stream` is 0 for a device's default one."""

    device: int
    cuda_stream: int


def test_a_thread_of_its_own_takes_over_the_callers_cuda_streams_and_device(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows may still be written by what a stream has to do, and no other one waits for that."""
    chosen = [Stream(0, 0), Stream(1, 7), Stream(2, 0), Stream(3, 9)]
    entered: list[Stream] = []

    @contextmanager
    def stream(one: Stream) -> Iterator[None]:
        entered.append(one)
        yield
        entered.remove(one)

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(chosen))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "current_stream", chosen.__getitem__)
    monkeypatch.setattr(torch.cuda, "stream", stream)

    assert list(events_apart(lambda: iter([list(entered)]))) == [[Stream(3, 9), Stream(1, 7)]]
    assert not entered
