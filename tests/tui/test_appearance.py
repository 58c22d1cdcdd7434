"""The appearance: readable themes that are remembered, no colours, 16 colours, and only ASCII."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from farpair.engine.journal.reader import read_record
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import folders
from farpair.settings import read_settings
from farpair.tui.app import FarpairApp
from farpair.tui.appearance import Appearance
from farpair.tui.themes import DEFAULTS, THEMES
from farpair.values import THEMES as NAMES
from support.fixtures import HOSTILE_TEXTS, build_small_model
from support.published import HandWritten, a_model, published
from support.terminal import Terminal
from textual.color import Color
from tui.conftest import screen_text, until

COLOUR = re.compile(r"(?:^|;)(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])(?:;|$)")
SIXTEEN = re.compile(r"^(?:[0-9]|2[1-9]|3[0-79]|4[0-79]|9[0-7]|10[0-7])$")


@contextmanager
def searched(tmp_path: Path, state: Path, *words: str, **environment: str) -> Iterator[Terminal]:
    """The program after the search of a small model with hostile token texts."""
    build_small_model(tmp_path / "tensors" / "small", n=7, vocabulary=len(HOSTILE_TEXTS))
    command = [sys.executable, "-m", "farpair", "--tensors", str(tmp_path / "tensors"), "--device", "cpu", *words]
    state.mkdir(parents=True, exist_ok=True)
    with Terminal(command, state, columns=120, rows=36, environment=environment) as terminal:
        terminal.wait_for("starts the search")
        terminal.press("r")
        terminal.wait_for(lambda text: "norms > 2" in text and " done" in text)
        yield terminal


def styles(written: bytes) -> set[str]:
    """The parameters of every "select graphic rendition" that was written."""
    return {found.decode() for found in re.findall(rb"\x1b\[([0-9;:]*)m", written)}


def through_the_dialogs(terminal: Terminal) -> None:
    """Open and close what can be opened, so that all of it has been written."""
    dialogs = {
        "?": "Search this model for its farthest pair",
        "n": "notes on this run",
        "e": "write this run to files",
        "y": "copy to the clipboard of your terminal",
        "m": "find a model",
        "d": "device of the next run",
        "ctrl+p": "Pick a model by a few letters of its name. (m)",
    }
    for key, title in dialogs.items():
        terminal.press(key)
        terminal.wait_for(title)
        terminal.press("escape")
        terminal.wait_for(lambda text, title=title: title not in text and "q quit" in text)  # type: ignore[misc]
    terminal.press("down", "down")
    terminal.wait_for("follows the run")


@pytest.mark.parametrize("said_by", ["NO_COLOR", "the settings"])
def test_without_colours_not_one_is_written_and_marks_tell_what_colours_told(
    tmp_path: Path, state: Path, said_by: str
) -> None:
    plain = tmp_path / "plain.toml"
    plain.write_text("colour = false")
    environment = {"NO_COLOR": "1"} if said_by == "NO_COLOR" else {"FARPAIR_CONFIG": str(plain)}
    with searched(tmp_path, state, **environment) as terminal:
        through_the_dialogs(terminal)
        text = terminal.text
    assert not [style for style in styles(terminal.written) if COLOUR.search(style)]
    assert {"7"} <= {part for style in styles(terminal.written) for part in style.split(";")}  # the cursor's row
    for mark in ("✓", "★", "▸"):
        assert mark in text


@pytest.mark.parametrize("term", ["xterm", "screen", "linux"])
def test_a_terminal_of_16_colours_gets_those_and_no_other(tmp_path: Path, state: Path, term: str) -> None:
    with searched(tmp_path, state, TERM=term, COLORTERM="") as terminal:
        before = {part for style in styles(terminal.written) for part in style.split(";")}
        through_the_dialogs(terminal)
    parts = {part for style in styles(terminal.written) for part in style.split(";")}
    assert not [part for part in parts if part and not SIXTEEN.match(part)]
    assert {"32", "36"} <= parts
    assert not [part for part in before if re.fullmatch("4[0-7]|10[0-7]", part)]  # its background stays as it is


@pytest.mark.parametrize(
    ("words", "environment"),
    [
        (["--ascii"], {}),
        ([], {"LANG": "C"}),
        ([], {"LC_ALL": "POSIX"}),
        ([], {"LANG": "en_US.ISO-8859-1"}),
        ([], {"TERM": "linux", "COLORTERM": ""}),
    ],
    ids=["--ascii", "LANG=C", "LC_ALL=POSIX", "Latin 1", "linux console"],
)
def test_a_terminal_of_ascii_alone_gets_nothing_else(
    tmp_path: Path, state: Path, words: list[str], environment: Mapping[str, str]
) -> None:
    with searched(tmp_path, state, *words, **environment) as terminal:
        through_the_dialogs(terminal)
        text = terminal.text
        terminal.press("q")
        assert terminal.wait() == 0
    assert terminal.written.isascii()
    record = read_record(folders.all_runs()[0].journal)
    assert record.pair is not None
    assert f"+ {record.pair.distance:.8f}" in text  # the stand-in of a check mark
    assert "+- models ---" in text
    assert "* 0-" in text


def test_a_terminal_of_which_nothing_is_known_gets_characters_of_all_kinds(tmp_path: Path, state: Path) -> None:
    with searched(tmp_path, state, LANG="") as terminal:
        terminal.wait_for("★ 0–")


async def test_t_shows_the_next_theme_and_it_is_remembered_and_shown_again(config: Path) -> None:
    HandWritten(a_model()).write(*published())
    config.mkdir(parents=True)
    file = config / "settings.toml"
    file.write_text("# mine\nbatch = 99\n")
    appearance = Appearance(theme="dark", file=file)
    app = FarpairApp(
        [a_model()], tensors=None, model=None, settings=RunSettings(device="cpu"), appearance=appearance
    )
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: "norms > 2" in screen_text(pilot))
        seen = []
        for _ in NAMES:
            await pilot.press("t")
            await until(pilot, lambda: f"Theme: {app.theme}" in screen_text(pilot))
            assert read_settings(file).theme == app.theme
            seen.append(app.theme)
    assert seen == ["light", "contrast", "terminal", "dark"]
    assert file.read_text().startswith('theme = "dark"\n# mine\nbatch = 99\n')


async def test_a_theme_that_cannot_be_remembered_is_shown_and_said(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("batch = ")
    appearance = Appearance(theme="dark", file=file)
    app = FarpairApp(
        [a_model()], tensors=None, model=None, settings=RunSettings(device="cpu"), appearance=appearance
    )
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await pilot.press("t")
        await until(pilot, lambda: "not remembered" in screen_text(pilot))
        assert app.theme == "light"


def luminance(colour: Color) -> float:
    """The relative luminance of WCAG 2.2."""
    parts = [part / 255 for part in colour.rgb]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of WCAG 2.2, from 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("name", "least"), [("dark", 4.5), ("light", 4.5), ("contrast", 7.0)])
def test_every_role_of_text_can_be_read_on_every_ground(name: str, least: float) -> None:
    (theme,) = (theme for theme in THEMES if theme.name == name)
    colours = {**DEFAULTS, **theme.variables}
    inks = [theme.foreground, *(colours[f"ink-{role}"] for role in ("dim", "accent", "good", "warn", "bad"))]
    grounds = [theme.background, theme.surface]
    for ink in inks:
        for ground in grounds:
            assert contrast(Color.parse(ink or ""), Color.parse(ground or "")) >= least, (ink, ground)
    for ink in (inks[0], colours["ink-good"]):
        assert contrast(Color.parse(ink or ""), Color.parse(colours["cursor-row"])) >= 4.5


def test_the_themes_are_those_that_the_settings_name() -> None:
    assert tuple(theme.name for theme in THEMES) == NAMES
