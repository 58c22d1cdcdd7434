"""What each command does: open the app, run one model, list models, print or follow a run.

Commands that act on a run, and the list of runs, are in `run_commands`; `launch` opens the app. Each command
imports only what it needs, so that the app starts fast.
"""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from .engine.errors import InputError, JournalError, RunError
from .engine.models.selection import chosen_model, found_models
from .engine.runs.request import request_for
from .engine.text.escape import visible
from .engine.text.numbers import count
from .environment import is_dumb
from .exit_codes import DONE, FAILED
from .options import Options

if TYPE_CHECKING:
    from .engine.journal.record import RunRecord
    from .engine.runs.folders import Run


def run_command(options: Options) -> int:
    """Carry out `options`; return the exit code. Raises InputError, RunError and JournalError."""
    return _CARRIED_OUT.get(options.command, _open_app)(options)


def _open_app(options: Options) -> int:
    """Open the app, or print the analysis where that was asked for or there is no terminal."""
    if options.print or options.form or is_dumb() or not _has_terminal():
        return _run(options)
    from .tui.launch import open_app  # start time

    return open_app(options)


def _runs(options: Options) -> int:
    from .run_commands import clean_runs, list_runs  # start time

    (clean_runs if options.clean else list_runs)()
    return DONE


def _stop(options: Options) -> int:
    from .run_commands import stop_run  # start time

    stop_run(options.run)
    return DONE


def _pause(options: Options) -> int:
    from .run_commands import pause_run  # start time

    pause_run(options.run)
    return DONE


def _resume(options: Options) -> int:
    from .run_commands import resume_run  # start time

    resume_run(options.run)
    return DONE


def _verify(options: Options) -> int:
    from .run_commands import verify_run  # start time

    return verify_run(options.run, sample=options.sample)


def _attach(options: Options) -> int:
    """Show a run in the app; without a terminal, follow it to its end and print it. The engine is not affected."""
    run, plain = _named_run(options), _plain(options)
    if _has_terminal() and not plain:
        from .tui.launch import open_app_on  # start time

        return open_app_on(run, options)
    from .headless import follow  # start time

    follow(run, plain=plain)
    return _print_again(options, told=plain)


def _replay(options: Options) -> int:
    """Replay a run in the app; without a terminal, print it as sentences at the times they happened."""
    run, plain = _named_run(options), _plain(options)
    if _has_terminal() and not plain:
        from .tui.launch import open_app_on  # start time

        return open_app_on(run, options, options.speed)
    from .headless import follow  # start time

    plain = plain or (options.plain is None and options.form is None)
    follow(run, options.speed, plain=plain)
    return _print_again(options, told=plain)


def _named_run(options: Options) -> "Run":
    from .run_commands import named_run  # start time

    return named_run(options.run)


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _run(options: Options) -> int:
    from .headless import run_to_its_end  # start time

    request = request_for(chosen_model(options), options.settings)
    plain = _plain(options)
    record = run_to_its_end(request, plain=plain)
    _check_done(record)
    if not plain:
        _print_record(record, options)
    return DONE


def _print_again(options: Options, *, told: bool = False) -> int:
    """Print what a run has, complete or not, unless it was already `told`. Raises the error that says why a run
    has not ended."""
    from .engine.journal.reader import read_kept  # start time
    from .engine.runs import control  # start time

    run = _named_run(options)
    record, error = read_kept(run.journal)
    if record.engine is None and error:
        raise error
    if not told and not _plain(options):
        _print_record(record, options)
    elif not told:
        from .headless import tell  # start time

        tell(run)
    sys.stdout.flush()  # before the sentence, which goes to stderr
    if error:
        raise JournalError(f"{error} What was read before it is printed.")
    if record.ended is None:
        raise RunError(control.crash_sentence(run, record) or f"The run {run.id} is not over yet.")
    return DONE if record.ended.outcome == "done" else FAILED


def _check_done(record: "RunRecord") -> None:
    """Raise the error that says why a run ended without being done."""
    if record.ended and record.ended.outcome != "done":
        if record.ended.cause == "input":
            raise InputError(record.ended.reason)
        raise RunError(f"{record.ended.reason} {record.ended.advice}".strip())


def _plain(options: Options) -> bool:
    """Whether output is to be plain sentences: by a flag, by the settings, or because the terminal can do no
    more."""
    if options.form is not None:
        return False
    return options.plain if options.plain is not None else sys.stdout.isatty() and is_dumb()


def _print_record(record: "RunRecord", options: Options) -> None:
    if form := options.form:
        from .engine.report.export import text_of  # start time

        print(text_of(record, form), end="")
    else:
        from .engine.report.text_report import print_report  # start time

        print_report(record, sys.stdout, colour=options.colour is not False)


def _print_schema(_: Options) -> int:
    from .engine.report.json_report import json_text  # start time
    from .engine.report.json_schema import json_schema  # start time

    print(json_text(json_schema()), end="")
    return DONE


def _print_completion(options: Options) -> int:
    import shtab  # start time

    from .parser import COMMANDS, parser  # start time

    whole, each = parser(*COMMANDS)
    for one in (whole, *each.values()):
        for action in one._actions:
            kind = {"DIR": shtab.DIRECTORY, "FILE": shtab.FILE, "MODEL": shtab.FILE}.get(str(action.metavar))
            if kind is not None:
                action.complete = kind  # type: ignore[attr-defined]
    print(shtab.complete(whole, options.shell))
    return DONE


def _list_models(options: Options) -> int:
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
    from .engine.report.columns import print_list  # start time

    print_list(("model", "embedding", "dtype", "cluster", "problem"), rows)
    return DONE


def _print_settings(options: Options) -> int:
    from .settings_file import settings_page  # start time

    print(settings_page(options.config), end="")
    return DONE


_CARRIED_OUT: Final[Mapping[str, Callable[[Options], int]]] = {
    "run": _run,
    "models": _list_models,
    "runs": _runs,
    "attach": _attach,
    "report": _print_again,
    "replay": _replay,
    "verify": _verify,
    "stop": _stop,
    "pause": _pause,
    "resume": _resume,
    "schema": _print_schema,
    "config": _print_settings,
    "completion": _print_completion,
}
