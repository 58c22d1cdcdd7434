"""Kinds of rows that a search of the farthest pair may get wrong, each made anew from any seed.

A kind makes about (n, d) numbers in float64 from a generator; `rows_of` rounds them once to a dtype. A kind may
take fewer rows or other columns than it is asked for, where it would make no sense otherwise. All rows are finite,
and their distances too.
"""

from collections.abc import Callable
from zlib import crc32

import numpy as np
import torch
from adversary import extreme_rows, nearly_tied_rows, plain_rows, tied_rows
from adversary.making import DTYPES, Floats, Rng

Kind = Callable[[Rng, int, int, str], Floats]

KINDS: dict[str, Kind] = {
    name.replace("_", "-"): make
    for module in (plain_rows, tied_rows, nearly_tied_rows, extreme_rows)
    for name, make in vars(module).items()
    if getattr(make, "__module__", "") == module.__name__
}
LAYOUTS = ("transposed", "strided", "repeated", "gradients")


def rows_of(kind: str, seed: int, n: int, d: int, dtype: str) -> torch.Tensor:
    """The rows of a kind, about (n, d) of them; the same from the same seed.

    The dtype may name a layout too, as "float32-transposed": see LAYOUTS. "repeated" rows are one row in memory.
    """
    dtype, _, layout = dtype.partition("-")
    rng = np.random.default_rng([crc32(kind.encode()), seed])
    made = KINDS[kind](rng, n, d, dtype)
    limit = torch.finfo(DTYPES[dtype]).max / (1 if dtype != "float64" else 2 * made.shape[1])
    rows = torch.from_numpy(np.clip(made, -limit, limit)).to(DTYPES[dtype])
    match layout:
        case "transposed":
            return rows.T.contiguous().T
        case "strided":
            return torch.stack([rows, -rows], dim=2).flatten(1)[:, ::2]
        case "repeated":
            return rows[:1].expand(len(rows), -1)
        case "gradients":
            return rows.requires_grad_()
    return rows
