"""The command line: which words, which flags, which exit codes.

0 done; 1 the run failed or was stopped; 2 bad input or usage; 130 and 143 where ctrl-c or SIGTERM ended it; 141
where the reader of its output left. Arguments are parsed before anything slow is imported (`--help` is there at
once), and nothing here imports torch: only the engine does, which is another process.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import Field, fields, replace
from functools import partial
from typing import Final, NoReturn

from . import __version__, values
from .engine import run_settings
from .engine.errors import FarpairError, InputError, RunError
from .engine.run_settings import RunSettings
from .options import BAD_INPUT, DONE, FAILED, INTERRUPTED, PIPE_CLOSED, Options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (by default the program's own); return the exit code."""
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character is told its number
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
    except InputError as error:
        return _complain(error, BAD_INPUT)
    except FarpairError as error:
        return _complain(error, FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - Python flushes it as it ends; what is left goes here
        return PIPE_CLOSED
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as above
        what = f"{error.filename} cannot be used" if error.filename else "The output cannot be written"
        return _complain(RunError(f"{what}: {error.strerror}."), FAILED)


def _show_only_ascii() -> None:
    from .engine.text import ascii, escape  # start time

    escape.show_only_ascii()
    for stream in (sys.stdout, sys.stderr):
        ascii.limit(stream)


def _replace_closed_streams() -> None:
    """Give the program the three streams that it may have been started without (`>&-`)."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - for as long as the program runs


def _drop_dead_streams() -> None:
    """Put aside streams that can no longer be written to, as those of a terminal that is gone: Python would flush
    them as it ends, and report that it could not by an exit code of its own."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - as above


def parse(arguments: Sequence[str]) -> Options:
    """The options that `arguments` spell, over the environment and the settings.

    Raises InputError for words and settings that are none; --help and --version print and exit.
    """
    words = list(arguments)
    command = "app"
    for place, word in enumerate(words):
        if word.startswith("-") or (place and words[place - 1] in _VALUED):
            continue
        if word in _DESCRIPTIONS:
            command = word
            del words[place]
        break
    given = vars(_parser(command).parse_args(words))
    from .environment import only_ascii  # start time
    from .settings import settings_in_force  # after --help

    merged = argparse.Namespace(**settings_in_force(given.get("config")).chosen())
    vars(merged).update(given)
    if merged.ascii is None:
        merged.ascii = only_ascii()
    run = {field.name: vars(merged).pop(field.name) for field in fields(RunSettings)}
    options = Options(command=command, settings=RunSettings(**run), **vars(merged))
    if options.tensor is not None and options.model is None:
        raise InputError("--tensor goes with the MODEL that holds the tensor.")
    return replace(options, model="demo") if command == "demo" else options


_DESCRIPTIONS: Final = {
    "app": """Find the two tokens that lie farthest apart in a cluster of embeddings, and see
what kind of outliers they are. Opens the app; without a terminal, or with
--print, prints the analysis of one model instead.""",
    "demo": "Open the app on a real model that comes from PyPI (the demo extra).",
    "run": """Search one model and print the analysis. It is searched in any case; a result that
is kept already is printed by `farpair report`.""",
    "models": "List the models found, and what is wrong with those that cannot be searched.",
    "runs": """List the runs kept, newest first: when each began, whether it is going, queued, paused,
done, stopped, terminated (from outside), failed or died, and what it found.""",
    "attach": """Open the app on a run: one that is going, or any other that is kept. Without a
terminal, follow it to its end and print it. Leaving does not stop it.""",
    "stop": "Stop a run; what is settled is kept.",
    "pause": """Pause a run: it uses no core until `farpair resume` lets it go on, and runs that are
queued behind it do not wait for it.""",
    "resume": """Let a paused run go on. One that was stopped or terminated, failed or died goes on in a new
run from the batches that it had settled, if its files are still the same.""",
    "replay": "Play a run in the app as it happened, its waits and pauses cut short.",
    "report": """Print a run again, from its journal: all of it, or what there is of one that was
stopped, failed or died.""",
    "verify": """Check what a run found by other arithmetic: every batch's maximum, the pair, its ties and the
runner-up, against all pairs of its rows, which are read again. The verdict is kept with the
run. Exit codes: 0 confirmed, 1 refuted, 2 what cannot be checked.""",
    "schema": "Print the JSON schema of what --json prints: each key, its type and its meaning.",
    "config": "Say where the settings are kept and print those in force, as a settings file.",
}

_COMMANDS: Final = """commands:
  farpair [MODEL]      open the app
  farpair demo         open the app on a real model that comes from PyPI
  farpair run MODEL    search one model and print the analysis
  farpair models       list the models found
  farpair runs         list the runs kept
  farpair attach RUN   open the app on a run
  farpair report RUN   print a run again
  farpair replay RUN   play a run as it happened
  farpair verify RUN   check independently what a run found
  farpair stop RUN     stop a run; also pause and resume
  farpair schema       print the JSON schema of what --json prints
  farpair config       print the settings in force, and where they are kept

`farpair COMMAND --help` says more.
Exit codes: 0 done, 1 failed or stopped, 2 bad input, 130 ctrl-c.
"""

_MODEL: Final = "a name in the tensors folder, a model's folder, a .safetensors file, or demo"
_TENSORS: Final = "the folder of models (default: $FARPAIR_TENSORS, else ./tensors, else ../tensors)"
_TENSOR: Final = "the tensor that is the embedding (default: W, or what checkpoints call it)"
_CLUSTER: Final = "the cluster: mask (the model's mask file), all, or tokens:REGEX (default: mask if there is one)"
_CLEAN: Final = (
    "remove runs older than 30 days, but what is going and the newest result of each model and settings"
)
_CONFIG: Final = "the settings file (default: $FARPAIR_CONFIG, else farpair/settings.toml in ~/.config)"
_RUN: Final = "a run's id, a part of it, or `last` for the newest"

# The flags that are followed by a word of their own.
_VALUED: Final = {
    "--tensors",
    "--tensor",
    "--cluster",
    "--batch",
    "--device",
    "--precision",
    "--threads",
    "--memory",
    "--speed",
    "--config",
    "--theme",
}


class _Parser(argparse.ArgumentParser):
    """An argument parser that complains in one sentence, by raising it."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message.removeprefix('argument ').rstrip('.')}; `{self.prog} --help` says more.")


def _checked(check: Callable[[str], object]) -> Callable[[str], object]:
    """`check`, its sentence said as argparse wants it."""

    def checked(text: str) -> object:
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


_FORMS: Final = (
    ("json", "everything that is known as one JSON object"),
    ("markdown", "the analysis as Markdown"),
    ("csv", "the table of batches as CSV"),
)
_EITHER: Final = argparse.BooleanOptionalAction


def _parser(command: str) -> _Parser:
    parser = _Parser(
        prog="farpair" if command == "app" else f"farpair {command}",
        description=_DESCRIPTIONS[command],
        epilog=_COMMANDS if command == "app" else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,  # what is not given is left to the settings
    )
    add = parser.add_argument
    add("--version", action="version", version=f"farpair {__version__}")
    if command in ("app", "run"):
        add("model", metavar="MODEL", nargs=None if command == "run" else "?", help=_MODEL)
    if command in ("report", "attach", "stop", "pause", "resume", "replay", "verify"):
        add("run", metavar="RUN", help=_RUN)
    if command == "replay":
        add("--speed", metavar="N", type=_checked(values.speed), help="N times as fast (default: 1)")
    if command == "verify":
        add("--sample", action="store_true", help="take a sample of rows only: it can refute, and not confirm")
    if command == "runs":
        add("--clean", action="store_true", help=_CLEAN)
    if command in ("app", "run", "models", "attach"):
        add("--tensors", metavar="DIR", help=_TENSORS)
    if command in ("app", "run"):
        add("--tensor", metavar="NAME", help=_TENSOR)
    if command in ("app", "demo", "run"):
        add("--cluster", metavar="CLUSTER", type=_checked(run_settings.cluster), help=_CLUSTER)
        for setting in fields(RunSettings):
            _add_setting(parser, setting)
    if command in ("app", "demo"):
        add("--print", action="store_true", help="print the analysis; do not open the app")
    if command in ("app", "demo", "attach", "replay"):
        add("--theme", metavar="NAME", type=_checked(values.theme), help=f"{', '.join(values.THEMES)}")
        add("--mouse", action=_EITHER, help="take the mouse, or leave it to the terminal")
    if command in ("app", "demo", "run", "report", "attach", "replay"):
        _add_forms(parser.add_mutually_exclusive_group(), command)
    add("--ascii", action=_EITHER, help="show nothing but ASCII (default: as the locale says)")
    add("--colour", action=_EITHER, help="show colours (default: as the terminal and NO_COLOR say)")
    add("--config", metavar="FILE", help=_CONFIG)
    return parser


def _add_setting(parser: _Parser, setting: "Field[int | str]") -> None:
    """The flag of one of the run's settings."""
    flag, meaning = f"--{setting.name}", setting.metadata["meaning"]
    if isinstance(setting.default, bool):
        parser.add_argument(flag, action=_EITHER, help=meaning)
    else:
        rule = _checked(partial(run_settings.from_text, setting.name))
        parser.add_argument(flag, metavar=setting.metadata["metavar"], type=rule, help=meaning)


def _add_forms(group: "argparse._MutuallyExclusiveGroup", command: str) -> None:
    """The flags that say in which form a run is printed; at most one of them is given."""
    if command not in ("attach", "replay"):
        for form, what in _FORMS:
            group.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=f"print {what}")
    if command not in ("app", "demo"):
        group.add_argument("--plain", action=_EITHER, help="say what happens in sentences, as it happens")


def _complain(error: FarpairError, code: int) -> int:
    from .engine.text.escape import visible  # start time

    print(f"farpair: {visible(str(error))}", file=sys.stderr)
    return code
