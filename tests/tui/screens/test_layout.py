"""At every size the panels are complete: nothing overlaps, nothing leaves the screen, and the answer is
readable."""

from itertools import combinations

import pytest
from farpair.tui.screens.main import MainScreen
from support.published import HandWritten, a_model, published, started
from textual.geometry import Region
from textual.pilot import Pilot
from tui.conftest import SIZES, Open, screen_text, until

ALWAYS = {"title", "headline", "models", "progress", "batches", "keys"}
PLOTS = {"maxima", "distances", "ladder"}
IN_BETWEEN = [(80, 40), (100, 30), (110, 24), (140, 31), (119, 60), (250, 70)]


def panels(pilot: Pilot[None]) -> dict[str, Region]:
    """The panels that are laid out, by id."""
    main = pilot.app.screen
    inside = [
        *main.query("#panels > *"),
        main.query_one("#title"),
        main.query_one("#headline"),
        main.query_one("#keys"),
    ]
    return {str(panel.id): panel.region for panel in inside if panel.display}


def check_layout(pilot: Pilot[None]) -> None:
    screen = Region(0, 0, *pilot.app.size)
    regions = panels(pilot)
    for name, region in regions.items():
        assert region.area, f"{name} has no room"
        assert screen.contains_region(region), f"{name} leaves the screen: {region}"
    for one, other in combinations(regions, 2):
        assert not regions[one].overlaps(regions[other]), f"{one} and {other} overlap"


@pytest.mark.parametrize("size", [*SIZES, *IN_BETWEEN])
async def test_a_result_is_whole_and_legible(opened: Open, size: tuple[int, int]) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], size) as pilot:
        await until(pilot, lambda: "90.16°" in screen_text(pilot))
        await until(pilot, lambda: any("⠀" < character <= "⣿" for character in screen_text(pilot)))
        check_layout(pilot)
        shown = {"outliers", "triangle", "statistics"} | (PLOTS if size[0] >= 110 and size[1] >= 46 else set())
        assert shown == set(panels(pilot)) - ALWAYS
        text = screen_text(pilot)
        for words in ("1.60828757", "71473", "48494", "927×", "886×", "9 outliers", "norms > 2", "0.7%", "46.21°",
                      "43.63°", "180.00°", "0.37029281", "0.00125222", "13 groups", "✓ done",
                      "q quit"):  # fmt: skip
            assert words in text, f"{words} is not on the screen:\n{text}"
        assert size not in SIZES or (
            "2,048–2,247" in text.replace("2048–2247", "2,048–2,247") and "1.16141760" in text
        ), "all nine batches are in view"


@pytest.mark.parametrize("size", [*SIZES, *IN_BETWEEN])
@pytest.mark.parametrize("problem", [None, "W.safetensors is a stone."])
async def test_a_notice_is_whole_and_legible(opened: Open, size: tuple[int, int], problem: str | None) -> None:
    async with opened([a_model(problem=problem)], size) as pilot:
        await until(pilot, lambda: (problem or "r starts the search") in screen_text(pilot))
        check_layout(pilot)
        assert {"notice"} == set(panels(pilot)) - ALWAYS


@pytest.mark.parametrize("size", SIZES)
async def test_without_models_the_screen_says_what_to_put_where(opened: Open, size: tuple[int, int]) -> None:
    async with opened([], size) as pilot:
        check_layout(pilot)
        for shown in ("no models", "/nowhere", "W.safetensors", "farpair demo"):
            assert shown in screen_text(pilot)


async def test_the_layout_follows_every_resize_in_the_middle_of_a_run(opened: Open) -> None:
    run = HandWritten(a_model())
    run.write(*started(alive=True), *published()[2:8])
    async with opened([a_model()]) as pilot:
        for size in (*SIZES, *reversed(SIZES), (100, 30)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: "1.60828757" in screen_text(pilot))
            check_layout(pilot)
        run.write(*published()[8:])
        await until(pilot, lambda: "90.16°" in screen_text(pilot))
        check_layout(pilot)


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (1, 1)])
async def test_a_terminal_far_too_small_is_survived(opened: Open, size: tuple[int, int]) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], size) as pilot:
        await pilot.press("j", "k", "pagedown", "question_mark")
        await pilot.resize_terminal(80, 24)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, MainScreen)
        await until(pilot, lambda: "1.60828757" in screen_text(pilot))
