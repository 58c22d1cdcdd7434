"""The memory that a search holds, by torch's allocator."""

import torch
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.search import search_here
from farpair.engine.search.workspace import Workspace
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile


def finish(rows: torch.Tensor, memory: int = 0) -> None:
    """Search rows (n, d), keeping none of the events."""
    for _ in search_here(rows, RunSettings(memory=memory)):
        pass


def held(rows: torch.Tensor, memory: int = 0) -> int:
    """The most bytes that torch's allocator for the CPU has given out at once during a search of rows (n, d)."""
    Workspace.empty()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        finish(rows, memory)
    assert watched.profiler is not None
    assert watched.profiler.kineto_results is not None
    changes = [
        (event.start_ns(), event.nbytes())
        for event in watched.profiler.kineto_results.events()
        if event.name() == "[memory]" and event.device_type() == DeviceType.CPU
    ]
    now = most = 0
    for _, change in sorted(changes, key=lambda change: change[0]):
        now += change
        most = max(most, now)
    return most
