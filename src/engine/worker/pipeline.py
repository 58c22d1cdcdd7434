"""A whole run as one generator of events: rows, search, analysis, end. The engine process writes the events to the
journal.

This module imports torch, so the engine process imports it only when its turn has come.
"""

import os
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import torch

from ..analysis.cluster_analysis import cluster_analysis
from ..analysis.plan import plan_for
from ..device import choose_device
from ..events import AnyEvent, ResumePoint, RunRequest, Warned
from ..models.loader import load_rows
from ..models.token_names import names_from_files
from ..models.vocabulary import Vocabulary
from ..run_settings import checked
from ..stopwatch import Stopwatch
from ..text.numbers import count
from .resume import resume_from, run_before


def run_events(request: RunRequest, stopwatch: Stopwatch | None = None) -> Generator[AnyEvent]:
    """The events of a run of `request`, from RunStarted to RunEnded(done), one every few milliseconds.

    Rows are named (Named) before the first event that mentions them. The seconds in events are those of
    `stopwatch`. Closing the generator stops the search. Raises InputError for input that cannot be read or used;
    any other error is a fault of the program.
    """
    settings, cores = checked(request.settings), os.cpu_count() or 1
    if settings.threads:
        torch.set_num_threads(min(settings.threads, cores))  # far more threads than cores may crash the system
    device = choose_device(settings.device)
    vocabulary = Vocabulary(Path(request.tokenizer)) if request.tokenizer is not None else None
    cluster = load_rows(request, vocabulary)
    before = run_before(request.resumes) if request.resumes is not None else None
    plan = plan_for(cluster, settings, device, before.precision if before else "")
    yield plan.started
    yield from cluster.warnings
    yield from plan.warnings()
    if settings.threads > cores:
        asked = f"{count(settings.threads)} threads are requested"
        yield Warned(
            kind="device", message=f"{asked}; this machine has {count(cores)} cores, so that many are used."
        )
    names, problems = names_from_files(vocabulary, cluster)
    yield from problems
    resume: ResumePoint | None = None
    if before and len(cluster.rows) > 1:
        resume, told = resume_from(before, request, plan.started)
        yield told
    with closing(
        cluster_analysis(cluster.rows, cluster.centroid, plan.resolved, plan.blocks, resume, stopwatch=stopwatch)
    ) as steps:
        for event in steps:
            yield from names.before(event)
            yield event
            if resume and event is resume.settled[-1]:
                yield resume.checkpoint  # so that this run can be resumed even before its own first checkpoint
