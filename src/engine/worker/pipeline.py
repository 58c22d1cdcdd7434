"""A whole run as one generator of events: rows, search, analysis, end. The engine process writes them down.

Torch is imported here, so a process that has something to say before that imports this module late.
"""

import os
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace

import torch

from ..analysis.cluster_analysis import cluster_analysis
from ..device import choose_device, device_name
from ..errors import InputError
from ..events import MOST_BATCHES, AnyEvent, ResumePoint, RunRequest, RunStarted, Warned
from ..models.loader import load_rows
from ..run_settings import AUTO, checked
from ..search.block_sizes import blocks_for
from ..search.precision import choose_precision
from ..text.numbers import count, size
from .resume import resume_from
from .token_names import TokenNames


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
    resume: ResumePoint | None = None
    if request.resumes is not None and n > 1:
        resume, told = resume_from(request.resumes, request, started)
        yield told
    resolved = replace(settings, device=str(device))
    with closing(cluster_analysis(cluster.rows, cluster.centroid, resolved, blocks, resume)) as steps:
        for event in steps:
            yield from names.before(event)
            yield event
            if resume and event is resume.settled[-1]:
                yield resume.checkpoint  # cut short before its own first one, this run can be resumed all the same
