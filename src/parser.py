"""The commands, each with its flags, as argparse subparsers. Nothing slow is imported here."""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import Field, dataclass, fields
from functools import partial
from typing import Any, Final, NoReturn

from . import __version__, values
from .engine import run_settings
from .engine.errors import InputError
from .engine.run_settings import RunSettings
from .engine.text.nearest import did_you_mean

APP: Final = "app"  # the command where none is named
_EITHER: Final = argparse.BooleanOptionalAction


class Parser(argparse.ArgumentParser):
    """An argument parser that raises InputError, in one sentence, for what it cannot parse."""

    def __init__(self, help_of: "Callable[[], tuple[Parser, object]] | None" = None, **options: Any) -> None:
        # What is not given is left to the settings.
        super().__init__(allow_abbrev=False, argument_default=argparse.SUPPRESS, **options)
        self._help_of = help_of

    def format_help(self) -> str:
        """The help of this parser, or of the one whose help stands for it."""
        return self._help_of()[0].format_help() if self._help_of else super().format_help()

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong as an InputError that says where help is."""
        raise InputError(f"{message.removeprefix('argument ').rstrip('.')}; `{self.prog} --help` says more.")

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Raise InputError for words left over: an unknown flag, with the nearest one, or a word too many."""
        flags = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        if not flags:
            self.error(f"{unknown[0]!r} is one word too many")
        raise InputError(
            f"{self.prog} has no flag {flags[0]}{did_you_mean(flags[0], self._option_string_actions)}"
        )


def _checked(check: Callable[[str], object]) -> Callable[[str], object]:
    """`check`, its sentence said as argparse wants it."""

    def checked(text: str) -> object:
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


# What a command is given: each adds flags, or a word, to a command's parser.


def _model(parser: Parser, nargs: str | None = None) -> None:
    meaning = "a name in the tensors folder, a model's folder, a .safetensors file, or demo"
    parser.add_argument("model", metavar="MODEL", nargs=nargs, help=meaning)


def _run(parser: Parser) -> None:
    parser.add_argument("run", metavar="RUN", help="a run's id, a part of it, or `last` for the newest")


def _tensors(parser: Parser) -> None:
    meaning = "the folder of models (default: $FARPAIR_TENSORS, else ./tensors, else ../tensors)"
    parser.add_argument("--tensors", metavar="DIR", help=meaning)


def _tensor(parser: Parser) -> None:
    meaning = "the tensor that is the embedding (default: W, or what checkpoints call it)"
    parser.add_argument("--tensor", metavar="NAME", help=meaning)


def _cluster(parser: Parser) -> None:
    meaning = "the cluster: mask (the model's mask file), all, or tokens:REGEX (default: mask if there is one)"
    parser.add_argument("--cluster", metavar="CLUSTER", type=_checked(run_settings.cluster), help=meaning)


def _settings(parser: Parser) -> None:
    for setting in fields(RunSettings):
        _add_setting(parser, setting)


def _add_setting(parser: Parser, setting: "Field[int | str]") -> None:
    flag, meaning = f"--{setting.name}", setting.metadata["meaning"]
    if isinstance(setting.default, bool):
        parser.add_argument(flag, action=_EITHER, help=meaning)
    else:
        rule = _checked(partial(run_settings.from_text, setting.name))
        parser.add_argument(flag, metavar=setting.metadata["metavar"], type=rule, help=meaning)


def _print(parser: Parser) -> None:
    parser.add_argument("--print", action="store_true", help="print the analysis; do not open the app")


def _app(parser: Parser) -> None:
    theme = _checked(values.theme)
    parser.add_argument("--theme", metavar="NAME", type=theme, help=", ".join(values.THEMES))
    parser.add_argument("--mouse", action=_EITHER, help="take the mouse, or leave it to the terminal")


def _forms(parser: Parser, *, printed: bool = True, plain: bool = True) -> None:
    """In which form a run is printed; at most one of them is given."""
    group = parser.add_mutually_exclusive_group()
    forms = {
        "json": "everything that is known as one JSON object",
        "markdown": "the analysis as Markdown",
        "csv": "the table of batches as CSV",
    }
    for form, what in forms.items() if printed else ():
        group.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=f"print {what}")
    if plain:
        group.add_argument("--plain", action=_EITHER, help="say what happens in sentences, as it happens")


def _speed(parser: Parser) -> None:
    speed = _checked(values.speed)
    parser.add_argument("--speed", metavar="N", type=speed, help="N times as fast (default: 1)")


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


_Adds = Callable[[Parser], None]
_SEARCH: Final[tuple[_Adds, ...]] = (_cluster, _settings)
_APP_FORMS: Final = partial(_forms, plain=False)
_APP_FLAGS: Final[tuple[_Adds, ...]] = (_tensors, _tensor, *_SEARCH, _print, _app, _APP_FORMS)


@dataclass(frozen=True)
class Command:
    """A command: what it does in one line, in full, and what it is given beside the flags of every command."""

    summary: str
    description: str
    given: tuple[_Adds, ...]


