"""Which device a search runs on, and what it is called."""

import platform
from dataclasses import dataclass, replace

import torch

from ..errors import InputError


def choose_device(name: str = "auto") -> torch.device:
    """The device called `name` ("cpu", "cuda", "cuda:1", "mps", "xpu"), or for "auto" the first of cuda, mps,
    xpu, cpu that this machine has.

    Raises InputError where the name is not a device's, or this machine has no such device.
    """
    available = [kind for kind in ("cuda", "mps", "xpu") if _count(kind)]
    if name == "auto":
        return torch.device(available[0] if available else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise InputError(f"--device {name!r} is not a device: use auto, cpu, cuda, cuda:1, mps or xpu.") from None
    if device.type == "cpu":
        return torch.device("cpu")
    if str(device) != name:  # torch keeps an index in eight bits: cuda:256 would be cuda:0
        raise InputError(f"--device {name}: no machine has so many devices.")
    if (device.index or 0) >= _count(device.type):
        have = ", ".join(["cpu", *available])
        raise InputError(f"--device {name}: this machine has no such device (it has {have}).")
    return device


def device_name(device: torch.device) -> str:
    """What the device calls itself, for a person."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "xpu":
        return torch.xpu.get_device_name(device)
    return platform.processor() or platform.machine()


def _count(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count()
    if kind == "mps":
        return int(torch.backends.mps.is_available())
    if kind == "xpu":
        return torch.xpu.device_count()
    return 0


@dataclass(frozen=True)
class Blocks:
    """How much of a search is worked on at once: `pivots`; rows to a `strip`; rows and columns to a tile; rows and
    columns to a `dense` tile (evaluated in float64); the most coordinates of a `projected` level; and the numbers
    in pairs of rows `few` enough to be evaluated without looking for bounds."""

    pivots: int
    strip: int
    tile_rows: int
    tile_columns: int
    dense: int
    projected: int
    few: int = 1 << 18

    def halved(self) -> "Blocks":
        """Half the strip and the tile."""
        half = self.strip // 2
        return replace(
            self,
            strip=half,
            tile_rows=min(self.tile_rows, half),
            tile_columns=half,
            dense=max(_LEAST_DENSE, self.dense // 2),
        )

    def bytes(self, n: int, d: int) -> int:
        """The most that a search of rows (n, d) holds beyond them."""
        per_row = 160 * n + 8 * self.pivots * n
        factors = 4 * (d + 3) * (2 * min(self.strip, n) + min(self.tile_columns, n))
        projection = 4 * n * self.projected
        tile = 4 * self.tile_rows * self.tile_columns
        dense = 24 * self.dense * d + 40 * self.dense**2
        return per_row + factors + projection + tile + dense + _FIXED


LEAST_STRIP = 256  # rows
_LEAST_DENSE = 64  # rows
_FIXED = 12 << 20  # blocks being centred, pairs being evaluated, survivors of a tile
_SMALL_ROWS = 24 << 20  # bytes
_BUDGETS = (64 << 20, 256 << 20)  # where none is given: for small rows, and for others


def blocks_for(device: torch.device, n: int, d: int, memory: int = 0) -> Blocks:
    """Block sizes that suit the device and keep a search of rows (n, d) within `memory` bytes beyond them.

    Tiles stay in a CPU's caches or fill a GPU. Without a budget (0) it is 64 MB for up to 24 MB of
    rows, else 256 MB. Sizes are halved until they fit; the smallest are used where not even they do.
    """
    budget = memory or _BUDGETS[4 * n * d > _SMALL_ROWS]
    tile = 4096 if device.type == "cpu" else 16384
    blocks = Blocks(
        pivots=max(1, min(n, 32, max(8, n // 512))),
        strip=tile,
        tile_rows=tile // 8 if device.type == "cpu" else tile // 2,
        tile_columns=tile,
        dense=max(_LEAST_DENSE, min(512, (1 << 20) // d)),
        projected=min(2 * d // 3, 512),
    )
    while blocks.bytes(n, d) > budget and blocks.strip > LEAST_STRIP:
        if 8 * n * blocks.projected > budget:
            blocks = replace(blocks, projected=blocks.projected // 2)
        else:
            blocks = blocks.halved()
    return blocks
