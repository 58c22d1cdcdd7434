"""The command line: which words, which flags, which exit codes.

0 done; 1 the run failed or was stopped; 2 bad input or usage; 130 and 143 where ctrl-c or SIGTERM ended it; 141
where the reader of its output left. Arguments are parsed before anything slow is imported (`--help` is there at
once), and nothing here imports torch: only the engine does, which is another process.
"""

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

from . import __version__
from .errors import FarpairError, InputError, RunError

DONE: Final = 0
FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141


@dataclass(frozen=True)
class Options:
    """What a person wrote: `command` is "app" where no command was named, `memory` is in bytes."""

    command: str
    model: str | None = None
    run: str = ""
    tensors: str | None = None
    tensor: str | None = None
    cluster: str | None = None
    batch: int = 256
    device: str = "auto"
    threads: int = 0
    memory: int = 0
    exhaustive: bool = False
    clean: bool = False
    speed: float = 1.0
    screen: str = "auto"
    json: bool = False
    print: bool = False
    no_mouse: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line `arguments` (by default the program's own); return the exit code."""
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a character is told its number
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        from .commands import run_command

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
    """The options that `arguments` spell. Raises InputError; --help and --version print and exit."""
    words = list(arguments)
    command = "app"
    for place, word in enumerate(words):
        if word.startswith("-") or (place and words[place - 1] in _VALUED):
            continue
        if word in _DESCRIPTIONS:
            command = word
            del words[place]
        break
    options = Options(command=command, **vars(_parser(command).parse_args(words)))
    if options.tensor is not None and options.model is None:
        raise InputError("--tensor goes with the MODEL that holds the tensor.")
    return options


_DESCRIPTIONS: Final = {
    "app": """Find the two tokens that lie farthest apart in a cluster of embeddings, and see
what kind of outliers they are. Opens the app; without a terminal, or with
--print, prints the analysis of one model instead.""",
    "demo": "Open the app on a real model that comes from PyPI (the demo extra).",
    "run": """Search one model and print the analysis. It is searched in any case; a result that
is kept already is printed by `farpair report`.""",
    "models": "List the models found, and what is wrong with those that cannot be searched.",
    "runs": """List the runs kept, newest first: when each began, whether it is going, queued, paused,
done, cancelled, failed or interrupted, and what it found.""",
    "attach": """Open the app on a run: one that is going, or any other that is kept. Without a
terminal, follow it to its end and print it. Leaving does not stop it.""",
    "stop": "Stop a run; what is settled is kept.",
    "pause": """Pause a run: it uses no core until `farpair resume` lets it go on, and runs that are
queued behind it do not wait for it.""",
    "resume": """Let a paused run go on. One that was stopped, failed or interrupted goes on in a new
run from the batches that it had settled, if its files are still the same.""",
    "replay": "Play a run in the app as it happened, its waits and pauses cut short.",
    "report": """Print a run again, from its journal: all of it, or what there is of one that was
stopped, failed or died.""",
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
  farpair stop RUN     stop a run; also pause and resume

`farpair COMMAND --help` says more.
Exit codes: 0 done, 1 failed or stopped, 2 bad input, 130 ctrl-c.
"""

_MODEL: Final = "a name in the tensors folder, a model's folder, a .safetensors file, or demo"
_TENSORS: Final = "the folder of models (default: $FARPAIR_TENSORS, else ./tensors, else ../tensors)"
_TENSOR: Final = "the tensor that is the embedding (default: W, or what checkpoints call it)"
_CLUSTER: Final = "the cluster: mask (the model's mask file), all, or tokens:REGEX (default: mask if there is one)"
_DEVICE: Final = "cpu, cuda, cuda:N, mps, xpu, or auto (the default: cuda, else mps, else xpu, else cpu)"
_CLEAN: Final = (
    "remove runs older than 30 days, but what is going and the newest result of each model and settings"
)
_SCREEN: Final = (
    "what pairs are screened in: float32, tf32, bfloat16, or auto (the default: float32, and tf32 on a GPU found "
    "to keep its bound); the answer is the same"
)
_MEMORY: Final = "the most that the search may use beyond the rows, as in 256MB (default: the engine's choice)"

# The flags that are followed by a word of their own.
_VALUED: Final = {
    *("--tensors", "--tensor", "--cluster", "--batch", "--device", "--screen", "--threads", "--memory", "--speed"),
}
_LARGEST: Final = 2**31 - 1
_FASTEST: Final = 1_000_000
_RUN: Final = "a run's id, a part of it, or `last` for the newest"
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class _Parser(argparse.ArgumentParser):
    """An argument parser that complains in one sentence, by raising it."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message.removeprefix('argument ').rstrip('.')}; `{self.prog} --help` says more.")


def _parser(command: str) -> _Parser:
    parser = _Parser(
        prog="farpair" if command == "app" else f"farpair {command}",
        description=_DESCRIPTIONS[command],
        epilog=_COMMANDS if command == "app" else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=f"farpair {__version__}")
    if command in ("app", "run"):
        add("model", metavar="MODEL", nargs=None if command == "run" else "?", help=_MODEL)
    if command in ("report", "attach", "stop", "pause", "resume", "replay"):
        add("run", metavar="RUN", help=_RUN)
    if command == "replay":
        add("--speed", metavar="N", type=_speed, default=1.0, help="N times as fast (default: 1)")
    if command == "runs":
        add("--clean", action="store_true", help=_CLEAN)
    if command in ("app", "run", "models", "attach"):
        add("--tensors", metavar="DIR", help=_TENSORS)
    if command in ("app", "run"):
        add("--tensor", metavar="NAME", help=_TENSOR)
    if command in ("app", "demo", "run"):
        add("--cluster", metavar="CLUSTER", type=_cluster, help=_CLUSTER)
        add("--batch", metavar="N", type=_whole_number, default=256, help="rows in a batch (default: 256)")
        add("--device", metavar="DEVICE", type=_device, default="auto", help=_DEVICE)
        add("--screen", metavar="FORMAT", type=_screen, default="auto", help=_SCREEN)
        add("--threads", metavar="N", type=_whole_number, default=0, help="CPU threads (default: every core)")
        add("--memory", metavar="SIZE", type=_bytes, default=0, help=_MEMORY)
        add("--exhaustive", action="store_true", help="evaluate every pair; discard none by a bound")
    if command in ("app", "demo"):
        add("--print", action="store_true", help="print the analysis; do not open the app")
    if command in ("app", "demo", "attach", "replay"):
        add("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    if command in ("app", "demo", "run", "report"):
        add("--json", action="store_true", help="print the analysis as one JSON object")
    return parser


def _whole_number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= _LARGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {_LARGEST:,}")
    return int(text)


def _speed(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text) or not 0 < float(text) <= _FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a speed; it is a number above 0, up to {_FASTEST:,}")
    return float(text)


def _device(text: str) -> str:
    if not re.fullmatch(r"[a-z]+(:[0-9]{1,4})?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a device; it is auto, cpu, cuda, cuda:N, mps or xpu")
    return text


def _screen(text: str) -> str:
    if text not in ("auto", "float32", "tf32", "bfloat16"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a format; it is auto, float32, tf32 or bfloat16")
    return text


def _cluster(text: str) -> str:
    if text not in ("mask", "all") and not text.startswith("tokens:"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a cluster; it is mask, all or tokens:REGEX")
    return text


def _bytes(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([KMGT]?)(I?)B?", text.upper())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; write it as 256MB or 1.5GB")
    number, unit, binary = match.groups()
    scale = 1024 ** "_KMGT".index(unit) if binary and unit else _UNITS[unit]
    size = int(float(number) * scale)
    if size < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no memory at all")
    return size


def _complain(error: FarpairError, code: int) -> int:
    from .text import visible

    print(f"farpair: {visible(str(error))}", file=sys.stderr)
    return code
