"""Work done apart: its threads, and what of the caller's it takes over."""

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
import os, time
import torch
from farpair.engine.search.isolation import apart

def threads():
    return len(os.listdir("/proc/self/task"))

def count_soon(least):
    for _ in range(500):
        if threads() >= least:
            break
        time.sleep(0.01)
    return threads()

torch.set_num_threads(2)
torch.ones(1 << 20).add_(1.0)
before = threads()
print(apart(lambda: count_soon(before + 2)) - before)
for _ in range(20):
    apart(lambda: torch.ones(1 << 20).add_(1.0))
print(threads() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
def test_one_thread_of_openmp_more_sleeps_while_work_goes_on_and_they_do_not_grow_in_number() -> None:
    """Of more threads than cores GNU's OpenMP lets none spin for long."""
    run = subprocess.run([sys.executable, "-c", COUNT], check=True, capture_output=True, text=True)
    during, afterwards = map(int, run.stdout.split())

    assert during == 2  # the thread that holds it, and it
    assert afterwards <= 6  # three that wait for their next job


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
