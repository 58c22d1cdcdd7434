"""Work done apart: the threads that are there while it goes on, and afterwards."""

import subprocess
import sys
from pathlib import Path

import pytest

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
