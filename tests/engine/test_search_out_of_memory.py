"""A device that runs out of memory in the middle of a search: it goes on with less at a time."""

import pytest
import torch
from farpair.engine.events import PairFound, Warned
from farpair.engine.search import search


def device_that_fails(monkeypatch: pytest.MonkeyPatch, times: int, rows: int = 64) -> None:
    """Products of more than so many `rows` run out of memory, so many times."""
    product, left = torch.mm, [times]

    def mm(a: torch.Tensor, b: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
        if len(a) > rows and b.shape[1] > rows and left[0]:
            left[0] -= 1
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return product(a, b, out=out) if out is not None else product(a, b)

    monkeypatch.setattr(torch, "mm", mm)


def rows() -> torch.Tensor:
    return torch.randn(1500, 24, generator=torch.Generator().manual_seed(0))


def test_the_block_halves_a_warning_is_given_and_the_answer_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, undisturbed = search(rows())
    device_that_fails(monkeypatch, times=3)
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
    *_, at_once = search(rows(), batch=1500, memory=1 << 20)

    assert isinstance(in_batches, PairFound)
    assert isinstance(at_once, PairFound)
    assert (at_once.i, at_once.j, at_once.distance) == (in_batches.i, in_batches.j, in_batches.distance)
