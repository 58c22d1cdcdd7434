"""What must hold of everything that the program writes, whatever it was given to read."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO, TextIOWrapper
from signal import ITIMER_REAL, SIGALRM, setitimer, signal
from typing import NamedTuple
from unicodedata import category

import pytest
from farpair.cli import main

PATIENCE_SECONDS = 120.0  # far beyond what anything here takes: only what never ends is cut off

# What the app itself sends: colours and the cursor (CSI), the pointer's shape and the terminal's modes.
_OWN = re.compile(r"\x1b(?:\[[0-9;:?<>=$ ]*[@-~]|\]22;[a-z]*\x07|[()][0AB]|[=>78])")


class Said(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def farpair(*words: str) -> Said:
    """Run the command line in this process, as a script does whose output is no terminal."""
    with pytest.MonkeyPatch.context() as patch, in_time():
        out, err = StringIO(), StringIO()
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        patch.setattr(sys, "stdin", TextIOWrapper(open("/dev/null", "rb")))  # noqa: SIM115 - closed with the process
        return Said(main(words), out.getvalue(), err.getvalue())


def check_harmless(text: str) -> None:
    """Nothing in `text` does anything to a terminal but end a line, and no failure is a traceback."""
    doing = {character for character in text if character != "\n" and not _is_shown(character)}
    assert not doing, f"{doing!r} was written in {text!r:.400}"
    assert "Traceback" not in text


def check_sentence(said: Said, says: str) -> None:
    """The command refused its input: exit code 2, nothing printed, and one sentence that `says` why."""
    assert said.code == 2, said
    assert said.out == ""
    assert says in said.err
    assert said.err.startswith("farpair: ")
    assert said.err.endswith(".\n")
    assert said.err.count("\n") == 1
    check_harmless(said.err)


def check_screen(written: bytes) -> None:
    """Of what the app wrote to a terminal, nothing but its own sequences does anything there."""
    text = written.decode()
    doing = {character for character in _OWN.sub("", text) if character not in "\r\n" and not _is_shown(character)}
    assert not doing, f"{doing!r} reached the terminal"
    assert "\x1b[41m" not in text  # which looks like one of its own, and is none: see `case.ESCAPES`


@contextmanager
def in_time() -> Iterator[None]:
    """Fail what takes longer than anything should."""

    def late(_number: int, _frame: object) -> None:
        raise TimeoutError(f"still at it after {PATIENCE_SECONDS:.0f} seconds")

    before = signal(SIGALRM, late)
    setitimer(ITIMER_REAL, PATIENCE_SECONDS)
    try:
        yield
    finally:
        setitimer(ITIMER_REAL, 0)
        signal(SIGALRM, before)


def _is_shown(character: str) -> bool:
    return character == " " or category(character)[0] not in "CZ"
