"""The commands, each with its flags, as argparse subparsers.

Nothing is imported here that takes longer than argparse itself, so that `--help` is fast: `typing` and
`dataclasses` would each add a third of Python's own start-up time.
"""

from __future__ import annotations

import argparse
import os

from . import __version__
from .engine.errors import InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, NoReturn

APP = "app"  # the command where none is named
_EITHER = argparse.BooleanOptionalAction

# The flag of each of the run's settings: what stands for its value, an example of it in TOML, and its meaning.
RUN_SETTINGS = {
    "batch": ("N", "256", "rows in a batch (default: 256)"),
    "device": (
        "DEVICE",
        '"auto"',
        "cpu, cuda, cuda:N, mps, xpu, or auto (the default: cuda, else mps, else xpu, else cpu)",
    ),
    "threads": ("N", "4", "CPU threads (default: every core)"),
    "memory": (
        "SIZE",
        '"256MB"',
        "the most that the search may use beyond the rows, as in 256MB (default: what it needs)",
    ),
    "precision": (
        "FORMAT",
        '"auto"',
        "what pairs are screened in: float32, tf32, bfloat16, int8, or auto (the default), which is what a CPU is "
        "measured to multiply fastest, and float32 elsewhere; the answer is the same in each",
    ),
    "exhaustive": ("", "true", "evaluate every pair; discard none by a bound"),
    "pairs": ("K", "10", "list the K farthest pairs (default: 1)"),
}


