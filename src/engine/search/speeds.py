"""Measures how fast a CPU multiplies the numbers of each format, which no name of a processor tells.

Speeds are measured once for each processor, number of threads and version of torch, and kept in small files in the
user's cache folder `farpair/speeds`. A file that is damaged or belongs to another machine is ignored. Where no
file can be written, or other programs keep the figures from settling, each process measures for itself.
"""

import hashlib
import math
import platform
import time
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import msgspec
import torch
from torch import Tensor

from ..errors import InputError
from ..files import read_regular, replace_file
from ..home import cache_home
from .int8 import is_exact

_ROWS, _PARTNERS, _COLUMNS = 512, 256, 512  # a product of a millisecond or less on one core
_SETTLED: Final = 4  # turns without a faster one: another program may take the cores for some turns
_FASTER: Final = 0.98  # of the time of the fastest turn so far: a turn that takes more counts as equally fast
_LONGEST: Final = 0.2  # seconds of turns
_MOST_BYTES: Final = 1 << 14  # of a file of speeds
_TELLING: Final = (  # fields of /proc/cpuinfo that say what a processor can do, not how fast it runs at the moment
    "vendor_id",
    "cpu family",
    "model",
    "model name",
    "stepping",
    "flags",
    "CPU implementer",
    "CPU part",
    "Features",
)

_Gflops = Annotated[float, msgspec.Meta(gt=0, le=1e9)]


class Speeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Billions of operations a second in matrix products on the CPU of a `machine` (see `machine`); `int8` is None
    where products of whole numbers are not exact."""

    machine: dict[str, str]
    float32: _Gflops
    bfloat16: _Gflops
    int8: _Gflops | None


@cache
def cpu_speeds() -> Speeds:
    """The speeds of this machine, with the threads at the first call in a process: kept from an earlier
    measurement, or else measured in a few milliseconds."""
    now = machine()
    kept = _kept(now)
    if kept:
        return kept
    speeds, settled = measured(now)
    if settled:
        _keep(speeds)
    return speeds


def machine() -> dict[str, str]:
    """What speeds depend on: the processor, the threads, and torch."""
    return {
        "processor": _processor(),
        "device": "cpu",
        "threads": str(torch.get_num_threads()),
        "torch": str(torch.__version__),
    }


def measured(of: dict[str, str]) -> tuple[Speeds, bool]:
    """The speeds of the machine `of`, which is this one, in the fastest of some turns, and whether the last turns
    were no faster. The formats take turns, so that the load of other programs affects them alike."""
    formats = [torch.float32, torch.bfloat16, *([torch.int8] if is_exact(torch.device("cpu")) else [])]
    operands = {
        dtype: [torch.ones(rows, _COLUMNS, dtype=dtype, device="cpu") for rows in (_ROWS, _PARTNERS)]
        for dtype in formats
    }
    fastest = dict.fromkeys(formats, math.inf)
    started, settled = time.perf_counter(), 0
    while settled < _SETTLED and time.perf_counter() - started < _LONGEST:
        settled += 1
        for dtype, sides in operands.items():
            taken = _turn(*sides)
            if taken < _FASTER * fastest[dtype]:
                fastest[dtype], settled = taken, 0
    speeds = {dtype: 2e-9 * _ROWS * _PARTNERS * _COLUMNS / taken for dtype, taken in fastest.items()}
    found = Speeds(of, speeds[torch.float32], speeds[torch.bfloat16], speeds.get(torch.int8))
    return found, settled == _SETTLED


def _turn(left: Tensor, right: Tensor) -> float:
    started = time.perf_counter()
    (torch._int_mm if left.dtype == torch.int8 else torch.mm)(left, right.T)
    return time.perf_counter() - started


def _file(of: dict[str, str]) -> Path:
    """The file for the speeds of a machine. Raises InputError where the user has no home folder."""
    mark = hashlib.sha256(msgspec.json.encode(of)).hexdigest()[:16]
    return cache_home() / "farpair" / "speeds" / f"{mark}.json"


def _kept(of: dict[str, str]) -> Speeds | None:
    """The kept speeds of a machine, if there are any."""
    try:
        found = msgspec.json.decode(read_regular(_file(of), _MOST_BYTES), type=Speeds)
    except (OSError, InputError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found if found.machine == of else None


def _keep(speeds: Speeds) -> None:
    """Keep `speeds` for later processes, if possible."""
    try:
        file = _file(speeds.machine)
        file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, msgspec.json.format(msgspec.json.encode(speeds)))
    except (OSError, InputError):
        pass  # the next process measures again


def _processor() -> str:
    """The processor: its name, and a hash of what it can do, because one name may stand for many processors."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    except OSError:
        return f"{platform.machine()} {platform.processor()} {torch.backends.cpu.get_cpu_capability()}"
    parted = (line.partition(":") for line in first.splitlines())
    telling = {name.strip(): value.strip() for name, _, value in parted if name.strip() in _TELLING}
    mark = hashlib.sha256(msgspec.json.encode(telling, order="sorted")).hexdigest()[:16]
    return f"{telling.get('model name', platform.machine())} ({mark})"
