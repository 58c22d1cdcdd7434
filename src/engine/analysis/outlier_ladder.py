"""The outlier ladder: the diameter of a cluster as the rows farthest from its centroid are removed one by one.

The number of outliers is the rung at which the diameter collapses (see `criteria.collapse`). Every rung is exact,
and all of them together cost little more than one search (see `ladder`).
"""

import math
import time
from collections.abc import Generator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..errors import InputError
from ..events import BatchDone, Climbing, Ladder, Rung, Warned
from ..search.arrays import Rows, checked, checked_point, whole_number
from ..search.centered_rows import center_rows
from ..search.duplicates import first_equal
from ..search.exact import ExactSquares, Pair
from ..search.isolation import apart
from ..search.lengths import lengths
from ..stopwatch import Stopwatch
from .criteria import collapse
from .ladder_core import NO_LIMITS, Core, Limits, core_of, core_pair, few_that_matter, places, widest
from .ladder_outer import farthest_of, reaches
from .ladder_stages import stages, stand_in
from .pair_analysis import refuse_too_large
from .stats import mean_row, row_norms

MOST = 64  # rows removed


def outlier_ladder(rows: Rows, most: int = MOST, core: Rows | None = None) -> list[Rung]:
    """The diameter of the rows as the outermost ones are removed one by one.

    Parameters
    ----------
    rows : Tensor or ndarray, shape (n, d)
        As for `farthest_pair`.
    most : int
        The number of rows to remove, 0 or more; at least two rows always remain.
    core : Tensor or ndarray, shape (d,), optional
        The point from which distances are measured, by default the rows' mean. Rows are removed by decreasing
        distance from it, the lower index first among equals.

    Returns
    -------
    list of Rung
        One rung for each k = 0 … `most`: the row `removed` last (None at k = 0), the farthest pair `i` < `j` of
        the remaining rows, and the distance between the two, the `diameter`.

    Raises
    ------
    InputError
        As `farthest_pair` does; where `most` is not a whole number of 0 or more; or where `core` is not a finite
        point (d,).

    Examples
    --------
    >>> import numpy as np
    >>> from farpair import outlier_ladder
    >>> [rung.diameter for rung in outlier_ladder(np.array([[0.0], [1.0], [2.0], [9.0]]), most=2)]
    [9.0, 2.0, 1.0]
    """
    most = whole_number(most, "most")
    if most < 0:
        raise InputError(f"most is {most}: it must be 0 or more.")
    return apart(lambda: _outlier_ladder(checked(rows), most, core))


def _outlier_ladder(x: Tensor, most: int, core: Rows | None) -> list[Rung]:
    refuse_too_large(x)
    centre = mean_row(x) if core is None else checked_point(core, x.shape[1], "core")
    refuse_too_large(centre, "The core holds")
    distances = row_norms(x, centre)
    original = first_equal(x, torch.arange(len(x), dtype=torch.int64, device="cpu"))
    *_, found = ladder(x, distances, original, most=min(most, len(x) - 2))
    assert isinstance(found, Ladder)
    return list(found.rungs)


def rungs_worth_taking(n: int) -> int:
    """The number of rows that a ladder of n rows removes: at most half, because outliers are a minority."""
    return max(0, min(MOST, n // 2, n - 2))


def ladder(
    rows: Tensor,
    distances: Tensor,
    original: Tensor,
    *,
    most: int,
    batches: Sequence[BatchDone] = (),
    limits: Limits = NO_LIMITS,
    stopwatch: Stopwatch | None = None,
) -> Generator[Climbing | Warned | Ladder]:
    """The ladder of rows (n, d), float32 or float64, from which up to `most` ≤ n - 2 are removed; yields Ladder
    last.

    Rows are removed by decreasing `distances` (n,). `original` (n,) holds for each row the first row equal to it;
    `batches` are the maxima of a finished search. With a memory limit, rows may be overwritten and are restored.
    The ladder ends early where the limit's time is over.

    A pair that remains on rung k is of one of two kinds. It may have a row that is removed later; these rows are
    few, and the estimates of `pivots` leave a few candidates for each (`ladder_outer`). Or it is a pair of the
    core, the rows that are never removed, whose farthest pair is the same on every rung (`ladder_core`). Copies
    count as one row wherever they only repeat a distance.
    """
    stopwatch = stopwatch or Stopwatch()
    began = stopwatch.seconds
    removed = distances.argsort(descending=True, stable=True)[:most]
    apart: dict[Pair, float] = {}
    rungs: list[Rung] = []
    at_most: float | None = None
    for start, end in stages(rows, removed):
        core = core_of(original, removed[:end], batches)
        searched = time.thread_time()
        pairs, at_most = yield from _stage(rows, removed, start, end, core, limits)
        limits = replace(limits, seconds=limits.seconds - (time.thread_time() - searched))
        new = sorted(set(pairs) - apart.keys())
        if new:
            ends, starts = (rows[list(at)].to("cpu").to(torch.float64) for at in zip(*new, strict=True))
            apart |= zip(new, lengths(ends, starts), strict=True)
        for k, pair in enumerate(pairs, start):
            gone = int(removed[k - 1]) if k else None
            rungs.append(Rung(removed=gone, i=pair[0], j=pair[1], diameter=apart[pair]))
        if at_most is not None:
            break
    yield Ladder(
        rungs=tuple(rungs),
        outside=collapse([rung.diameter for rung in rungs], at_most),
        left_out=None if at_most is None else "time",
        at_most=at_most,
        seconds=stopwatch.seconds - began,
    )


def _stage(
    rows: Tensor,
    removed: Tensor,
    start: int,
    end: int,
    core: Core,
    limits: Limits,
) -> Generator[Climbing | Warned, None, tuple[list[Pair], float | None]]:
    """The farthest pairs of the rungs start ≤ k < end, and None; where the ladder ends early, those found so far
    and an upper bound of the next diameter. The core is the rows that remain after these rungs."""
    gone, outer = removed[:start], removed[start:end]
    few = few_that_matter(rows, outer, core, limits.memory, apart=start > 0)
    if few is None:
        index: Sequence[int] = range(len(rows))
        without = removed[:end]
        putting_back = stand_in(rows, gone, core.first[:1])
    else:
        index, outer, core = few.tolist(), places(few, outer), core.among(few)
        rows, without = rows[few.to(rows.device)], outer
        limits = replace(limits, memory=limits.memory and max(limits.memory - rows.nbytes, 1))
        putting_back = stand_in(rows, gone[:0], core.first[:1])
    with putting_back:
        centered = center_rows(rows, near=core.distinct)
        exact = ExactSquares(rows, centered.shift)
        reached = reaches(centered, exact, outer, core.distinct)
        bound, best = widest(centered, core), None
        least = min((reach.square for reach in reached), default=0.0) * (1 - exact.tolerance)
        if len(outer) < end - start or least <= bound**2:  # otherwise no core pair is the farthest on any rung
            best = yield from core_pair(centered, exact, without, core, limits)
        pairs: list[Pair] = []
        for k in range(end - start):
            rivals = [reach for reach in (*reached[k : k + 1], best) if reach]
            if not rivals:
                break
            reach = farthest_of({rival.pair: rival.square for rival in rivals}, exact)
            if best is None and reach.square * (1 - exact.tolerance) <= bound**2:
                break
            pairs.append(reach.pair)
    found = [(index[i], index[j]) for i, j in pairs]
    if len(found) == end - start:
        return found, None
    return found, math.nextafter(math.ldexp(bound, -centered.shift), math.inf)
