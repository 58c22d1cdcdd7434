"""What needs an accelerator. Every test takes the device, and runs on the CPU too: so what it asks for is known to
hold of the search before a GPU sees it. `python -m pytest tests/gpu -m gpu -n 0` runs the GPU's alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import torch
from farpair.engine.device import release_cached
from farpair.engine.search.workspace import Workspace
from support import held

NO_GPU = "torch finds no CUDA device"
NO_SECOND = "torch finds no second CUDA device"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason=NO_GPU))


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> torch.device:
    return torch.device(request.param, 0) if request.param == "cuda" else torch.device("cpu")


@pytest.fixture
def devices(device: torch.device) -> list[torch.device]:
    """Two devices of a kind; a machine has one CPU, which is both."""
    if device.type == "cpu":
        return [device, device]
    if torch.cuda.device_count() < 2:
        pytest.skip(NO_SECOND)
    return [torch.device("cuda", at) for at in range(torch.cuda.device_count())]


@dataclass(frozen=True)
class Memory:
    """A device's memory: what a piece of work holds at most, and how to leave it little.

    `most_held(rows, memory)` is the most bytes that a search of rows (n, d) within so many bytes holds beyond what
    was held before. After `leave(bytes)` no more than about so many can be had.
    """

    most_held: Callable[[torch.Tensor, int], int]
    leave: Callable[[int], None]


@pytest.fixture
def memory(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    if device.type == "cpu":
        yield Memory(held.held, lambda free: _refuse_beyond(free, monkeypatch))
        return

    def most_held(rows: torch.Tensor, memory: int) -> int:
        held.finish(rows[:512].clone(), memory)  # cuBLAS takes its own workspace, once, from the same allocator
        release_cached(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        held.finish(rows, memory)
        return torch.cuda.max_memory_allocated(device) - before

    def leave(free: int) -> None:
        release_cached(device)
        whole = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(device) + free) / whole, device)

    yield Memory(most_held, leave)
    torch.cuda.set_per_process_memory_fraction(1.0, device)
    release_cached(device)


def _refuse_beyond(free: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the CPU refuse what is larger than so many bytes at once, as a device does that has no more."""
    Workspace.empty()
    empty = torch.empty

    def little(*shape: int, **kind: torch.dtype) -> torch.Tensor:
        found: torch.Tensor = empty(*shape, **kind)  # type: ignore[call-overload]
        if found.nbytes > free:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return found

    monkeypatch.setattr(torch, "empty", little)
