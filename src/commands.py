"""What each word of the command line does: open the app, run one model, list models or runs, print a run again."""

import sys
from collections.abc import Sequence

from .choosing import chosen_model, found_models
from .cli import DONE, FAILED, Options
from .engine import runs
from .engine.journal import read_record
from .engine.record import RunRecord
from .engine.sources import request_for, tensors_folder
from .errors import FarpairError, InputError, RunError
from .text import count, distance, visible


def run_command(options: Options) -> int:
    """Carry out `options`; return the exit code. Raises InputError, RunError and JournalError."""
    match options.command:
        case "models":
            _list_models(options)
        case "runs":
            _list_runs()
        case "report":
            return _print_again(options)
        case "run":
            _run(options)
        case _ if options.print or options.json or not (sys.stdin.isatty() and sys.stdout.isatty()):
            _run(options)
        case _:
            return _open_app(options)
    return DONE


def _open_app(options: Options) -> int:
    start = chosen_model(options) if options.model or options.command == "demo" else None
    models = [] if options.command == "demo" else found_models(options)
    if start and start not in models:
        models.insert(0, start)
    from .tui.app import run_app

    return run_app(
        models,
        tensors=tensors_folder(options.tensors),
        model=start.name if start else None,
        batch=options.batch,
        device=options.device,
        no_mouse=options.no_mouse,
    )


def _run(options: Options) -> None:
    from .headless import run_to_its_end

    request = request_for(
        chosen_model(options),
        batch=options.batch,
        device=options.device,
        threads=options.threads,
        memory=options.memory,
        exhaustive=options.exhaustive,
    )
    record = run_to_its_end(request)
    _check_done(record)
    _print_record(record, options)


def _print_again(options: Options) -> int:
    """Print what there is of a run, whole or not; of one without an end, raise the sentence that says why."""
    try:
        run = runs.find(options.run)
    except RunError as error:
        raise InputError(str(error)) from error
    record = read_record(run.journal)
    _print_record(record, options)
    if record.ended is None:
        sys.stdout.flush()  # before the sentence, which goes to stderr
        raise RunError(runs.death_sentence(run, record) or f"The run {run.id} is not over yet.")
    return DONE if record.ended.outcome == "done" else FAILED


def _check_done(record: RunRecord) -> None:
    """Raise the sentence that says why a run that has ended is not done."""
    if record.ended and record.ended.outcome != "done":
        if record.ended.cause == "input":
            raise InputError(record.ended.reason)
        raise RunError(f"{record.ended.reason} {record.ended.advice}".strip())


def _print_record(record: RunRecord, options: Options) -> None:
    from .engine.report import as_json, print_report

    if options.json:
        import json

        print(json.dumps(as_json(record), indent=2, allow_nan=False))
    else:
        print_report(record, sys.stdout)


def _list_models(options: Options) -> None:
    rows = [
        (
            visible(model.name, 60),
            " × ".join(count(size) for size in model.shape) if model.shape else "",
            visible(model.dtype or "", 8),
            visible(model.cluster, 40),
            visible(model.problem or ""),
        )
        for model in found_models(options)
    ]
    _print_table(("model", "embedding", "dtype", "cluster", "problem"), rows)


def _list_runs() -> None:
    rows = []
    for run in runs.all_runs():
        try:
            record = read_record(run.journal)
        except FarpairError as error:
            rows.append((run.id, "unreadable", "", visible(str(error))))
            continue
        gone = record.ended is None and not runs.is_alive(run, record)
        found = distance(record.pair.distance, record.pair.error) if record.pair else ""
        model = visible(record.engine.request.model, 60) if record.engine else ""
        rows.append((run.id, "interrupted" if gone else record.state, found, model))
    if not rows:
        print(f"There are no runs in {visible(str(runs.state_folder()))} yet.", file=sys.stderr)
        return
    _print_table(("run", "state", "distance", "model"), rows)


def _print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    from rich.cells import cell_len

    table = [heads, *rows]
    widths = [max(cell_len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
