"""The k farthest pairs of a cluster, in exact order."""

from collections.abc import Generator

import torch
from torch import Tensor

from ..events import Climbing, FarthestPairs, PairDistance, PairFound, Progress
from ..run_settings import DEFAULTS
from ..search.block_sizes import Blocks
from ..search.search import Search


def farthest_pairs(
    rows: Tensor, k: int, device: torch.device, blocks: Blocks
) -> Generator[Climbing | FarthestPairs]:
    """Yield the progress, and last the k farthest pairs of rows (n, d), n ≥ 2, float32 or float64, or all pairs
    where there are fewer.

    Each copy of a row counts as a row. The memory is that of `blocks`, and a few numbers for each pair.
    """
    n = len(rows)
    count = min(k, n * (n - 1) // 2)
    whole, all_equal = Search(rows.to(device), DEFAULTS, blocks, most=count), False
    for event in whole.events():
        if isinstance(event, Progress):
            yield Climbing(settled=event.settled, pairs=event.pairs)
        all_equal = all_equal or isinstance(event, PairFound)
    if all_equal:
        every = ((i, j) for i in range(n) for j in range(i + 1, n))
        found = [(i, j, 0.0) for _, (i, j) in zip(range(count), every, strict=False)]
    else:
        found = whole.farthest(count)
    yield FarthestPairs(pairs=tuple(PairDistance(i=i, j=j, distance=apart) for i, j, apart in found))
