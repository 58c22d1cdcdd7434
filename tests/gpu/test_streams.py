"""Several devices at once, and rows that another stream is still writing."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from farpair.engine.api import farthest_pair
from farpair.engine.events import PairFound
from farpair.engine.search.search import search
from support import inputs
from support.answers import answer

CYCLES = 500_000_000  # of a GPU's clock: a few tenths of a second


def a_busy_stream(device: torch.device) -> AbstractContextManager[object]:
    """A stream that has much to do before what is asked of it next; on a CPU there is one, which waits."""
    if device.type == "cpu":
        return nullcontext()
    stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        torch.cuda._sleep(CYCLES)  # type: ignore[no-untyped-call]
    return torch.cuda.stream(stream)


def in_inference_mode(rows: torch.Tensor) -> PairFound:
    """As `farthest_pair` has it where torch is set otherwise in the caller's thread: in one of its own."""
    with torch.inference_mode():
        return farthest_pair(rows)


def streamed(rows: torch.Tensor) -> PairFound:
    *_, found = search(rows)
    assert isinstance(found, PairFound)
    return found


@pytest.mark.parametrize("work", [farthest_pair, in_inference_mode, streamed])
def test_rows_that_the_callers_stream_still_writes_are_searched_as_they_will_be(
    device: torch.device, work: Callable[[torch.Tensor], PairFound]
) -> None:
    rows = inputs.vocabulary(3_000, 64).float()
    there = rows.to(device)
    written = torch.zeros_like(there)
    with a_busy_stream(device):
        written.copy_(there, non_blocking=True)
        found = work(written)

    expected = answer(rows).pair
    assert (found.i, found.j, found.distance) == (expected.i, expected.j, expected.distance)


def test_searches_in_several_threads_and_on_several_devices_do_not_disturb_one_another(
    devices: list[torch.device],
) -> None:
    rows = [inputs.vocabulary(3_000, 64, seed).float() for seed in range(2 * len(devices))]
    expected = [answer(one).pair.distance for one in rows]
    on = [one.to(devices[at % len(devices)]) for at, one in enumerate(rows)]
    with ThreadPoolExecutor(len(on)) as pool:
        found = list(pool.map(farthest_pair, on))

    assert [pair.distance for pair in found] == expected


def test_a_device_is_searched_while_another_is_the_current_one(devices: list[torch.device]) -> None:
    rows = inputs.vocabulary(3_000, 64).float()
    expected = answer(rows).pair.distance

    assert [streamed(rows.to(device)).distance for device in devices] == [expected] * len(devices)
