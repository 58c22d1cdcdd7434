"""The subject of the attacks: every name of the program that the adversary uses is imported here."""

from dataclasses import replace

import torch
from farpair.engine.api import Eccentricities, FarPair, eccentricities, farthest_pair, farthest_pairs
from farpair.engine.check.checking import verify
from farpair.engine.events import BatchBound, BatchDone, Checkpoint, PairFound, ResumePoint
from farpair.engine.search.block_sizes import Blocks, blocks_for
from farpair.engine.search.search import search

PRECISIONS = ("float32", "tf32", "bfloat16", "int8")
BLOCKS = ("default", "tiny", "square", "wide", "odd", "starved", "gpu")


def blocks_called(name: str, n: int, d: int) -> Blocks | None:
    """The block sizes called `name` for rows (n, d); None leaves the choice to the search.

    All but "default" take the long way, that of many rows, for few rows too. "tiny" has many strips and more than
    four tiles to each; "square", tiles as wide as they are high; "wide", tiles of a few rows; "odd", heights that
    cannot be halved; "starved", what a budget of one byte leaves; "gpu", what a GPU with 16 GiB free would choose.
    """
    narrow, cpu = min(2 * d // 3, 24), torch.device("cpu")
    match name:
        case "default":
            return None
        case "tiny":
            return Blocks(
                pivots=min(n, 3),
                strip=64,
                tile_rows=8,
                tile_columns=64,
                float64_tile=64,
                projected=narrow,
                few=0,
                int8=1,
            )
        case "square":
            return Blocks(
                pivots=min(n, 4),
                strip=256,
                tile_rows=64,
                tile_columns=64,
                float64_tile=64,
                projected=narrow,
                few=0,
            )
        case "wide":
            return Blocks(
                pivots=1,
                strip=256,
                tile_rows=32,
                tile_columns=1024,
                float64_tile=128,
                projected=max(0, d - 1),
                few=0,
                int8=1,
            )
        case "odd":
            return Blocks(
                pivots=min(n, 4),
                strip=300,
                tile_rows=33,
                tile_columns=99,
                float64_tile=64,
                projected=0,
                few=0,
                int8=1,
            )
        case "starved":
            return replace(blocks_for(cpu, n, d, 1), few=0)
        case "gpu":
            return replace(blocks_for(torch.device("cuda"), n, d, 0, free=lambda _: 1 << 34), few=0)
    raise ValueError(f"there are no blocks called {name}")


def stated_bytes(n: int, d: int, batches: int) -> int:
    """What a search of rows (n, d) on a CPU says that it takes beyond them, in bytes."""
    return blocks_for(torch.device("cpu"), n, d).bytes(n, d, batches)


__all__ = [
    "BLOCKS",
    "PRECISIONS",
    "BatchBound",
    "BatchDone",
    "Blocks",
    "Checkpoint",
    "Eccentricities",
    "FarPair",
    "PairFound",
    "ResumePoint",
    "blocks_called",
    "blocks_for",
    "eccentricities",
    "farthest_pair",
    "farthest_pairs",
    "search",
    "stated_bytes",
    "verify",
]
