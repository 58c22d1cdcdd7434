"""The whole analysis of a cluster as events: the search, the analysis of the pair, the outlier ladder, the
farthest pairs and the duplicates. A run (`worker.pipeline`) and the library's `analyse` (`api`) consist of these
events.
"""

import time
from collections.abc import Generator, Iterator
from contextlib import closing

import torch
from msgspec.structs import replace
from torch import Tensor

from ..events import (
    MOST_DUPLICATES,
    Analysed,
    AnyEvent,
    BatchDone,
    DuplicateRows,
    Ladder,
    PairFound,
    Progress,
    ResumePoint,
    RunEnded,
    TokenMeasure,
    Warned,
)
from ..run_settings import RunSettings
from ..search.block_sizes import Blocks
from ..search.search import search_here
from ..search.workspace import Workspace
from ..stopwatch import Stopwatch
from ..text.numbers import count, distance
from .batch_pairs import BatchPairs
from .farthest_pairs import farthest_pairs
from .geometry import measures
from .ladder_core import Limits
from .outlier_ladder import ladder, rungs_worth_taking
from .pair_analysis import MeasuredRows, analyse, measure_rows

# In median distances; a centroid that is this far from the rows' mean changes digits that are shown.
_NOTICEABLE_OFFSET = 1e-3
# The ladder may take _LADDER_EFFORT times the search's own time, or _LEAST_SECONDS if that is more.
_LADDER_EFFORT, _LEAST_SECONDS = 3, 10.0


def cluster_analysis(
    rows: Tensor,
    centroid: Tensor | None,
    settings: RunSettings,
    blocks: Blocks,
    resume: ResumePoint | None = None,
    *,
    only_read: bool = False,
    stopwatch: Stopwatch | None = None,
) -> Generator[AnyEvent]:
    """The events for `rows` (n, d), n ≥ 1, float32 or float64, from the first event of the search to
    RunEnded(done), one every few milliseconds.

    Distances are measured from the stored `centroid` (d,), or from the rows' mean where it is None. `settings`
    names the device; with `pairs` above 1, the farthest pairs are listed. `blocks` sets the memory used on the
    device. `resume` is the point from which a search of the same rows is resumed. The ladder keeps within the
    memory of the search, and may overwrite rows and restore them; where rows are `only_read`, it has no memory
    limit. The seconds in events are those of `stopwatch`. Closing the generator stops the work. Raises InputError
    where numbers are too large for float64, and ProofError where the search cannot prove its answer.
    """
    n = len(rows)
    if n == 1:
        yield RunEnded(outcome="done", reason="The cluster has one token, so there is no pair.")
        return
    searched_rows, rows = rows, rows.to("cpu")
    batch_pairs, began = BatchPairs(rows, centroid), time.thread_time()
    pair, batches = yield from _search(searched_rows, settings, blocks, resume, batch_pairs, stopwatch)
    searched = time.thread_time() - began
    measured = measure_rows(rows, centroid, batch_pairs.mean)
    analysis = analyse(measured, pair.i, pair.j, pair.distance)
    yield analysis
    yield from _warnings(analysis, n)
    yield from batch_pairs.all_left()
    seconds = max(_LADDER_EFFORT * searched, _LEAST_SECONDS)
    memory = 0 if only_read else blocks.bytes(n, rows.shape[1], -(-n // settings.batch))
    yield from _ladder(measured, batches, Limits(torch.device(settings.device), memory, seconds), stopwatch)
    if analysis.copies.groups:
        yield duplicate_rows(measured.original)
    if settings.pairs > 1:
        with closing(
            farthest_pairs(searched_rows, settings.pairs, torch.device(settings.device), blocks)
        ) as steps:
            yield from steps
        Workspace.empty()
    yield RunEnded(outcome="done", reason=f"The farthest pair of {count(n)} tokens is found.")


def _search(
    rows: Tensor,
    settings: RunSettings,
    blocks: Blocks,
    resume: ResumePoint | None,
    batch_pairs: BatchPairs,
    stopwatch: Stopwatch | None,
) -> Generator[AnyEvent, None, tuple[PairFound, list[BatchDone]]]:
    pair: PairFound | None = None
    batches: list[BatchDone] = []
    steps = search_here(rows, settings, blocks=blocks, resume=resume, stopwatch=stopwatch)
    with closing(steps):
        for event in steps:
            yield event
            match event:
                case BatchDone():
                    batch_pairs.settled(event)
                    batches.append(event)
                case Progress():
                    yield from batch_pairs.in_passing()
                case PairFound():
                    pair = event
    Workspace.empty()
    assert pair is not None, "the search ended without a pair"
    return pair, batches


def _ladder(
    measured: MeasuredRows, batches: list[BatchDone], limits: Limits, stopwatch: Stopwatch | None
) -> Generator[AnyEvent]:
    steps = ladder(
        measured.rows,
        measured.distances,
        measured.original,
        most=rungs_worth_taking(len(measured.rows)),
        batches=batches,
        limits=limits,
        stopwatch=stopwatch,
    )
    with closing(steps):
        for step in steps:
            yield replace(step, outliers=outliers(measured, step)) if isinstance(step, Ladder) else step


def outliers(measured: MeasuredRows, found: Ladder) -> tuple[TokenMeasure, ...]:
    """The measures of the outliers, in the order of the ladder; empty where the diameter does not collapse."""
    farthest = measured.distances.argsort(descending=True, stable=True)[: found.outside or 0]
    rows = measured.rows[farthest.to(measured.rows.device)].cpu().to(torch.float64)
    return tuple(measures(farthest.tolist(), rows, measured.centroid))


def duplicate_rows(original: Tensor) -> DuplicateRows:
    """The groups of bit-identical rows. `original` (n,) holds for every row the first row equal to it."""
    by_group = original.argsort(stable=True)
    _, sizes = torch.unique_consecutive(original[by_group], return_counts=True)
    alike = [tuple(rows.tolist()) for rows in torch.split(by_group, sizes.tolist()) if len(rows) > 1]
    listed: list[tuple[int, ...]] = []
    room = MOST_DUPLICATES
    for group in sorted(alike, key=lambda rows: (-len(rows), rows)):
        if len(group) <= room:
            listed.append(group)
            room -= len(group)
    return DuplicateRows(groups=tuple(listed), left_out=len(alike) - len(listed))


def _warnings(analysis: Analysed, n: int) -> Iterator[Warned]:
    offset, median = analysis.centroid_offset, analysis.distances.median
    if offset is not None and offset > _NOTICEABLE_OFFSET * median:
        true = analysis.distances_from_mean
        instead = f"; from the true mean it is {distance(true.median)}" if true else ""
        yield Warned(
            kind="centroid",
            message=f"The stored centroid lies {distance(offset)} from the rows' true mean, which shifts every "
            f"distance from the centroid by up to as much: the median is {distance(median)}{instead}.",
        )
    alike = analysis.copies
    if alike.groups:
        yield Warned(
            kind="copies",
            message=f"{count(alike.rows)} of {count(n)} rows are duplicates, bit for bit, in "
            f"{count(alike.groups)} {'group' if alike.groups == 1 else 'groups'}; "
            f"{count(alike.distinct)} {'row is' if alike.distinct == 1 else 'rows are'} distinct.",
        )
