"""The device's memory: what is stated is held, and a search does without what cannot be had."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from farpair.engine.events import PairFound, Warned
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.block_sizes import Blocks, blocks_for
from farpair.engine.search.search import SearchEvent, search
from support import inputs

MIB = 2**20
ROWS: dict[str, Callable[[], torch.Tensor]] = {
    "normal": lambda: inputs.normal(6_000, 200).float(),
    "vocabulary": lambda: inputs.vocabulary(9_000, 128).float(),
    "one-hot": lambda: torch.eye(1_200),
}


def pair_of(events: list[SearchEvent]) -> tuple[object, ...]:
    found = events[-1]
    assert isinstance(found, PairFound)
    return found.i, found.j, found.distance, found.ties, found.runner_up


def warnings_of(events: list[SearchEvent]) -> list[str]:
    return [event.kind for event in events if isinstance(event, Warned)]


@pytest.mark.parametrize("budget", [0, 48 * MIB])
@pytest.mark.parametrize("name", ROWS)
def test_no_more_is_held_than_is_stated(device: torch.device, memory: Any, name: str, budget: int) -> None:
    rows = ROWS[name]().to(device)
    n, d = rows.shape
    stated = blocks_for(device, n, d, budget).bytes(n, d)

    assert memory.most_held(rows, budget) <= 1.1 * stated + 4 * MIB


@pytest.mark.parametrize("name", ["normal", "vocabulary"])
def test_where_there_is_less_memory_than_was_meant_blocks_halve_and_the_answer_is_the_same(
    device: torch.device, memory: Any, name: str
) -> None:
    rows = ROWS[name]().to(device)
    blocks = Blocks(pivots=8, strip=4096, tile_rows=4096, tile_columns=4096, float64_tile=128, projected=0)
    undisturbed = list(search(rows, blocks=blocks))
    memory.leave(blocks.bytes(*rows.shape) // 2)
    events = list(search(rows, blocks=blocks))

    assert warnings_of(events)
    assert set(warnings_of(events)) == {"memory"}
    assert pair_of(events) == pair_of(undisturbed)


def test_where_memory_runs_out_amid_the_walk_the_strip_is_walked_again_in_halves(
    device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ROWS["normal"]().to(device)
    undisturbed = list(search(rows, RunSettings(precision="float32")))
    product, left = torch.mm, [3]

    def mm(a: torch.Tensor, b: torch.Tensor, **kind: Any) -> torch.Tensor:
        if len(a) > 64 and b.shape[1] > 64 and left[0]:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory.")
        found: torch.Tensor = product(a, b, **kind)
        return found

    monkeypatch.setattr(torch, "mm", mm)
    events = list(search(rows, RunSettings(precision="float32")))

    assert warnings_of(events) == ["memory"] * 3
    assert pair_of(events) == pair_of(undisturbed)


@pytest.mark.gpu  # alone: a CPU's memory is kept for the next search (`Workspace.leave`)
def test_a_search_gives_back_what_it_held() -> None:
    device = torch.device("cuda", 0)
    rows = ROWS["normal"]().to(device)
    list(search(rows))  # cuBLAS keeps a workspace of its own
    before = torch.cuda.memory_allocated(device)
    list(search(rows))

    assert torch.cuda.memory_allocated(device) == before
