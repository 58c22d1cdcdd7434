"""The program: parses the command line, carries it out, and reports errors in one sentence with an exit code.

0 done; 1 the run failed or was stopped; 2 bad input or usage; 130 and 143 where ctrl-c or SIGTERM ended it; 141
where the reader of its output left. Arguments are parsed before anything slow is imported, so that `--help` is
fast. Torch is imported only by the engine, which is another process.
"""

from __future__ import annotations

import io
import os
import sys

from .engine.errors import FarpairError, InputError, NoSuchModel, RunError
from .exit_codes import BAD_INPUT, DONE, FAILED, INTERRUPTED, PIPE_CLOSED
from .parser import APP, COMMANDS, command_of, parser

TYPE_CHECKING = False  # as in `parser`
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (by default the program's own); return the exit code."""
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # the terminal may lack some
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        if options.ascii:
            _show_only_ascii()
        from .commands import run_command  # start time

        code = run_command(options)
        if code == DONE:
            sys.stdout.flush()
        else:
            _drop_dead_streams()
        return code
    except NoSuchModel as error:
        return _complain(_perhaps_a_command(error, options), BAD_INPUT)
    except InputError as error:
        return _complain(error, BAD_INPUT)
    except FarpairError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return _unwritable(error)


def _unwritable(error: OSError) -> int:
    """Report what could not be written, unless the reader of the output has left; return the exit code."""
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - Python flushes it as it ends; what is left goes here
    if isinstance(error, BrokenPipeError):
        return PIPE_CLOSED
    what = f"{error.filename} cannot be used" if error.filename else "The output cannot be written"
    return _complain(RunError(f"{what}: {error.strerror}."), FAILED)


def _perhaps_a_command(error: NoSuchModel, options: Options) -> InputError:
    """The same error; it suggests a command where a mistyped one may have been taken for a model."""
    from .engine.text.nearest import nearest  # start time

    near = nearest(options.model or "", COMMANDS) if options.command == APP else ""
    return InputError(f"{error} Did you mean the command {near}?") if near else error


def _show_only_ascii() -> None:
    from .engine.text import ascii, escape  # start time

    escape.show_only_ascii()
    for stream in (sys.stdout, sys.stderr):
        ascii.limit(stream)


def _replace_closed_streams() -> None:
    """Open any of the three standard streams that the program was started without (`>&-`)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for as long as the program runs


def _drop_dead_streams() -> None:
    """Detach streams that can no longer be written to, such as those of a terminal that is gone. Python would
    flush them at exit, fail, and replace the exit code with its own."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as above


def parse(arguments: Sequence[str]) -> Options:
    """The options given by `arguments`; they override the environment, which overrides the settings.

    Raises InputError for unknown words and wrong settings; --help and --version print and exit.
    """
    command, words = command_of(arguments)
    whole, each = parser(command)
    found, unknown = whole.parse_known_args([command, *words])
    if unknown:
        each[command].refuse(unknown)
    given = vars(found)
    from dataclasses import fields, replace  # start time

    from .engine.run_settings import RunSettings  # start time
    from .environment import only_ascii  # start time
    from .options import Options  # start time
    from .settings import settings_in_force  # start time

    chosen = {**settings_in_force(given.get("config")).chosen(), **given}
    run = {field.name: chosen.pop(field.name) for field in fields(RunSettings)}
    if chosen["ascii"] is None:
        chosen["ascii"] = only_ascii()
    options = Options(command=command, settings=RunSettings(**run), **chosen)
    if options.tensor is not None and options.model is None:
        raise InputError("--tensor goes with the MODEL that holds the tensor.")
    return replace(options, model="demo") if command == "demo" else options


def _complain(error: FarpairError, code: int) -> int:
    from .engine.text.escape import visible  # start time

    print(f"farpair: {visible(str(error))}", file=sys.stderr)
    return code