def _formatter(prog: str) -> argparse.HelpFormatter:
    """A help formatter as wide as the terminal. Argparse's own would import compression libraries to find the
    width."""
    try:
        columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(1).columns
    except (ValueError, OSError):
        columns = 80
    return argparse.RawDescriptionHelpFormatter(prog, width=max(columns, 20) - 2)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises InputError, in one sentence, for what it cannot parse."""

    def __init__(self, help_of: Parser | None = None, **options: Any) -> None:
        super().__init__(
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,  # the settings decide what is not given
            formatter_class=_formatter,
            **options,
        )
        self._help_of = help_of

    def format_help(self) -> str:
        """The help text of this parser, or of the parser whose help is shown in its place."""
        return self._help_of.format_help() if self._help_of else super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise an InputError that says what is wrong and where the help is."""
        raise InputError(f"{message.removeprefix('argument ').rstrip('.')}; `{self.prog} --help` says more.")

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Raise InputError for arguments left over: an unknown flag, with the nearest known one, or a word too
        many."""
        flags = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        if not flags:
            self.error(f"{unknown[0]!r} is one word too many")
        from .engine.text.nearest import did_you_mean  # start time

        near = did_you_mean(flags[0], self._option_string_actions)
        raise InputError(f"{self.prog} has no flag {flags[0]}{near}")


def _setting(name: str) -> Callable[[str], object]:
    """The function with which argparse reads the value of the run setting `name`."""

    def parsed(text: str) -> object:
        from .engine.run_settings import from_text  # start time

        return _value(lambda: from_text(name, text))

    return parsed


def _cluster_of(text: str) -> object:
    from .engine.run_settings import cluster  # start time

    return _value(lambda: cluster(text))


def _matrix_of(text: str) -> object:
    from .values import matrix  # start time

    return _value(lambda: matrix(text))


def _theme_of(text: str) -> object:
    from .values import theme  # start time

    return _value(lambda: theme(text))


def _speed_of(text: str) -> object:
    from .values import speed  # start time

    return _value(lambda: speed(text))


def _value(check: Callable[[], object]) -> object:
    """What `check` returns; its ValueError is raised again as the error that argparse expects."""
    try:
        return check()
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


# What a command takes: each function adds flags, or a word, to the command's parser.


_MODEL = "a name that `farpair models` lists, a model's folder, a .safetensors file, or demo"


def _model(parser: Parser) -> None:
    parser.add_argument("model", metavar="MODEL", help=_MODEL)


def _model_or_none(parser: Parser) -> None:
    parser.add_argument("model", metavar="MODEL", nargs="?", help=_MODEL)


def _run(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's id, a part of it, or `last` for the newest")


def _tensors(parser: Parser) -> None:
    meaning = "the folders of models, DIR[:DIR...] (default: $FARPAIR_TENSORS, else ./tensors, else ../tensors)"
    parser.add_argument("--tensors", metavar="DIR", help=meaning)
    hub = "find the models in the cache of huggingface_hub as well (the default)"
    parser.add_argument("--hub", action=_EITHER, help=hub)


def _matrix(parser: Parser) -> None:
    meaning = "unembedding or embedding (default: the unembedding where stored, else the embedding)"
    parser.add_argument("--matrix", metavar="MATRIX", type=_matrix_of, help=meaning)


def _tensor(parser: Parser) -> None:
    meaning = "the tensor that is searched (default: W, or the matrix by the name that checkpoints give it)"
    parser.add_argument("--tensor", metavar="NAME", help=meaning)


def _cluster(parser: Parser) -> None:
    meaning = (
        "the cluster: mask (the model's mask file), all, copies, ids:0-1000,50256, file:PATH, tokens:REGEX or "
        "script:NAME (default: mask if there is one, else all)"
    )
    parser.add_argument("--cluster", metavar="CLUSTER", type=_cluster_of, help=meaning)


def _settings(parser: Parser) -> None:
    for name, (metavar, _, meaning) in RUN_SETTINGS.items():
        if metavar:
            parser.add_argument(f"--{name}", metavar=metavar, type=_setting(name), help=meaning)
        else:
            parser.add_argument(f"--{name}", action=_EITHER, help=meaning)


def _print(parser: Parser) -> None:
    parser.add_argument("--print", action="store_true", help="print the analysis; do not open the app")


def _app(parser: Parser) -> None:
    parser.add_argument("--theme", metavar="NAME", type=_theme_of, help="dark, light, contrast or terminal")
    parser.add_argument("--mouse", action=_EITHER, help="take the mouse, or leave it to the terminal")
    parser.add_argument("--standby", action=_EITHER, help="keep an engine ready, so that runs begin at once")


def _printed(parser: Parser | argparse._MutuallyExclusiveGroup) -> None:
    """The flags for the form in which a run is printed."""
    forms = {
        "json": "everything that is known as one JSON object",
        "markdown": "the analysis as Markdown",
        "csv": "the table of batches as CSV",
    }
    for form, what in forms.items():
        parser.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=f"print {what}")


def _plain(parser: Parser | argparse._MutuallyExclusiveGroup) -> None:
    parser.add_argument("--plain", action=_EITHER, help="say what happens in sentences, as it happens")


def _forms(parser: Parser) -> None:
    """The forms in which a run is printed, of which at most one may be given."""
    group = parser.add_mutually_exclusive_group()
    _printed(group)
    _plain(group)


def _app_forms(parser: Parser) -> None:
    _printed(parser.add_mutually_exclusive_group())


def _speed(parser: Parser) -> None:
    parser.add_argument("--speed", metavar="N", type=_speed_of, help="N times as fast (default: 1)")


def _sample(parser: Parser) -> None:
    meaning = "take a sample of rows only: it can refute, and not confirm"
    parser.add_argument("--sample", action="store_true", help=meaning)


def _clean(parser: Parser) -> None:
    meaning = "remove runs older than 30 days, but what is going and the newest result of each model and settings"
    parser.add_argument("--clean", action="store_true", help=meaning)


def _shell(parser: Parser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=("bash", "zsh", "fish"), help="bash, zsh or fish")


def _everywhere(parser: Parser) -> None:
    config = "the settings file (default: $FARPAIR_CONFIG, else farpair/settings.toml in ~/.config)"
    parser.add_argument("--ascii", action=_EITHER, help="show nothing but ASCII (default: as the locale says)")
    colour = "show colours (default: as the terminal and NO_COLOR say)"
    parser.add_argument("--colour", action=_EITHER, help=colour)
    parser.add_argument("--config", metavar="FILE", help=config)
    parser.add_argument("-V", "--version", action="version", version=f"farpair {__version__}")


_WORDS = (_model, _model_or_none, _run, _shell)
_SEARCH = (_cluster, _settings)
_APP_FLAGS = (_tensors, _tensor, _matrix, *_SEARCH, _print, _app, _app_forms)

# For each command: what it does, in one line and in full, and what it takes beside the flags that all commands
# have.
COMMANDS: dict[str, tuple[str, str, tuple[Callable[[Parser], None], ...]]] = {
    APP: ("", "", (*_APP_FLAGS, _model_or_none)),
    "demo": (
        "open the app on a real model that comes from PyPI",
        "Open the app on a real model that comes from PyPI (the demo extra).",
        (*_SEARCH, _print, _app, _app_forms),
    ),
    "run": (
        "search one model and print the analysis",
        """Search one model and print the analysis, even where a result is kept already, which
