"""Splits the outlier ladder into stages, each with its own scale, for float64 rows whose range is too wide for
one.

Distances are compared by their squares, scaled so that those of the widest pairs are near 1. The squares of pairs
2^500 times nearer vanish, so that the rows are scaled again once the outermost are removed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

_NARROWER: Final = 2.0**-60  # the estimates of `pivots` still distinguish its square from 0
_BLOCK: Final = 1 << 18


def stages(rows: Tensor, removed: Tensor) -> Iterator[tuple[int, int]]:
    """The stages of the ladder of rows (n, d) from which `removed` (m,) are removed one by one, as ranges of rungs
    start <= k < end, in order; the last ends at m + 1.

    Within a stage the widest column of the remaining rows stays above 2^-60 of its width at the start. Float32
    rows, whose range is less than 2^278, have one stage.
    """
    starts = [0]
    if rows.dtype == torch.float64:
        extents = _extents(rows, removed)
        for k, extent in enumerate(extents):
            if extent < extents[starts[-1]] * _NARROWER:
                starts.append(k)
    yield from pairwise([*starts, len(removed) + 1])


@contextmanager
def stand_in(rows: Tensor, gone: Tensor, row: Tensor) -> Iterator[None]:
    """A context in which the row `row` (1,) replaces the rows `gone` (g,), which are restored at its end."""
    if not len(gone):
        yield
        return
    at = gone.to(rows.device)
    kept = rows[at]
    try:
        rows[at] = rows[row.to(rows.device)]
        yield
    finally:
        rows[at] = kept


def _extents(rows: Tensor, removed: Tensor) -> list[float]:
    """The width of the widest column without the first 0, 1, … m of the rows `removed`."""
    left = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    left[removed.to(rows.device)] = False
    low = torch.full_like(rows[0], torch.inf)
    high = -low
    step = max(1, _BLOCK // rows.shape[1])
    for start in range(0, len(rows), step):
        part, stays = rows[start : start + step], left[start : start + step, None]
        low = torch.minimum(low, part.masked_fill(~stays, torch.inf).amin(dim=0))
        high = torch.maximum(high, part.masked_fill(~stays, -torch.inf).amax(dim=0))
    extents = [float((high - low).max())]
    for k in reversed(range(len(removed))):
        row = rows[int(removed[k])]
        low, high = torch.minimum(low, row), torch.maximum(high, row)
        extents.append(float((high - low).max()))
    return extents[::-1]
