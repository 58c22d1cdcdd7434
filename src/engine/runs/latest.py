"""Selects the run of a model to show: one in progress, else a result, else the newest. Torch is not imported."""

from collections.abc import Sequence

import msgspec

from ..errors import FarpairError
from ..events import RunRequest
from ..journal.peek import Peek, peek
from ..models.source_files import changed_since
from . import control
from .folders import Run, all_runs
from .request import request_of, rows_of


def latest_runs(requests: Sequence[RunRequest | None]) -> list[Run | None]:
    """For each of `requests`, the run of the same rows to show; None where there is no such run or no request.

    It is the newest run in progress, or else the newest run. Where the newest was interrupted, an earlier run that
    found the pair with the same settings in unchanged files replaces it. The state folder is listed only once.
    """
    found: dict[object, list[tuple[Run, RunRequest]]] = {rows_of(request): [] for request in requests if request}
    try:
        kept = all_runs() if found else []
    except FarpairError:  # runs that cannot be listed count as none
        kept = []
    for run in kept:
        try:
            asked = request_of(run)
        except FarpairError:
            continue
        if (same := found.get(rows_of(asked))) is not None:
            same.append((run, asked))
    return [_most_telling(found[rows_of(request)]) if request else None for request in requests]


def latest(request: RunRequest) -> Run | None:
    """The run to show for the rows of `request`."""
    return latest_runs([request])[0]


def _most_telling(candidates: list[tuple[Run, RunRequest]]) -> Run | None:
    """The run to show among `candidates`, which are runs of the same rows, newest first."""
    seen = [(run, asked, _seen(run)) for run, asked in candidates]
    for run, _, told in seen:
        if told.ended is None and control.is_alive(run, told):
            return run
    if not seen:
        return None
    newest, settings, told = seen[0]
    if told.standing != "done":
        for run, asked, told in seen[1:]:
            unchanged = told.started is not None and changed_since(told.started.files) is None
            if told.standing == "done" and unchanged and _settings(asked) == _settings(settings):
                return run
    return newest


def _settings(request: RunRequest) -> RunRequest:
    """The part of a request that may affect the result, without its origin and its resources."""
    decisive = request.settings.decisive
    return msgspec.structs.replace(
        request, model="", weights="", cluster_file=None, settings=decisive, resumes=None
    )


def _seen(run: Run) -> Peek:
    try:
        return peek(run.journal)
    except FarpairError:
        return Peek()
