"""The outlier ladder: the diameter of a cluster as the rows farthest from its core are taken away one by one.

A cluster with k outliers has a large diameter until the k-th is gone, and a small one from then on: how many
outliers there are is read off where the ladder falls (`collapse`).

Every rung is exact, and all of them together cost little more than one search. A pair that is left on rung k
either has one of the rows that go later, and these are few: the estimates of `pivots` leave a few candidates
for each (`farther_out`). Or it is a pair of the core, the rows that are never taken away, and then the core's
own farthest pair is as good on every rung: it is searched for once, and only where what is known of the whole
cluster's batches leaves it a place. Copies count as one row wherever they would only repeat a distance.
"""

import math
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import InputError
from .certify import squared_distances
from .collapse import collapse
from .copies import first_equal
from .events import BatchDone, Climbing, Ladder, PairFound, Progress, Rung, Warned
from .exact import ExactSquares, Pair
from .farther_out import Reach, farthest_of, reaches
from .pairs import Rows, checked
from .search import search
from .space import Space, centre_rows
from .stats import mean_row, row_norms

MOST = 64  # rows taken away

LeftOut = Literal["time", "memory"]


def outlier_ladder(rows: Rows, most: int = MOST, core: Tensor | None = None) -> list[Rung]:
    """The ladder's rungs for k = 0 … `most` rows removed (at least two are always left).

    Rows are removed by falling distance from `core` (d,), by default the rows' mean; of equals the first goes
    first. Rows as for `farthest_pair`. Raises InputError as that does, or where `most` is negative.
    """
    if most < 0:
        raise InputError(f"most is {most}: the ladder removes no row or more.")
    x = checked(rows)
    distances = row_norms(x, mean_row(x) if core is None else core)
    original = first_equal(x, torch.arange(len(x)))
    *_, found = ladder(x, distances, original, most=min(most, len(x) - 2))
    assert isinstance(found, Ladder)
    return list(found.rungs)


