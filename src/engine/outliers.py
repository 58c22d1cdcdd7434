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

import torch
from torch import Tensor

from ..errors import InputError
from .analysis import refuse_too_large
from .arrays import checked, checked_core, whole_number
from .collapse import collapse
from .copies import first_equal
from .core import core_of, core_pair, few_that_matter, places, widest
from .events import BatchDone, Climbing, Ladder, Rung, Warned
from .exact import ExactSquares, Pair
from .farther_out import farthest_of, reaches
from .pairs import Rows
from .space import Space, centre_rows
from .stats import mean_row, row_norms

MOST = 64  # rows taken away


def outlier_ladder(rows: Rows, most: int = MOST, core: Rows | None = None) -> list[Rung]:
    """The ladder's rungs for k = 0 … `most` rows removed (at least two are always left).

    Rows are removed by falling distance from `core` (d,), by default the rows' mean; of equals the first goes
    first. Rows as for `farthest_pair`. Raises InputError as that does, or where `most` is no whole number or
    negative, or `core` no point in the rows' space.
    """
    most = whole_number(most, "most")
    if most < 0:
        raise InputError(f"most is {most}: the ladder removes no row or more.")
    x = checked(rows)
    centre = None if core is None else checked_core(core, x.shape[1])
    refuse_too_large(x, centre)
    distances = row_norms(x, mean_row(x) if centre is None else centre)
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
    are the maxima of a finished search. The core is searched on `device` for at most `seconds` of the main
    thread's time; after that the ladder breaks off. It takes at most `memory` bytes beyond the rows (0: no
    limit), for which the rows may be written to meanwhile; they are put back.
    """
    began = time.perf_counter()
    removed = distances.argsort(descending=True, stable=True)[:most]
    core = core_of(original, removed, batches)
    few = few_that_matter(rows, removed, core, memory)
    if few is not None:
        rows, removed, core = rows[few.to(rows.device)], places(few, removed), core.among(few)
        memory = memory and memory - rows.nbytes
    space = centre_rows(rows, near=core.distinct)
    exact = ExactSquares(rows, space.shift)
    outer = reaches(space, exact, removed, core.distinct)
    best = yield from core_pair(space, exact, removed, core, device, memory, seconds)
    bound = widest(space, core) if best is None else 0.0
    pairs: list[Pair] = []
    for k in range(most + 1):
        rivals = [reach for reach in (*outer[k : k + 1], best) if reach]
        if not rivals:
            break
        reach = farthest_of({rival.pair: rival.square for rival in rivals}, exact)
        if best is None and reach.square * (1 - exact.tolerance) <= bound**2:
            break
        pairs.append(reach.pair)
    rungs = _rungs(pairs, removed, exact, space, few)
    at_most = None if best else _unscaled(bound, space)
    yield Ladder(
        rungs=rungs,
        outside=collapse([rung.diameter for rung in rungs], at_most),
        left_out=None if best else "time",
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


def _unscaled(distance: float, space: Space) -> float:
    return math.ldexp(distance, -space.shift)
