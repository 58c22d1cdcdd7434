"""The block sizes of a search, and the memory that they take.

Sizes follow from the device (tiles stay in a CPU's caches, and fill a GPU) and from the memory that the search may
take. Large arrays are reserved at the start and reused for every tile (`workspace`), so that the memory of a
search is known before it begins: `Blocks.bytes`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..device import free_memory
from .workspace import aligned

COORDINATES = "coordinates"  # the part of a workspace that holds the rows' coordinates in projected levels
LEAST_STRIP = 256  # rows
TURNED = 64  # coordinates that are turned together before they are rounded to eight bits: a power of four
BESIDE = 8  # numbers of a factor beside its coordinates at most, and of its padding
_LEAST_FLOAT64_TILE = 64  # rows
_FLOAT64_TILE = (128, 1 << 18)  # rows, and numbers, of a side of a tile evaluated in float64
_PIVOTS = (4, 32)
_MOST_PIVOTS = 32  # or as many far rows of batches
_INT8 = (1024, 64)  # partners in reach, and columns: with fewer, rounding takes longer than products in int8 save
NARROWEST, _WIDEST = 24, 512  # coordinates of a projected level
_WORTH = 8  # times its own cost that choosing levels has to be able to save
_FASTER = 1.1  # the speed of a whole tile's product over that of half a tile's
_TILES = {"cpu": (1024, 4096), "mps": (4096, 8192)}
_GPU_TILE = (8192, 16384)
_SMALL_ROWS = 24 << 20  # bytes
_CPU_BUDGETS = (64 << 20, 256 << 20)  # where none is given: for small rows, and for others
_SHARE = 0.5  # of the free memory, where no budget is given
_CHOOSING = 9 << 19  # bytes for measuring what levels leave of a sample's pairs
_FIXED = 9 << 19  # bytes for blocks being centred, and pairs being evaluated, compared exactly and kept
_BATCH = 700  # bytes for each batch: its bounds, its candidates, its maximum


@dataclass(frozen=True)
class Blocks:
    """The block sizes: the number of `pivots`; the rows of a `strip`; the rows and columns of a tile; the rows and
    columns of a `float64_tile` (a tile evaluated in float64); the most coordinates of a `projected` level; the
    most numbers in pairs of rows that are `few` enough to be evaluated without bounds; and `int8`, the number of
    partners in reach of a row from which whole numbers of eight bits are considered, 0 for never.

    A tile's columns are a multiple of its rows, so that its rows are either the first of its partners or not among
    them. Raises ValueError where they are not.
    """

    pivots: int
    strip: int
    tile_rows: int
    tile_columns: int
    float64_tile: int
    projected: int
    few: int = 1 << 18
    int8: int = 0

    def __post_init__(self) -> None:
        if self.tile_columns % self.tile_rows:
            raise ValueError(
                f"{self.tile_columns} columns of a tile are no multiple of its {self.tile_rows} rows."
            )

    def tile_height(self, in_reach: Tensor, projected: bool) -> int:
        """The number of rows of a tile in a strip of rows (m,) that have this many partners `in_reach`;
        `projected` is whether projected levels are used.

        All `tile_rows`, or half as many: a tile extends to the partners of its row with the farthest reach, so
        that halves multiply less. Whole tiles multiply faster, except where narrower levels come first, whose
        short products are best examined in cache.
        """
        if self.tile_rows % 2:  # its half would not divide the columns
            return self.tile_rows
        half = self.tile_rows // 2
        whole_ones, halves = (
            sum(len(part) * int(part.max()) for part in torch.split(in_reach, height))
            for height in (self.tile_rows, half)
        )
        return self.tile_rows if not projected and whole_ones <= _FASTER * halves else half

    @property
    def halvable(self) -> bool:
        """Whether half the sizes would still be useful."""
        return self.strip > LEAST_STRIP // 4

    def halved(self) -> "Blocks":
        """The same with half the strip and the tile."""
        half = max(1, self.strip // 2)
        return replace(
            self,
            strip=half,
            tile_rows=min(self.tile_rows, half),
            tile_columns=half,
            float64_tile=max(_LEAST_FLOAT64_TILE, self.float64_tile // 2),
        )

    def bytes(self, n: int, d: int, batches: int = 1) -> int:
        """The bytes that a search of rows (n, d) takes beyond them: what it reserves, vectors of n numbers and of
        `batches`, and small temporary arrays."""
        reserved = 4 * sum(rows * length for rows, length in self.reserved(n, d).values())
        pivots = 4 * n * min(n, _MOST_PIVOTS)  # these and leading directions are found before the rest is in use
        directions = 4 * self.projected * (5120 + 3 * d)
        float64_tile = 16 * self.float64_tile * d + 80 * self.float64_tile**2
        choosing = _CHOOSING if self.projected else 0
        return (
            reserved
            + 120 * n
            + _BATCH * batches
            + max(_FIXED, pivots - reserved, choosing, directions, float64_tile)
        )

    def reserved(self, n: int, d: int) -> dict[str, tuple[int, int]]:
        """The parts of a search's `Workspace`, (rows, float32 numbers in each)."""
        columns = min(max(self.strip, self.tile_columns), n)
        # Each tile of a strip has a witness; tiles have at least half of their most rows.
        tiles = -(-min(self.strip, n) // max(1, self.tile_rows // 2))
        rows = min(self.strip, n) + tiles
        full = aligned(d + 2 * BESIDE)
        projected = aligned(self.projected + BESIDE) if self.projected else 0
        kept = max(projected, aligned(most_int8(d), torch.int8) // 4) if self.int8 else projected
        return {
            "product": (min(self.tile_columns, n), aligned(1) + aligned(min(self.tile_rows, n))),
            "left": (rows, full),
            "right": (columns, full),
            "projected_left": (rows, projected),
            "projected_right": (columns, projected),
            COORDINATES: (n, kept),
        }


def blocks_for(
    device: torch.device,
    n: int,
    d: int,
    memory: int = 0,
    free: Callable[[torch.device], int] = free_memory,
) -> Blocks:
    """Block sizes that suit the device and keep a search of rows (n, d) within `memory` bytes beyond them.

    Without a budget (0) it is half of the memory `free` on the device beside the rows, and on a CPU at most 64 MB
    for up to 24 MB of rows, else 256 MB. Sizes are halved until they fit; the smallest are used even where they do
    not.
    """
    budget = memory or _budget(device, n, d, free)
    widest = min(2 * d // 3, _WIDEST)
    tile_rows, tile_columns = _TILES.get(device.type, _GPU_TILE)
    blocks = Blocks(
        pivots=max(1, min(n, _PIVOTS[1], max(_PIVOTS[0], n // 512))),
        strip=tile_columns,
        tile_rows=tile_rows,
        tile_columns=tile_columns,
        float64_tile=max(_LEAST_FLOAT64_TILE, min(_FLOAT64_TILE[0], _FLOAT64_TILE[1] // d)),
        projected=widest if widest >= NARROWEST and is_worth_projecting(n, widest) else 0,
        int8=_INT8[0] if device.type == "cpu" and n >= _INT8[0] and d >= _INT8[1] else 0,
    )
    while blocks.bytes(n, d) > budget and blocks.strip > LEAST_STRIP:
        if blocks.int8 and 2 * n * most_int8(d) > budget:
            blocks = replace(blocks, int8=0)
        elif 8 * n * blocks.projected > budget:
            blocks = replace(blocks, projected=blocks.projected // 2)
        else:
            blocks = blocks.halved()
    return blocks


def in_whole_blocks(d: int) -> int:
    """The coordinates of a row of d, padded to whole blocks of `TURNED`."""
    return -(-d // TURNED) * TURNED


def most_int8(d: int) -> int:
    """The most whole numbers of eight bits that are stored for a row of d coordinates: these, in whole blocks, and
    the numbers beside them."""
    coordinates = in_whole_blocks(d)
    return aligned(coordinates + coordinates // 8, torch.int8)


def is_worth_projecting(m: int, width: int, within: float = 1.0) -> bool:
    """Whether the full level alone, on a fraction `within` of the pairs of m rows, would cost many times as much
    as finding leading directions and filling levels up to `width`."""
    return within * m * m > _WORTH * (2 * m + 12 * min(m, 4096)) * width


def _budget(device: torch.device, n: int, d: int, free: Callable[[torch.device], int]) -> int:
    """The memory budget in bytes where none is given."""
    rows = 4 * n * d
    if device.type == "cpu":  # the rows are in memory already
        return min(_CPU_BUDGETS[rows > _SMALL_ROWS], int(_SHARE * free(device)))
    return int(_SHARE * max(0, free(device) - rows))
