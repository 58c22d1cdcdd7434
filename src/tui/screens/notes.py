"""A run's notes: its warnings, and where its numbers come from: files, rows, device, memory, versions."""

from collections.abc import Callable, Sequence

from ...engine.journal.record import RunRecord
from ...engine.report.sentences import searched_matrix
from ...engine.text.escape import visible
from ...engine.text.numbers import count, size
from ..view import View
from ..widgets.lines import EMPTY, Line, left, wrap
from ..widgets.progress import when

LABEL = 14


def notes(view: View) -> Callable[[int], Sequence[Line]]:
    """The notes of the view's run as a page."""
    return lambda width: note_lines(view, width)


def note_lines(view: View, width: int) -> list[Line]:
    """The notes for a page of `width` cells."""
    record = view.record
    if record is None:
        return wrap("This model has not been searched yet, so there is nothing to note.", width)
    lines: list[Line] = [(("warnings", "accent"),)]
    for warning in record.warnings:
        lines += wrap(f"{warning.kind}: {visible(warning.message)}", width, "warn")
    if not record.warnings:
        lines += wrap("none", width, "dim")
    if view.crash:
        lines += [EMPTY, (("how it ended", "accent"),), *wrap(view.crash, width, "bad")]
    elif record.ended:
        ended = f"{visible(record.ended.reason)} {visible(record.ended.advice)}"
        lines += [EMPTY, (("how it ended", "accent"),), *wrap(ended, width)]
    for title, facts in (
        ("the run", _run(record)),
        ("the rows", [*_matrix(record), *_rows(record)]),
        ("the files", _files(record)),
    ):
        if facts:
            lines += [EMPTY, ((title, "accent"),)]
            for name, value in facts:
                lines += _fact(name, value, width)
    return lines


def _matrix(record: RunRecord) -> list[tuple[str, str]]:
    """Which matrix the rows belong to, where the run says so."""
    request = record.engine.request if record.engine else None
    return [("matrix", searched_matrix(request))] if request else []


def _fact(name: str, value: str, width: int) -> list[Line]:
    wrapped = wrap(value, max(width - LABEL, 8)) or [EMPTY]
    return [((left(name if n == 0 else "", LABEL), "dim"), *line) for n, line in enumerate(wrapped)]


def _run(record: RunRecord) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if record.engine:
        facts += [
            ("run", visible(record.engine.run)),
            ("started", when(record.engine_time)),
            ("engine", f"process {record.engine.pid} on {visible(record.engine.host)}"),
            ("program", f"farpair {visible(record.engine.program)}"),
        ]
    if record.started:
        started = record.started
        facts += [
            ("torch", visible(started.torch)),
            ("device", f"{visible(started.device)} ({visible(started.device_name)})"),
            ("memory", f"{size(started.memory)} beyond the rows"),
            (
                "precision",
                f"products in {visible(started.precision)}, {visible(started.precision_reason)}".rstrip(", "),
            ),
            ("batches", f"{count(started.batches)} of {count(started.batch)} rows"),
        ]
    return facts


def _rows(record: RunRecord) -> list[tuple[str, str]]:
    started = record.started
    if started is None:
        return []
    centroid = "as stored beside the model" if started.centroid == "stored" else "the rows' mean"
    return [
        ("rows", f"{count(started.n)} of {count(started.vocabulary)}, dimension {count(started.d)}"),
        ("dtype", visible(started.dtype)),
        ("centroid", centroid),
        ("fingerprint", visible(started.fingerprint)),
    ]


def _files(record: RunRecord) -> list[tuple[str, str]]:
    files = record.started.files if record.started else ()
    return [(size(file.size), f"{visible(file.path)}, of {when(file.mtime_ns / 1e9)}") for file in files]
