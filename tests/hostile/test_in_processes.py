"""The program as it is started: what it costs to be given hostile files, how it ends, what reaches a terminal."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from farpair.engine.runs import folders
from support.fixtures import build_small_model
from support.hostile.case import Case
from support.hostile.checks import PATIENCE_SECONDS, check_harmless, check_screen
from support.hostile.clusters import CONTENT, LAYOUT
from support.hostile.headers import BOMBS, HEADERS, ROWS
from support.hostile.places import FILES, NAMES
from support.hostile.vocabularies import VOCABULARIES
from support.terminal import Terminal

# What the file may cost beyond the program itself: a header of 100 MB as it is read, and as it is decoded.
MOST_MEMORY = 400e6


# Runs a command, then says on stderr what it cost. Linux counts the memory of who forked a process as its own, and
# a test runner holds much; this one holds little.
_MEASURE = (
    "import resource, subprocess, sys;"
    "code = subprocess.run(sys.argv[1:]).returncode;"
    "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)"
)


class Ended(NamedTuple):
    """How a process ended: its exit code, what it wrote, and the most memory that it held, in bytes."""

    code: int
    out: str
    err: str
    memory: int


def farpair(*words: str) -> Ended:
    """The program in a process of its own, its memory as the kernel counted it."""
    command = [sys.executable, "-c", _MEASURE, sys.executable, "-m", "farpair", *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    *said, cost = done.stderr.splitlines(keepends=True)
    code, kibibytes = cost.split()
    return Ended(int(code), done.stdout, "".join(said), int(kibibytes) * 1024)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize("case", BOMBS, ids=str)
def test_a_header_of_100_mb_takes_little_more_than_it_is_long(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "model")
    said = farpair("models", "--tensors", str(tmp_path))
    (tmp_path / "model" / "W.safetensors").unlink()
    assert said.code == 0
    assert case.says in said.out
    assert said.memory < MOST_MEMORY
    check_harmless(said.out + said.err)


def test_all_hostile_models_are_listed_at_once(tmp_path: Path) -> None:
    cases = [*HEADERS, *ROWS, *LAYOUT, *CONTENT, *FILES]
    for number, case in enumerate(cases):
        case.write(tmp_path / f"{number:03}")
    said = farpair("models", "--tensors", str(tmp_path))
    assert said.code == 0
    lines = {line.split()[0]: line for line in said.out.splitlines()}
    for number, case in enumerate(cases):
        assert case in (*ROWS, *CONTENT) or case.says in lines[f"{number:03}"]
    assert said.memory < MOST_MEMORY
    check_harmless(said.out + said.err)


SAMPLE = [
    next(case for case in cases if case.name == name)
    for cases, name in (
        (HEADERS, "length 2^63"),
        (ROWS, "a terabyte of rows"),
        (VOCABULARIES, "tokenizer: tokens of 10 MB"),
        (VOCABULARIES, "tokenizer: texts that escape"),
    )
]


@pytest.mark.parametrize("case", SAMPLE, ids=str)
def test_a_hostile_model_is_run_to_a_sentence_or_an_answer(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "model")
    said = farpair("run", str(tmp_path / "model"), "--device", "cpu")
    assert said.code == (2 if case.says else 0)
    assert case.says in said.err
    check_harmless(said.out + said.err)
    again = farpair("report", folders.all_runs()[0].id, "--json") if folders.all_runs() else said
    check_harmless(again.out + again.err)


def test_of_all_hostile_models_nothing_reaches_the_terminal_as_it_is(tmp_path: Path) -> None:
    tensors = tmp_path / "tensors"
    for number, case in enumerate(HEADERS):
        case.write(tensors / f"z{number:03}")
    for name in NAMES.values():
        build_small_model(tensors / name, n=3, d=2, vocabulary=9)
    command = [sys.executable, "-m", "farpair", "--tensors", str(tensors), "--device", "cpu"]
    with Terminal(command, tmp_path / "state", columns=120, rows=36) as terminal:
        terminal.wait_for("q quit", PATIENCE_SECONDS)
        for number in range(len(HEADERS) + len(NAMES)):
            terminal.press("]")
            if number % 25 == 0:
                terminal.press("n", "escape")
        terminal.press("m", "O", "W", "N", "E", "D")
        terminal.wait_for("[red]OWNED")
        terminal.press("escape", "q")
        assert terminal.wait() == 0
    check_screen(terminal.written)
