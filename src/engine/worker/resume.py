"""Finds the point from which an interrupted run can be resumed, or the reason why it cannot.

The run's journal is only read. Torch is not imported here.
"""

import math
from dataclasses import dataclass, fields, replace

from ..errors import RunError
from ..events import EngineStarted, ResumePoint, RunRequest, RunStarted, Warned
from ..journal.reader import read_kept
from ..journal.record import RunRecord
from ..models.source_files import difference
from ..runs.folders import run_of
from ..runs.request import rows_of
from ..text.escape import visible
from ..text.numbers import count
from ..version import __version__


@dataclass(frozen=True)
class RunBefore:
    """The run `id`, which another run resumes: its `record`, or None and the `problem` with it."""

    id: str
    record: RunRecord | None
    problem: str

    @property
    def precision(self) -> str:
        """The precision in which the run's pairs were screened; "" where it is unknown."""
        return self.record.started.precision if self.record and self.record.started else ""


def run_before(run_id: str) -> RunBefore:
    """The run `run_id`, folded as far as its journal can be read."""
    try:
        record, error = read_kept(run_of(run_id).journal)
    except RunError as problem:
        return RunBefore(run_id, None, str(problem).rstrip("."))
    if record.engine is None or record.started is None:
        lost = f"its journal is lost ({error})" if error else "that run had not begun to search"
        return RunBefore(run_id, None, lost)
    return RunBefore(run_id, record, "")


def resume_from(before: RunBefore, request: RunRequest, started: RunStarted) -> tuple[ResumePoint | None, Warned]:
    """The point from which the search of `request`, about to begin as `started`, resumes the run `before`, and a
    message about it; None and the reason where the search has to start from the beginning.

    The results of that run hold only for the same rows and are not proved again. Its fingerprint must therefore be
    the same, as must everything else in which two searches could differ.
    """
    record = before.record
    if record is None or record.engine is None or record.started is None:
        return None, _anew(before.problem)
    differs = _difference(record.engine, record.started, request, started)
    if differs:
        return None, _anew(differs)
    point = record.resume_point
    if point is None:
        return None, _anew("that run had settled no batch")
    if not _fits(point, record):
        return None, _anew("the settled batches in its journal are inconsistent")
    of = f"{count(len(point.settled))} of {count(started.batches)}"
    return point, Warned(kind="resumed", message=f"Resumes from {of} batches that run {before.id} had settled.")


def _anew(why: str) -> Warned:
    return Warned(kind="resumed", message=f"Starts anew: {why}.")


def _difference(engine: EngineStarted, before: RunStarted, request: RunRequest, now: RunStarted) -> str:
    """The first difference from the run before, in its rows or settings, as a clause; "" where there is none."""
    if before.fingerprint != now.fingerprint:
        if rows_of(request) != rows_of(engine.request):
            return "the request selects other rows than that run"
        files = {file.path: file for file in now.files}
        for file in before.files:
            if files.get(file.path) != file:
                return difference(file, files.get(file.path))
        return "the rows are not those of that run"
    settings = (
        ("the cluster has {} rows, and had {}", now.n, before.n),
        ("the rows have {} dimensions, and had {}", now.d, before.d),
        ("batches hold {} rows, and held {}", now.batch, before.batch),
        ("the device is {}, and was {}", now.device, before.device),
        ("pairs are screened in {}, and were in {}", now.precision, before.precision),
        ("torch is {}, and was {}", now.torch, before.torch),
        ("farpair is {}, and was {}", __version__, engine.program),
    )
    for words, here, there in settings:
        if here != there:
            return words.format(_shown(here), _shown(there))
    # The values that the engine chose for these two are compared above.
    asked, was = (replace(one.settings.decisive, batch=0, precision="") for one in (request, engine.request))
    for field in fields(asked):
        here, there = getattr(asked, field.name), getattr(was, field.name)
        if here != there:
            return f"the setting {field.name} is {_shown(here)}, and was {_shown(there)}"
    return ""


def _shown(value: int | str | bool) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return count(value) if isinstance(value, int) else visible(value, 40)


def _fits(point: ResumePoint, record: RunRecord) -> bool:
    """Whether the settled batches and the checkpoint's pairs lie within this run's rows."""
    started = record.started
    n = started.n if started else 0
    pairs = [(done.i, done.j) for done in point.settled] + [(i, j) for i, j, _ in point.checkpoint.pairs]
    batches = [
        done.start == record.batches[done.batch].start
        and done.end == record.batches[done.batch].end
        and 0 <= done.maximum < math.inf
        for done in point.settled
    ]
    return all(batches) and all(0 <= i < j < n for i, j in pairs)