def rungs_worth_taking(n: int) -> int:
    """How many of n rows to take away at most: those that lie outside are fewer than those that do not."""
    return max(0, min(MOST, n // 2, n - 2))


def ladder(
    rows: Tensor,
    distances: Tensor,
    original: Tensor,
    *,
    most: int,
    batches: Sequence[BatchDone] = (),
    device: torch.device | None = None,
    memory: int = 0,
    seconds: float = math.inf,
) -> Generator[Climbing | Warned | Ladder]:
    """The ladder of rows (n, d), float32 or float64, without up to `most` ≤ n - 2 of them: Ladder last.

    Rows go by falling `distances` (n,). `original` (n,) names for each row the first one equal to it, `batches`
    are the maxima of a finished search. Searching the core, on `device`, takes at most `memory` bytes beyond
    the rows (0: no limit) and `seconds` of the main thread's time: where it would take more, the ladder breaks
    off.
    """
    began = time.perf_counter()
    removed = distances.argsort(descending=True, stable=True)[:most]
    core = _core_of(original, removed, batches)
    few = _few_that_matter(rows, removed, core, memory)
    if few is not None:
        rows, removed, core = rows[few.to(rows.device)], _places(few, removed), core.among(few)
    space = centre_rows(rows)
    exact = ExactSquares(rows, space.shift)
    outer = reaches(space, exact, removed, core.distinct)
    best, left_out = yield from _core_pair(space, exact, core, device, memory, seconds)
    bound = _widest(space, core) if best is None else 0.0
    widest: list[Pair] = []
    for k in range(most + 1):
        rivals = [reach for reach in (*outer[k : k + 1], best) if reach]
        if not rivals:
            break
        reach = farthest_of({rival.pair: rival.square for rival in rivals}, exact)
        if best is None and reach.square * (1 - exact.tolerance) <= bound**2:
            break
        widest.append(reach.pair)
    rungs = _rungs(widest, removed, exact, space, few)
    at_most = None if best else _unscaled(bound, space)
    yield Ladder(
        rungs=rungs,
        outside=collapse([rung.diameter for rung in rungs], at_most),
        left_out=left_out,
        at_most=at_most,
        seconds=time.perf_counter() - began,
    )


def _rungs(
    pairs: Sequence[Pair], removed: Tensor, exact: ExactSquares, space: Space, few: Tensor | None
) -> tuple[Rung, ...]:
    """The rungs on which these are the farthest pairs, k = 0, 1, …; of the rows `few` where these alone are
    known."""
    distinct = sorted(set(pairs))
    squares = dict(zip(distinct, exact.rounded(distinct), strict=True))
    index = range(len(space.rows)) if few is None else few.tolist()
    return tuple(
        Rung(
            removed=index[int(removed[k - 1])] if k else None,
            i=index[pair[0]],
            j=index[pair[1]],
            diameter=_unscaled(math.sqrt(squares[pair]), space),
        )
        for k, pair in enumerate(pairs)
    )


@dataclass(frozen=True)
class _Core:
    """The rows that are never taken away: the `first` two; of those that are copies the first alone
    (`distinct`); and which of these may be in the farthest pair (`suspects`). All ascending."""

    first: Tensor
    distinct: Tensor
    suspects: Tensor

    def among(self, few: Tensor) -> "_Core":
        """The same, by their places among the rows `few`."""
        return _Core(_places(few, self.first), _places(few, self.distinct), _places(few, self.suspects))


def _core_of(original: Tensor, removed: Tensor, batches: Sequence[BatchDone]) -> _Core:
    """The core without the rows `removed`.

    Where the pair of one of the `batches` is left, the core is as wide as that; then rows in batches with a lesser
    maximum have no place in its farthest pair.
    """
    n = len(original)
    left = torch.ones(n, dtype=torch.bool)
    left[removed] = False
    rows = left.nonzero().flatten()
    first = torch.full((n,), n).scatter_reduce_(0, original[rows], rows, "amin")
    distinct = rows[first[original[rows]] == rows]
    width = max((done.maximum for done in batches if left[done.i] and left[done.j]), default=0.0)
    narrow = torch.zeros(n, dtype=torch.bool)
    for done in batches:
        narrow[done.start : done.end] = done.maximum < width
    return _Core(rows[:2], distinct, distinct[~narrow[distinct]])


def _few_that_matter(rows: Tensor, removed: Tensor, core: _Core, memory: int) -> Tensor | None:
    """The rows that any pair of the ladder can have, where they are so few that a copy of them saves time."""
    few = torch.unique(torch.cat([removed, core.first, core.distinct]))
    size = len(few) * rows.shape[1] * rows.element_size()
    return few if 2 * len(few) <= len(rows) and not 0 < memory < 2 * size else None


def _places(few: Tensor, rows: Tensor) -> Tensor:
    """Where each of `rows` stands in `few`, which ascend and hold them all."""
    return torch.searchsorted(few, rows)


def _core_pair(
    space: Space,
    exact: ExactSquares,
    core: _Core,
    device: torch.device | None,
    memory: int,
    seconds: float,
) -> Generator[Climbing | Warned, None, tuple[Reach | None, LeftOut | None]]:
    """The core's farthest pair; or None, and what finding it takes too much of."""
    chosen = core.suspects
    pairs = [(int(core.first[0]), int(core.first[1]))]  # the first where all distances are 0
    if len(chosen) > 1:
        size = len(chosen) * space.rows.shape[1] * space.rows.element_size()
        if memory and 2 * size > memory:
            return None, "memory"
        began = time.thread_time()  # does not count pauses
        rows = space.rows[chosen.to(space.rows.device)]
        with closing(search(rows, batch=len(rows), device=device, memory=memory and memory - size)) as steps:
            for event in steps:
                if isinstance(event, PairFound):
                    pairs.append((int(chosen[event.i]), int(chosen[event.j])))
                elif isinstance(event, Progress):
                    yield Climbing(settled=event.settled, pairs=event.pairs)
                elif isinstance(event, Warned):
                    yield event
                if time.thread_time() - began > seconds and len(pairs) < 2:
                    return None, "time"
    i, j = torch.tensor(pairs).T
    squares = squared_distances(space.rows, i, j, space.shift).tolist()
    return farthest_of(dict(zip(pairs, squares, strict=True)), exact), None


def _widest(space: Space, core: _Core) -> float:
    """An upper bound of the core's diameter (scaled): the two largest distances from the space's centre
    together."""
    return math.nextafter(float(space.radius[core.distinct].topk(2).values.sum()), math.inf)


def _unscaled(distance: float, space: Space) -> float:
    return math.ldexp(distance, -space.shift)
