"""Hostile run folders are listed, reported and shown as far as they can be read, else there is a sentence."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from farpair.engine.errors import RunError
from farpair.engine.models.discovery import model_at, model_of
from farpair.engine.runs import folders, request
from farpair.engine.runs.request import request_for
from support.fixtures import build_small_model
from support.hostile.case import Case
from support.hostile.checks import PATIENCE_SECONDS, check_harmless, check_screen, farpair, in_time
from support.hostile.journals import JOURNALS, REQUESTS
from support.terminal import Terminal

Folder = Callable[[int], Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """The folder of the run of this number, not made yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return lambda number: tmp_path / "state" / "farpair" / "runs" / f"20261122-185400-model-{number:04x}"


@pytest.mark.parametrize("case", JOURNALS, ids=str)
def test_a_hostile_journal_is_listed_and_reported_as_far_as_it_can_be_read(folder: Folder, case: Case) -> None:
    case.write(folder(1))
    listed = farpair("runs")
    assert listed.code == 0
    assert listed.out.splitlines()[1].startswith("20261122-185400-model-0001")
    check_harmless(listed.out + listed.err)
    said, exported = farpair("report", "0001"), farpair("report", "0001", "--json")
    assert said.code == exported.code == (1 if case.says and "future" not in case.name else 0)
    assert case.says in said.out + said.err
    for told in (said, exported):
        assert told.err.count("\n") <= 1
        check_harmless(told.out + told.err)


# Of an empty journal the engine may only just have been started: it is waited for.
@pytest.mark.parametrize("case", [*JOURNALS[1:], *REQUESTS], ids=str)
def test_every_word_answers_a_hostile_run_in_a_sentence(folder: Folder, case: Case) -> None:
    case.write(folder(1))
    for words in (["stop", "last"], ["replay", "last", "--speed", "1000"]):
        said = farpair(*words)
        assert said.code in (0, 1, 2)
        assert said.err.count("\n") == (1 if said.code or not said.out else 0)
        check_harmless(said.out + said.err)
    assert farpair("runs", "--clean").code == 0


@pytest.mark.parametrize("case", REQUESTS, ids=str)
def test_a_hostile_request_is_a_sentence_and_hides_no_other_run(folder: Folder, case: Case) -> None:
    case.write(folder(1))
    REQUESTS[-1].write(folder(2))
    assert [run.id[-4:] for run in folders.all_runs()] in (["0001", "0002"], ["0002", "0001"])
    try:
        with in_time():
            model = model_of(request.request_of(folders.find("0001")))
        assert model.problem is not None
        check_harmless(model.problem)
    except RunError as error:
        said = str(error)
    else:
        said = ""
    assert case.says in said
    assert bool(case.says) == bool(said)
    check_harmless(said)


def test_what_is_no_run_is_passed_over(folder: Folder) -> None:
    JOURNALS[0].write(folder(1))
    beside = folder(1).parent
    for name in (
        "\x1b[41mOWNED",
        "20261122-185400-\x1b-0000",
        "-rf",
        "20261122-185400-model-0002\n",
        "\u0661" * 8,
    ):
        JOURNALS[0].write(beside / name)
    (beside / folder(3).name).symlink_to(beside / folder(3).name)
    (beside / folder(4).name).write_text("no folder")
    (beside / folder(5).name).mkdir()
    listed = farpair("runs")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()[1:]] == [folder(1).name]


def test_of_all_hostile_journals_nothing_reaches_the_terminal_as_it_is(folder: Folder, tmp_path: Path) -> None:
    shown = [*JOURNALS[:10], *(case for case in JOURNALS[10:] if not case.says)]
    for number, case in enumerate(shown):
        model = build_small_model(tmp_path / "tensors" / f"{number:02}", n=3, d=2, vocabulary=9)
        case.write(folder(number))
        (folder(number) / "request.json").write_bytes(msgspec.json.encode(request_for(model_at(model))))
    command = [sys.executable, "-m", "farpair", "--tensors", str(tmp_path / "tensors"), "--device", "cpu"]
    with Terminal(command, tmp_path / "state", columns=160, rows=50) as terminal:
        terminal.wait_for(lambda text: "q quit" in text and "looking for earlier runs" not in text)
        for case in shown:
            if not case.says:
                terminal.press("n")
                terminal.wait_for("notes on this run")
                terminal.press("down", "escape")
                terminal.wait_for(lambda text: "notes on this run" not in text)
            terminal.press("]")
        terminal.wait_for("q quit", PATIENCE_SECONDS)
        terminal.press("q")
        terminal.wait_for(lambda text: "leave" in text or terminal.process.poll() is not None)
        terminal.press("l")
        assert terminal.wait() == 0
    check_screen(terminal.written)


def test_of_a_hostile_run_that_is_replayed_nothing_reaches_the_terminal_as_it_is(
    folder: Folder, tmp_path: Path
) -> None:
    for name in ("journal: texts that escape", "request: names that escape"):
        next(case for case in (*JOURNALS, *REQUESTS) if case.name == name).write(folder(1))
        command = [sys.executable, "-m", "farpair", "replay", "last"]
        with Terminal(command, tmp_path / "state", columns=80, rows=24) as terminal:
            terminal.wait_for(r"\x1b[41m")
            terminal.press("n")
            terminal.wait_for("notes on this run")
            terminal.press("escape")
            terminal.wait_for(lambda text: "notes on this run" not in text)
            terminal.press("q")
            assert terminal.wait() == 0
        check_screen(terminal.written)
        shutil.rmtree(folder(1))
