"""Copying and exporting a run: what reaches the terminal's clipboard, and which files are written where."""

import ast
import base64
import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from farpair.engine.events import Warned
from farpair.tui.clipboard import LARGEST, fits, sequences
from farpair.tui.screens.main import MainScreen
from support.notebook_numbers import BATCH_MAXIMA as MAXIMA
from support.published import HandWritten, a_model, published
from support.terminal import Terminal
from textual.pilot import Pilot
from tui.conftest import Open, screen_text, until


def clipboard(written: bytes) -> list[str]:
    """What a terminal that was sent `written` has put on its clipboard, in order."""
    found = re.findall(rb"\x1b\]52;c?;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)", written)
    return [base64.b64decode(one).decode() for one in found]


@pytest.fixture
def terminal(state: Path) -> "Terminal":
    HandWritten(a_model()).write(*published())
    return Terminal(SHOW_PUBLISHED, state, columns=120, rows=36)


# The app on the published model, which is nowhere on disk.
SHOW_PUBLISHED = [
    sys.executable,
    "-c",
    f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
    "from support.published import a_model\nfrom farpair.tui.app import FarpairApp\n"
    "from farpair.engine.run_settings import RunSettings\n"
    "FarpairApp([a_model()], tensors=None, model=None, settings=RunSettings(device='cpu')).run()",
]


def test_y_sends_the_pair_the_batch_or_the_report_to_the_terminals_clipboard(terminal: Terminal) -> None:
    with terminal:
        terminal.wait_for("norms > 2")
        terminal.press("y", "y")
        terminal.wait_for("Sent to the clipboard")
        terminal.press("down", "down", "y")
        asked = terminal.wait_for("b  the batch")
        terminal.press("b")
        terminal.wait_for("clipboard: Qwen3-4B-Instruct-2507: rows")
        terminal.press("y", "r")
        terminal.wait_for("# Qwen3-4B")
    pair, batch, report = clipboard(terminal.written)
    tokens = "48494 ' xyz' and 71473 '██取'"
    assert pair == f"Qwen3-4B-Instruct-2507: The largest distance is 1.60828757, between tokens {tokens}."
    assert re.match(r"Qwen3-4B-Instruct-2507: rows \d+–\d+ have the maximum 1\.\d{8}, between tokens", batch)
    rows = re.search(r"rows (\d+–\d+)", batch)
    assert rows is not None
    assert f"b  the batch {rows[1]} " in asked, "the menu and what it copies name the same rows"
    assert report.startswith("# Qwen3-4B-Instruct-2507")
    assert "1.60828757" in report


def test_inside_tmux_what_is_copied_reaches_the_terminal_outside(state: Path, tmp_path: Path) -> None:
    program = shutil.which("tmux")
    if program is None:
        pytest.skip("tmux is not installed")
    HandWritten(a_model()).write(*published())
    tmux = [program, "-S", str(tmp_path / "socket"), "-f", "/dev/null"]
    with Terminal([*tmux, "new-session", shlex.join(SHOW_PUBLISHED)], state, columns=120, rows=36) as terminal:
        try:
            terminal.wait_for("norms > 2")
            terminal.press("y", "y")
            terminal.wait_for("Sent to the clipboard")
            terminal.wait_for(lambda _: bool(clipboard(terminal.written)))
        finally:
            subprocess.run([*tmux, "kill-server"], check=False)
    assert "largest distance is 1.60828757" in clipboard(terminal.written)[0]


def test_on_the_way_through_a_tmux_it_is_sent_bare_and_wrapped() -> None:
    bare = sequences("text", {"TERM": "xterm-256color"})
    assert clipboard(bare.encode()) == ["text"]
    for environment in ({"TERM": "tmux-256color"}, {"TERM": "screen", "TMUX": "/tmp/x,1,0"}):
        both = sequences("text", environment)
        assert both.startswith(bare)
        wrapped = both.removeprefix(bare)
        assert wrapped.startswith("\x1bPtmux;")
        assert wrapped.endswith("\x1b\\")
        assert wrapped[7:-2].replace("\x1b\x1b", "\x1b") == bare


def test_what_is_too_long_for_terminals_is_not_sent() -> None:
    assert fits("x" * LARGEST)
    assert len(sequences("x" * LARGEST, {})) < 100_000
    assert not fits("取" * (LARGEST // 3 + 1))


async def test_a_report_too_long_for_the_clipboard_points_to_the_file(opened: Open) -> None:
    *events, last = published()
    warnings = [Warned(kind="device", message=f"No GPU {number}. " * 1000) for number in range(10)]
    HandWritten(a_model()).write(*events, *warnings, last)
    async with opened([a_model()], (120, 36)) as pilot:
        await pilot.press("y", "r")
        await until(pilot, lambda: "more than the 74.0 kB" in screen_text(pilot))


async def test_where_nothing_is_known_there_is_nothing_to_copy(opened: Open) -> None:
    async with opened([a_model()], (120, 36)) as pilot:
        await pilot.press("y")
        await until(pilot, lambda: "nothing to copy yet" in screen_text(pilot))
        assert isinstance(pilot.app.screen, MainScreen)


async def export(pilot: Pilot[None], folder: Path, *keys: str) -> None:
    await pilot.press("e", *keys, "ctrl+u")
    await pilot.press(*(key_of(character) for character in str(folder)))
    await pilot.press("enter")


def key_of(character: str) -> str:
    return {"/": "slash", "-": "minus", "_": "underscore", ".": "full_stop"}.get(character, character)


async def test_e_writes_all_formats_says_where_and_never_overwrites(opened: Open, tmp_path: Path) -> None:
    HandWritten(a_model()).write(*published())
    folder = tmp_path / "out"
    folder.mkdir()
    async with opened([a_model()], (120, 36)) as pilot:
        for _ in range(2):
            await export(pilot, folder, "up")
            await until(pilot, lambda: "Wrote " in screen_text(pilot))
        names = sorted(os.listdir(folder))
    wanted = [f"farpair-by-hand{suffix}" for suffix in (".csv", ".json", ".md", ".svg")]
    assert names == sorted([*wanted, *(name.replace("hand", "hand-2") for name in wanted)])
    assert json.loads((folder / wanted[1]).read_text())["pair"]["distance"] == 1.6082875701
    rows = list(csv.DictReader((folder / wanted[0]).read_text().splitlines()))
    assert [float(row["maximum"]) for row in rows] == list(MAXIMA)
    assert ast.literal_eval(rows[0]["i_text"]) == " xyz"
    assert "1.60828757" in (folder / wanted[2]).read_text()
    picture = (folder / wanted[3]).read_text()
    assert picture.startswith("<svg")
    assert "1.60828757" in picture
    assert "write this run" not in picture.replace("&#160;", " ")


async def test_a_folder_that_is_not_there_is_said_in_the_dialog(opened: Open, tmp_path: Path) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await export(pilot, tmp_path / "no")
        assert "There is no folder" in screen_text(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, MainScreen)


async def test_a_file_that_cannot_be_written_is_a_sentence(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await pilot.press("e", "ctrl+u", *(key_of(character) for character in "/proc"), "enter")
        await until(pilot, lambda: "/proc/farpair-by-hand" in screen_text(pilot))
