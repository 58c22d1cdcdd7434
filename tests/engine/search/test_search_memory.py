"""The memory of a search beyond its rows is no more than stated, and within its budget."""

import json
import subprocess
import sys

import pytest
import torch
from farpair.engine.search.block_sizes import blocks_for
from support import inputs
from support.answers import answer, assert_true
from support.held import held
from support.reference import blocked_truth

MIB = 2**20

# In a process of its own, whose memory is its own: the most that a search holds beyond what was held before.
MEASURE = """
import json, sys, threading, time
import psutil, torch
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.search import search

n, d, memory, decay, precision = json.loads(sys.argv[1])
scale = torch.arange(1, d + 1) ** -decay
rows = torch.randn(n, d, generator=torch.Generator().manual_seed(0)) * scale
list(search(rows[:400].clone(), RunSettings(precision=precision)))
process = psutil.Process()

def held():
    now = process.memory_info()
    return now.rss - getattr(now, "shared", 0)  # what libraries' files take is not the search's

before = most = held()
searching = True

def watch():
    global most
    while searching:
        most = max(most, held())
        time.sleep(0.001)

watching = threading.Thread(target=watch, daemon=True)  # where the search fails, the process ends
watching.start()
list(search(rows, RunSettings(memory=memory, precision=precision)))
searching = False
watching.join()
print(most - before)
"""


def beyond_the_rows(n: int, d: int, memory: int, decay: float, precision: str) -> int:
    run = [sys.executable, "-c", MEASURE, json.dumps([n, d, memory, decay, precision])]
    return int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize(
    ("n", "d", "memory", "decay"),
    [(6_000, 64, 0, 0.0), (6_000, 64, 32 * MIB, 0.0), (12_000, 128, 0, 0.8), (1_200, 1_024, 0, 0.0)],
)
def test_a_search_takes_no_more_than_it_states(n: int, d: int, memory: int, decay: float, precision: str) -> None:
    stated = blocks_for(torch.device("cpu"), n, d, memory).bytes(n, d)

    assert beyond_the_rows(n, d, memory, decay, precision) <= 1.1 * stated + 2 * MIB


@pytest.mark.parametrize("memory", [0, 24 * MIB])
@pytest.mark.parametrize("name", ["cluster", "vocabulary", "normal", "sphere", "one-hot", "circle", "copies"])
def test_what_is_held_is_what_was_stated(name: str, memory: int) -> None:
    rows = {
        "cluster": lambda: inputs.cluster(2_248, 1_024),
        "vocabulary": lambda: inputs.vocabulary(6_000, 128),
        "normal": lambda: inputs.normal(4_500, 200),
        "sphere": lambda: inputs.on_sphere(7_000, 36),
        "one-hot": lambda: torch.eye(1_200),
        "circle": lambda: inputs.circle(4_096),
        "copies": lambda: inputs.copies(inputs.normal(13, 640), 2_500),
    }[name]().to(torch.float32)
    n, d = rows.shape
    stated = blocks_for(rows.device, n, d, memory).bytes(n, d)

    assert abs(held(rows, memory) - stated) <= max(0.1 * stated, 4 * MIB)


@pytest.mark.parametrize(
    ("n", "d", "memory", "most"),
    [
        (2_248, 2_560, 0, 64 * MIB),
        (32_000, 256, 0, 256 * MIB),
        (30_522, 384, 0, 256 * MIB),
        (151_936, 2_560, 0, 256 * MIB),
        (32_000, 256, 64 * MIB, 64 * MIB),
        (2_248, 2_560, 40 * MIB, 40 * MIB),
    ],
)
def test_what_is_stated_keeps_within_the_budget(n: int, d: int, memory: int, most: int) -> None:
    assert blocks_for(torch.device("cpu"), n, d, memory).bytes(n, d) <= most


@pytest.mark.parametrize("memory", [1, 24 * MIB, 4096 * MIB])
@pytest.mark.parametrize("name", ["vocabulary", "opposite clouds", "circle"])
def test_no_budget_changes_the_answer(name: str, memory: int) -> None:
    rows = inputs.NEAR_TIES[name]()[:1100]

    assert_true(answer(rows, memory=memory), blocked_truth(rows, 256))
