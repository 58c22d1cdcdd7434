"""A device runs out of memory during a search, which continues with smaller blocks."""

from typing import Any

import pytest
import torch
from farpair.engine.events import PairFound, Warned
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.search import search
from farpair.engine.search.workspace import Workspace
from support import inputs

ERRORS = {
    "cuda and xpu": getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)("CUDA out of memory."),
    "cuBLAS": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 9.0 GB, other allocations: 1.2 MB)."),
    "xpu's driver": RuntimeError(
        "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)"
    ),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"),
    "Python": MemoryError(),
}


def device_that_fails(
    monkeypatch: pytest.MonkeyPatch, times: int, rows: int = 64, error: BaseException = ERRORS["cuda and xpu"]
) -> None:
    """Products of more than so many `rows` run out of memory, so many times."""
    product, left = torch.mm, [times]

    def mm(a: torch.Tensor, b: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
        if len(a) > rows and b.shape[1] > rows and left[0]:
            left[0] -= 1
            raise error
        return product(a, b, out=out) if out is not None else product(a, b)

    monkeypatch.setattr(torch, "mm", mm)


def rows() -> torch.Tensor:
    return torch.randn(1500, 24, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("device", ERRORS)
def test_the_block_halves_a_warning_is_given_and_the_answer_is_the_same(
    device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, undisturbed = search(rows())
    device_that_fails(monkeypatch, times=3, error=ERRORS[device])
    events = list(search(rows()))

    warnings = [event.message for event in events if isinstance(event, Warned)]
    found = events[-1]
    assert len(warnings) == 3
    assert all("out of memory" in warning for warning in warnings)
    assert isinstance(found, PairFound)
    assert isinstance(undisturbed, PairFound)
    assert (found.i, found.j, found.distance, found.ties) == (
        undisturbed.i,
        undisturbed.j,
        undisturbed.distance,
        undisturbed.ties,
    )


def test_ties_found_before_memory_ran_out_are_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    device_that_fails(monkeypatch, times=2)
    *_, found = search(torch.eye(900))

    assert isinstance(found, PairFound)
    assert found.ties == 900 * 899 // 2


def test_a_device_without_memory_for_the_smallest_block_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    device_that_fails(monkeypatch, times=1000, rows=8)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        list(search(rows()))


def test_a_batch_larger_than_a_block_is_searched_in_pieces() -> None:
    *_, in_batches = search(rows())
    *_, at_once = search(rows(), RunSettings(batch=1500, memory=1 << 20))

    assert isinstance(in_batches, PairFound)
    assert isinstance(at_once, PairFound)
    assert (at_once.i, at_once.j, at_once.distance) == (in_batches.i, in_batches.j, in_batches.distance)


def test_another_error_of_the_device_is_not_taken_for_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    device_that_fails(monkeypatch, times=1, error=RuntimeError("CUDA error: unspecified launch failure"))
    with pytest.raises(RuntimeError, match="launch failure"):
        list(search(rows()))


def test_less_is_reserved_where_there_is_no_memory_for_as_much_as_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty, refused = torch.empty, list[int]()

    def little(*shape: int, **kind: Any) -> torch.Tensor:
        if len(shape) == 1 and isinstance(shape[0], int) and shape[0] > 1 << 19:
            refused.append(shape[0])
            raise ERRORS["cpu"]
        found: torch.Tensor = empty(*shape, **kind)
        return found

    *_, undisturbed = search(rows())
    Workspace.empty()
    monkeypatch.setattr(torch, "empty", little)
    events = list(search(rows()))

    assert refused
    assert [event.kind for event in events if isinstance(event, Warned)] == ["memory"] * len(refused)
    found = events[-1]
    assert isinstance(found, PairFound)
    assert isinstance(undisturbed, PairFound)
    assert (found.i, found.j, found.distance) == (undisturbed.i, undisturbed.j, undisturbed.distance)


def test_without_memory_for_projections_the_search_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    sphere = inputs.on_sphere(7_000, 36).float()
    *_, undisturbed = search(sphere)

    def eigh(_: torch.Tensor) -> None:
        raise ERRORS["mps"]

    monkeypatch.setattr(torch.linalg, "eigh", eigh)
    events = list(search(sphere))
    found = events[-1]

    assert ["without projecting" in event.message for event in events if isinstance(event, Warned)] == [True]
    assert isinstance(found, PairFound)
    assert isinstance(undisturbed, PairFound)
    assert (found.i, found.j, found.distance) == (undisturbed.i, undisturbed.j, undisturbed.distance)
