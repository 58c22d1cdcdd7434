"""The device of a search: its name, whether it has float64, and how much memory is free on it."""

import platform

import psutil
import torch

from . import run_settings
from .errors import InputError

WITHOUT_FLOAT64 = frozenset({"mps"})


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name` ("cpu", "cuda", "cuda:1", "mps", "xpu"), or for "auto" the first of cuda, mps,
    xpu, cpu that this machine has.

    Raises InputError where `name` is not the name of a device, or this machine has no such device.
    """
    available = [kind for kind in ("cuda", "mps", "xpu") if _count(kind)]
    if name == "auto":
        return torch.device(available[0] if available else "cpu")
    try:
        device = torch.device(run_settings.device(name))
    except ValueError as error:
        raise InputError(f"device: {error}.") from None
    if device.type == "cpu":
        return device
    if str(device) != name:  # torch keeps an index in eight bits: cuda:256 would be cuda:0
        raise InputError(f"device: the number of {name} is too large.")
    if (device.index or 0) >= _count(device.type):
        have = ", ".join(["cpu", *available])
        raise InputError(f"device: this machine has no {name}; it has {have}.")
    return device


def device_name(device: torch.device) -> str:
    """The device's name, for display."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return torch.xpu.get_device_name(device)
    return platform.processor() or platform.machine()


def float64_device(device: torch.device) -> torch.device:
    """The device for float64 arithmetic on rows on `device`: that device, or the CPU where it has no float64."""
    return torch.device("cpu") if device.type in WITHOUT_FLOAT64 else device


def free_memory(device: torch.device) -> int:
    """The bytes that are free for a search on the device, as the device reports them."""
    if device.type == "cuda":
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + cached
    if device.type == "xpu":
        return torch.xpu.get_device_properties(device).total_memory - torch.xpu.memory_allocated(device)
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return psutil.virtual_memory().available


def release_cached(device: torch.device) -> None:
    """Release the memory that torch caches on the device, after it has run out."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "xpu":
        torch.xpu.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _count(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count()
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    if kind == "xpu":
        return torch.xpu.device_count()
    return 0