COMMANDS: Final = {
    APP: Command("", "", (*_APP_FLAGS, partial(_model, nargs="?"))),
    "demo": Command(
        "open the app on a real model that comes from PyPI",
        "Open the app on a real model that comes from PyPI (the demo extra).",
        (*_SEARCH, _print, _app, _APP_FORMS),
    ),
    "run": Command(
        "search one model and print the analysis",
        """Search one model and print the analysis. It is searched in any case; a result that
is kept already is printed by `farpair report`.""",
        (_model, _tensors, _tensor, *_SEARCH, _forms),
    ),
    "models": Command(
        "list the models found",
        "List the models found, and what is wrong with those that cannot be searched.",
        (_tensors,),
    ),
    "runs": Command(
        "list the runs kept",
        """List the runs kept, newest first: when each began, whether it is going, queued, paused,
done, stopped, terminated (from outside), failed or died, and what it found.""",
        (_clean,),
    ),
    "attach": Command(
        "open the app on a run",
        """Open the app on a run: one that is going, or any other that is kept. Without a
terminal, follow it to its end and print it. Leaving does not stop it.""",
        (_run, _tensors, _app, partial(_forms, printed=False)),
    ),
    "report": Command(
        "print a run again",
        """Print a run again, from its journal: all of it, or what there is of one that was
stopped, failed or died.""",
        (_run, _forms),
    ),
    "replay": Command(
        "play a run as it happened",
        "Play a run in the app as it happened, its waits and pauses cut short.",
        (_run, _speed, _app, partial(_forms, printed=False)),
    ),
    "verify": Command(
        "check independently what a run found",
        """Check what a run found by other arithmetic: every batch's maximum, the pair, its ties and the
runner-up, against all pairs of its rows, which are read again. The verdict is kept with the
run. Exit codes: 0 confirmed, 1 refuted, 2 what cannot be checked.""",
        (_run, _sample),
    ),
    "stop": Command("stop a run", "Stop a run; what is settled is kept.", (_run,)),
    "pause": Command(
        "pause a run",
        """Pause a run: it uses no core until `farpair resume` lets it go on, and runs that are
queued behind it do not wait for it.""",
        (_run,),
    ),
    "resume": Command(
        "let a paused run go on, or go on from one that was cut short",
        """Let a paused run go on. One that was stopped or terminated, failed or died goes on in a new
run from the batches that it had settled, if its files are still the same.""",
        (_run,),
    ),
    "schema": Command(
        "print the JSON schema of what --json prints",
        "Print the JSON schema of what --json prints: each key, its type and its meaning.",
        (),
    ),
    "config": Command(
        "print the settings in force, and where they are kept",
        "Say where the settings are kept and print those in force, as a settings file.",
        (),
    ),
    "completion": Command(
        "print what completes commands and flags in a shell",
        """Print a script that completes commands and flags in a shell, for example
  farpair completion bash > ~/.local/share/bash-completion/completions/farpair
  farpair completion zsh > a file _farpair in a folder of $fpath
  farpair completion fish > ~/.config/fish/completions/farpair.fish""",
        (_shell,),
    ),
}


def command_of(words: Sequence[str]) -> tuple[str, list[str]]:
    """Which command `words` name, and the other words. It may stand behind flags, and behind their values."""
    for place, word in enumerate(words):
        if word in COMMANDS and _only_flags(words[:place]):
            return word, [*words[:place], *words[place + 1 :]]
    return APP, list(words)


def _only_flags(words: Sequence[str]) -> bool:
    """Whether `words` are flags with their values, of any command."""
    if not words:
        return True
    parser = Parser(add_help=False, conflict_handler="resolve")
    _add(
        parser,
        [add for command in COMMANDS.values() for add in command.given if add not in (_model, _run, _shell)],
    )
    try:
        given, unknown = parser.parse_known_args(words)
    except InputError:  # a flag that lacks its value
        return False
    return not unknown and "model" not in given


def parser(only: str | None = None) -> tuple[Parser, dict[str, Parser]]:
    """The program's parser, and each command's; with `only`, as much of it as parses that command.

    The whole takes longer than the program may take to start; help and completion need it.
    """
    whole = Parser(
        prog="farpair",
        usage="farpair [MODEL] [FLAG ...]\n       farpair COMMAND [...]",
        description="""Find the two tokens that lie farthest apart in a cluster of embeddings, and see
what kind of outliers they are. Opens the app; without a terminal, or with
--print, prints the analysis of one model instead.""",
        epilog="""`farpair COMMAND --help` says more.
Exit codes: 0 done, 1 failed or stopped, 2 bad input, 130 ctrl-c.""",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    if only is None:
        _add(whole, _APP_FLAGS)
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", parser_class=Parser)
    each: dict[str, Parser] = {}
    for name in COMMANDS if only is None else (only,):
        command = COMMANDS[name]
        if name == APP:
            each[name] = commands.add_parser(name, prog="farpair", help_of=parser)
        else:
            each[name] = commands.add_parser(
                name,
                prog=f"farpair {name}",
                help=command.summary,
                description=command.description,
                formatter_class=argparse.RawDescriptionHelpFormatter,
            )
        _add(each[name], command.given)
    return whole, each


def _add(parser: Parser, given: Iterable[_Adds]) -> None:
    for add in given:
        add(parser)
    _everywhere(parser)
