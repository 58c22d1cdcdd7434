"""The core of a cluster: the rows that the outlier ladder never removes, and the farthest pair among them.

That pair is searched for at most once: not where the bounds show that no rung needs it.
"""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from ..events import BatchDone, Climbing, PairFound, Progress, Warned
from ..run_settings import LEAST_MEMORY, RunSettings
from ..search.centered_rows import CenteredRows
from ..search.exact import ExactSquares
from ..search.rounding import squared_distances
from ..search.search import search_here
from .ladder_outer import Reach, farthest_of
from .ladder_stages import stand_in


@dataclass(frozen=True)
class Limits:
    """The limits of a ladder: the device on which the core is searched (None: that of the rows), the bytes that it
    may use beyond the rows (0: no limit), and the seconds of this thread's CPU time after which it ends early."""

    device: torch.device | None = None
    memory: int = 0
    seconds: float = math.inf


NO_LIMITS: Final = Limits()


@dataclass(frozen=True)
class Core:
    """The rows that are never removed, as ascending indices: the `first` two, the `distinct` rows (all without
    copies), and the `suspects`, those distinct rows that may be in the core's farthest pair."""

    first: Tensor
    distinct: Tensor
    suspects: Tensor

    def among(self, few: Tensor) -> "Core":
        """The same core, by places in `few` instead of indices."""
        return Core(places(few, self.first), places(few, self.distinct), places(few, self.suspects))


def core_of(original: Tensor, removed: Tensor, batches: Sequence[BatchDone]) -> Core:
    """The core that remains without the rows `removed`.

    Where both rows of a batch's pair remain, the core's diameter is at least that batch's maximum. Rows in batches
    with a smaller maximum are then not in the core's farthest pair.
    """
    n = len(original)
    left = torch.ones(n, dtype=torch.bool, device="cpu")
    left[removed] = False
    rows = left.nonzero().flatten()
    first = torch.full((n,), n, dtype=torch.int64, device="cpu").scatter_reduce_(0, original[rows], rows, "amin")
    distinct = rows[first[original[rows]] == rows]
    width = max((done.maximum for done in batches if left[done.i] and left[done.j]), default=0.0)
    narrow = torch.zeros(n, dtype=torch.bool, device="cpu")
    for done in batches:
        narrow[done.start : done.end] = done.maximum < width
    return Core(rows[:2], distinct, distinct[~narrow[distinct]])


def few_that_matter(rows: Tensor, outer: Tensor, core: Core, memory: int, *, apart: bool) -> Tensor | None:
    """The rows that can be in any pair of the ladder, `outer` and core, where they should be copied; else None.

    They are copied where the copy is small, and saves time or has to be `apart` from the other rows.
    """
    few = torch.unique(torch.cat([outer, core.first, core.distinct]))
    return few if (apart or 2 * len(few) <= len(rows)) and _is_little(rows, len(few), memory) else None


def _is_little(rows: Tensor, count: int, memory: int) -> bool:
    """Whether a copy of that many rows takes at most an eighth of `memory` (0: no limit)."""
    return not memory or 8 * count * rows.shape[1] * rows.element_size() <= memory


def places(few: Tensor, rows: Tensor) -> Tensor:
    """The place of each of `rows` in `few`, which is ascending and contains them all."""
    return torch.searchsorted(few, rows)


def core_pair(
    centered: CenteredRows,
    exact: ExactSquares,
    removed: Tensor,
    core: Core,
    limits: Limits,
) -> Generator[Climbing | Warned, None, Reach | None]:
    """The core's farthest pair; None where finding it takes more than the limit's seconds."""
    pairs = {(int(core.first[0]), int(core.first[1]))}  # the first pair, for a core whose distances are all 0
    if len(core.suspects) > 1:
        with _apart(centered.rows, removed, core, limits.memory) as (rows, index):
            began, found = time.thread_time(), False  # does not count pauses
            beside = 0 if rows is centered.rows else rows.nbytes
            left = limits.memory and max(LEAST_MEMORY, limits.memory - beside)
            settings = RunSettings(batch=len(rows), memory=left)
            with closing(search_here(rows.to(limits.device or rows.device), settings)) as steps:
                for event in steps:
                    if isinstance(event, PairFound):
                        found = True
                        one, other = sorted((int(index[event.i]), int(index[event.j])))
                        if one < other:
                            pairs.add((one, other))
                    elif isinstance(event, Progress):
                        yield Climbing(settled=event.settled, pairs=event.pairs)
                    elif isinstance(event, Warned):
                        yield event
                    if not found and time.thread_time() - began > limits.seconds:
                        return None
    known = sorted(pairs)
    i, j = torch.tensor(known, dtype=torch.int64, device="cpu").T
    squares = squared_distances(centered.rows, i, j, centered.shift).tolist()
    return farthest_of(dict(zip(known, squares, strict=True)), exact)


@contextmanager
def _apart(rows: Tensor, removed: Tensor, core: Core, memory: int) -> Iterator[tuple[Tensor, Tensor]]:
    """A context with the rows in which to search the core, without those `removed`, and the index of each.

    The rows are a copy where that is small. Otherwise they are `rows` themselves, in which the core's first row
    replaces each removed row until the context ends. The first of tied pairs remains the first, because no row of
    the core precedes its first row.
    """
    chosen = core.suspects
    if _is_little(rows, len(chosen), memory):
        yield rows[chosen.to(rows.device)], chosen
        return
    index = torch.arange(len(rows), dtype=torch.int64, device="cpu")
    index[removed] = core.first[0]
    with stand_in(rows, removed, core.first[:1]):
        yield rows, index


def widest(centered: CenteredRows, core: Core) -> float:
    """An upper bound of the core's diameter (scaled): the sum of the two largest distances from the rows' centre,
    or 0 for copies of one row."""
    if len(core.distinct) < 2:
        return 0.0
    return math.nextafter(float(centered.radius[core.distinct].topk(2).values.sum()), math.inf)
