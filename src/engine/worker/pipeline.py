"""A whole run as one generator of events: rows, search, analysis, end. The engine process writes them down.

Torch is imported here, so a process that has something to say before that imports this module late.
"""

import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace

import torch

from ..analysis.batch_pairs import BatchPairs
from ..analysis.outlier_ladder import ladder, rungs_worth_taking
from ..analysis.pair_analysis import analyse, measure_rows
from ..device import choose_device, device_name
from ..errors import InputError
from ..events import (
    MOST_BATCHES,
    Analysed,
    AnyEvent,
    BatchDone,
    PairFound,
    Progress,
    ResumePoint,
    RunEnded,
    RunRequest,
    RunStarted,
    Warned,
)
from ..models.loader import load_rows
from ..run_settings import AUTO, checked
from ..search.block_sizes import blocks_for
from ..search.precision import choose_precision
from ..search.search import search_here
from ..search.workspace import Workspace
from ..text.numbers import count, distance, size
from .resume import resume_from
from .token_names import TokenNames

# A centroid this far from the rows' mean, in median distances from it, changes digits that a person reads.
_NOTICEABLE_OFFSET = 1e-3
# The ladder may take this many times the search's own time, and the first seconds in any case.
_LADDER_EFFORT, _LEAST_SECONDS = 3, 10.0


def run_events(request: RunRequest) -> Generator[AnyEvent]:
    """Everything that happens in a run of `request`, from RunStarted to RunEnded(done), every few milliseconds.

    Rows are named (Named) before the first event that mentions them. Closing the generator stops the search.
    Raises InputError for what cannot be read or used; anything else that is raised is a fault.
    """
    settings, cores = checked(request.settings), os.cpu_count() or 1
    if settings.threads:
        torch.set_num_threads(min(settings.threads, cores))  # of many more, the system may give out in a crash
    device = choose_device(settings.device)
    cluster = load_rows(request)
    n, d = cluster.rows.shape
    chosen = choose_precision(settings.precision, device, terms=n * n * d, exhaustive=settings.exhaustive)
    batches = -(-n // settings.batch)
    if batches > MOST_BATCHES:
        raise InputError(
            f"batch: {settings.batch} makes {count(batches)} batches of {count(n)} rows, and a run has at most "
            f"{count(MOST_BATCHES)}; take more rows in a batch."
        )
    blocks = blocks_for(device, n, d, settings.memory)
    memory = blocks.bytes(n, d, batches)
    started = RunStarted(
        files=cluster.files,
        fingerprint=cluster.fingerprint,
        vocabulary=cluster.vocabulary,
        n=n,
        d=d,
        dtype=cluster.dtype,
        device=str(device),
        device_name=device_name(device),
        batch=settings.batch,
        batches=batches,
        memory=memory,
        centroid="mean" if cluster.centroid is None else "stored",
        torch=str(torch.__version__),
        precision=chosen.precision.name,
        precision_reason=chosen.why,
    )
    yield started
    yield from cluster.warnings
    if settings.precision not in (AUTO, chosen.precision.name):
        yield Warned(kind="device", message=f"Pairs are screened in {chosen.precision.name}, {chosen.why}.")
    if settings.threads > cores:
        asked = f"{count(settings.threads)} threads are asked for"
        yield Warned(kind="device", message=f"{asked}; this machine has {count(cores)} cores, so it gets as many.")
    if 0 < settings.memory < memory:
        asked = f"At most {size(settings.memory)} of memory is asked for"
        yield Warned(kind="memory", message=f"{asked}, and the search needs {size(memory)} beyond the rows.")
    names = TokenNames(request, cluster)
    yield from names.warnings()
    if n == 1:
        yield RunEnded(outcome="done", reason="The cluster has one token, so there is no pair.")
        return
    resume: ResumePoint | None = None
    if request.resumes is not None:
        resume, told = resume_from(request.resumes, request, started)
        yield told
    pair: PairFound | None = None
    settled: list[BatchDone] = []
    began = time.thread_time()
    steps = search_here(cluster.rows, replace(settings, device=str(device)), blocks=blocks, resume=resume)
    batch_pairs = BatchPairs(cluster.rows, cluster.centroid)
    with closing(steps):
        for event in steps:
            yield from names.before(event)
            yield event
            if resume and event is resume.settled[-1]:
                yield resume.checkpoint  # cut short before its own first one, this run can be resumed all the same
            match event:
                case BatchDone():
                    batch_pairs.settled(event)
                    settled.append(event)
                case Progress():
                    yield from batch_pairs.in_passing()
                case PairFound():
                    pair = event
    Workspace.empty()
    assert pair is not None, "the search ended without a pair"
    searched = time.thread_time() - began
    measured = measure_rows(cluster.rows, cluster.centroid, batch_pairs.mean)
    analysis = analyse(measured, pair.i, pair.j, pair.distance)
    yield analysis
    yield from _warnings(analysis, n)
    yield from batch_pairs.all_left()
    rungs = ladder(
        measured.rows,
        measured.distances,
        measured.original,
        most=rungs_worth_taking(n),
        batches=settled,
        device=device,
        memory=memory,
        seconds=max(_LADDER_EFFORT * searched, _LEAST_SECONDS),
    )
    with closing(rungs):
        for step in rungs:
            yield from names.before(step)
            yield step
    yield RunEnded(outcome="done", reason=f"The farthest pair of {count(n)} tokens is found.")


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
    copies = analysis.copies
    if copies.groups:
        yield Warned(
            kind="copies",
            message=f"{count(copies.rows)} of {count(n)} rows are bit-identical to another: "
            f"{count(copies.groups)} {'group' if copies.groups == 1 else 'groups'} of copies, "
            f"{count(copies.distinct)} distinct {'row' if copies.distinct == 1 else 'rows'} in all.",
        )
