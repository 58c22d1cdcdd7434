"""What each word of the command line does: open the app, run one model, list models, print or follow a run.

What is done to a run that is going, and the list of runs, is in `run_words`.
"""

import sys
from contextlib import suppress
from pathlib import Path

from .choosing import chosen_model, found_models
from .cli import DONE, FAILED, Options
from .engine import runs
from .engine.journal import read_kept
from .engine.record import RunRecord
from .engine.sources import Model, model_of, request_for, tensors_folder
from .errors import InputError, JournalError, RunError
from .tables import print_table
from .text import count, visible


def run_command(options: Options) -> int:
    """Carry out `options`; return the exit code. Raises InputError, RunError and JournalError."""
    match options.command:
        case "models":
            _list_models(options)
        case "runs" | "stop" | "pause" | "resume":
            _do_to_runs(options)
        case "report":
            return _print_again(options)
        case "attach":
            return _attach(options)
        case "replay":
            return _replay(options)
        case "run":
            _run(options)
        case _ if options.print or options.json or not _has_terminal():
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
        threads=options.threads,
        memory=options.memory,
        exhaustive=options.exhaustive,
        screen=options.screen,
        no_mouse=options.no_mouse,
    )


def _do_to_runs(options: Options) -> None:
    from . import run_words

    match options.command:
        case "stop":
            run_words.stop_run(options.run)
        case "pause":
            run_words.pause_run(options.run)
        case "resume":
            run_words.resume_run(options.run)
        case _ if options.clean:
            run_words.clean_runs()
        case _:
            run_words.list_runs()


def _attach(options: Options) -> int:
    """Show a run in the app; without a terminal, follow it to its end and print it. The engine is left alone."""
    run = _named_run(options)
    if _has_terminal():
        return _open_app_on(run, options)
    from .headless import follow

    follow(run)
    return _print_again(options)


def _replay(options: Options) -> int:
    """Play a run in the app; without a terminal, say how far it was, in its time, and print it."""
    run = _named_run(options)
    if _has_terminal():
        return _open_app_on(run, options, options.speed)
    from .headless import follow

    follow(run, options.speed)
    return _print_again(options)


def _open_app_on(run: runs.Run, options: Options, speed: float | None = None) -> int:
    """Open the app on a run, which is there to be seen whatever models there are; with a `speed`, replay it."""
    asked = runs.request_of(run)
    models: list[Model] = []
    if speed is None:
        with suppress(InputError):
            models = found_models(options)
    if not any(model.weights == Path(asked.weights) for model in models):
        models.append(model_of(asked))
    from .tui.app import Opening, run_app

    return run_app(
        models,
        tensors=tensors_folder(options.tensors),
        model=asked.model,
        no_mouse=options.no_mouse,
        opening=Opening(run, speed),
    )


def _named_run(options: Options) -> runs.Run:
    from .run_words import named_run

    return named_run(options.run)


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _run(options: Options) -> None:
    from .headless import run_to_its_end

    request = request_for(
        chosen_model(options),
        batch=options.batch,
        device=options.device,
        threads=options.threads,
        memory=options.memory,
        exhaustive=options.exhaustive,
        screen=options.screen,
    )
    record = run_to_its_end(request)
    _check_done(record)
    _print_record(record, options)


def _print_again(options: Options) -> int:
    """Print what there is of a run, whole or not; of one without an end, raise the sentence that says why."""
    run = _named_run(options)
    record, error = read_kept(run.journal)
    if record.engine is None and error:
        raise error
    _print_record(record, options)
    sys.stdout.flush()  # before the sentence, which goes to stderr
    if error:
        raise JournalError(f"{error} What was read before it is printed.")
    if record.ended is None:
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
    print_table(("model", "embedding", "dtype", "cluster", "problem"), rows)