`farpair report` prints.""",
        (_model, _tensors, _tensor, _matrix, *_SEARCH, _forms),
    ),
    "models": (
        "list the models",
        "List the models, and what is wrong with those that cannot be searched.",
        (_tensors, _matrix),
    ),
    "runs": (
        "list the runs",
        """List the runs kept, newest first: when each began, whether it is going, queued, paused,
done, stopped, terminated (from outside), failed or died, and what it found.""",
        (_clean,),
    ),
    "attach": (
        "open the app on a run",
        """Open the app on a run: one that is going, or any other that is kept. Without a
terminal, follow it to its end and print it. Leaving does not stop it.""",
        (_run, _tensors, _app, _plain),
    ),
    "report": (
        "print a run again",
        """Print a run again, from its journal: all of it, or what there is of one that was
stopped, failed or died.""",
        (_run, _forms),
    ),
    "replay": (
        "replay a run as it happened",
        "Replay a run in the app as it happened, with its waits and pauses shortened.",
        (_run, _speed, _app, _plain),
    ),
    "verify": (
        "check independently what a run found",
        """Check what a run found by other arithmetic: every batch's maximum, the pair, its ties and the
runner-up, against all pairs of its rows, which are read again. The verdict is kept with the
run. Exit codes: 0 confirmed, 1 refuted, 2 what cannot be checked.""",
        (_run, _sample),
    ),
    "stop": ("stop a run", "Stop a run; what is settled is kept.", (_run,)),
    "pause": (
        "pause a run",
        """Pause a run: it uses no core until `farpair resume`, and runs that are queued behind it
do not wait for it.""",
        (_run,),
    ),
    "resume": (
        "resume a paused run, or one that was cut short",
        """Resume a paused run. One that was stopped or terminated, failed or died is resumed in a new
run from the batches that it had settled, if its files are still the same.""",
        (_run,),
    ),
    "schema": (
        "print the JSON schema of what --json prints",
        "Print the JSON schema of what --json prints: each key, its type and its meaning.",
        (),
    ),
    "config": (
        "print the settings in force, and where they are kept",
        "Say where the settings are kept and print those in force, as a settings file.",
        (),
    ),
    "completion": (
        "print a completion script for a shell",
        """Print a script that completes commands and flags in a shell, for example
  farpair completion bash > ~/.local/share/bash-completion/completions/farpair
  farpair completion zsh > a file _farpair in a folder of $fpath
  farpair completion fish > ~/.config/fish/completions/farpair.fish""",
        (_shell,),
    ),
}


def command_of(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command that `words` name, and the remaining words. The command may follow flags and their values."""
    for place, word in enumerate(words):
        if word in COMMANDS and _only_flags(words[:place]):
            return word, [*words[:place], *words[place + 1 :]]
    return APP, list(words)


def _only_flags(words: Sequence[str]) -> bool:
    """Whether `words` are only flags, of any command, with their values."""
    if not words:
        return True
    parser = Parser(add_help=False, conflict_handler="resolve")
    _add(parser, (add for *_, given in COMMANDS.values() for add in given if add not in _WORDS))
    try:
        return not parser.parse_known_args(words)[1]
    except InputError:  # the value is missing
        return False


def parser(*commands: str) -> tuple[Parser, dict[str, Parser]]:
    """The program's parser with the subparsers of the named `commands`. For other commands it has only their line
    in the help: building all subparsers would take as long as Python's own start."""
    whole = Parser(
        prog="farpair",
        usage="farpair [MODEL] [FLAG ...]\n       farpair COMMAND [...]",
        description="""Find the two tokens that lie farthest apart in a cluster of embeddings, and see
what kind of outliers they are. Opens the app; without a terminal, or with
--print, prints the analysis of one model instead.""",
        epilog="""`farpair COMMAND --help` says more.
Exit codes: 0 done, 1 failed or stopped, 2 bad input, 130 ctrl-c.""",
    )
    subparsers = whole.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    each: dict[str, Parser] = {}
    for name, (summary, description, given) in COMMANDS.items():
        if name in commands:
            each[name] = (
                subparsers.add_parser(name, prog="farpair", help_of=whole)
                if name == APP
                else subparsers.add_parser(name, prog=f"farpair {name}", help=summary, description=description)
            )
            _add(each[name], given)
        elif name != APP:
            subparsers.add_parser(name, help=summary, add_help=False)  # as the help lists it
    if APP in commands:
        _add(whole, _APP_FLAGS)
    return whole, each


def _add(parser: Parser, given: Iterable[Callable[[Parser], None]]) -> None:
    for add in given:
        add(parser)
    _everywhere(parser)
