"""The plots' place on the screen: p shows the next plot, f fills the screen, and all are shown where there is
room."""

from pathlib import Path

import msgspec
import pytest
from farpair.tui.screens.main import MainScreen
from farpair.tui.screens.page import PageText
from support.published import (
    HandWritten,
    a_model,
    analysed,
    done,
    ladder,
    named,
    pair_found,
    published,
    settled,
    started,
)
from textual.pilot import Pilot
from tui.conftest import SIZES, Open, screen_text, until

RESULTS = ("statistics", "maxima", "distances", "ladder")


def places(pilot: Pilot[None]) -> list[str]:
    """Which of the cluster's numbers and the plots have room on the screen."""
    return [name for name in RESULTS if pilot.app.screen_stack[0].query_one(f"#{name}").region.area]


@pytest.mark.parametrize("size", SIZES[:2])
async def test_p_turns_the_last_place_from_the_numbers_to_each_plot_and_back(
    opened: Open, size: tuple[int, int]
) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], size) as pilot:
        await until(pilot, lambda: "cluster · p for more" in screen_text(pilot))
        seen = [places(pilot)]
        for words in ("1.38 × the least", "outliers of", "Diameter 1.61", "0.37029281"):
            await pilot.press("p")
            await until(pilot, lambda words=words: words in screen_text(pilot))  # type: ignore[misc]
            seen.append(places(pilot))
        assert seen == [["statistics"], ["maxima"], ["distances"], ["ladder"], ["statistics"]]


async def test_a_large_screen_has_room_for_all_and_p_marks_the_next_plot(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (200, 50)) as pilot:
        await until(pilot, lambda: "Diameter 1.61" in screen_text(pilot))
        assert places(pilot) == list(RESULTS)
        await pilot.press("p", "f")
        await until(pilot, lambda: places(pilot) == ["maxima"])
        await pilot.press("p", "p")
        await until(pilot, lambda: places(pilot) == ["ladder"])
        assert "★      9  0.00169000  99999 'far'" in screen_text(pilot)
        await pilot.press("f")
        await until(pilot, lambda: places(pilot) == list(RESULTS))


async def test_the_plots_follow_the_size_of_the_terminal(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()]) as pilot:
        await pilot.press("p", "p")
        for size, wanted in (((200, 50), list(RESULTS)), ((80, 24), ["distances"]), ((120, 60), list(RESULTS))):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda wanted=wanted: places(pilot) == wanted)  # type: ignore[misc]


async def test_while_the_search_goes_on_the_line_of_maxima_has_the_place_of_numbers_to_come(opened: Open) -> None:
    run = HandWritten(a_model())
    run.write(*started(alive=True), named(), settled(0), settled(1))
    async with opened([a_model()]) as pilot:
        await until(pilot, lambda: "2 of 9 settled" in screen_text(pilot))
        assert places(pilot) == ["maxima"]
        run.write(*(settled(batch) for batch in range(2, 9)), pair_found(), analysed(), ladder(), done())
        await until(pilot, lambda: places(pilot) == ["statistics"])


async def test_a_plot_in_the_way_of_a_notice_gives_way(opened: Open) -> None:
    async with opened([a_model()]) as pilot:
        await pilot.press("p")
        assert places(pilot) == []
        assert "r starts the search" in screen_text(pilot)


@pytest.mark.parametrize("size", SIZES)
async def test_c_lays_two_models_side_by_side_number_by_number(opened: Open, size: tuple[int, int]) -> None:
    one, two, three = (
        msgspec.structs.replace(a_model(name), weights=Path(f"/nowhere/{name}/W.safetensors"))
        for name in ("alpha", "beta", "gamma")
    )
    for number, (model, mean) in enumerate(((one, 1.25), (two, 1.0))):
        events = [*published()[:-3], analysed(mean_distance=mean), ladder(outside=9 - number), done()]
        HandWritten(model, number).write(*events)
    async with opened([one, two, three], size) as pilot:
        await until(pilot, lambda: all(watched.record for watched in pilot.app.state.watched[:2]))  # type: ignore[attr-defined]
        await pilot.press("c", "enter")
        await until(pilot, lambda: "second − first" in screen_text(pilot))
        lines = [" ".join(line.split()) for line in screen_text(pilot).splitlines()]
        assert any("distance 1.60828757 1.60828757 same" in line for line in lines)
        await pilot.press("down", "down", "end")
        await until(pilot, lambda: "outliers" in screen_text(pilot))
        lines = [" ".join(line.split()) for line in screen_text(pilot).splitlines()]
        assert any("outliers 9 8 −1" in line for line in lines)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, MainScreen)

        await pilot.press("c", *"gamma", "enter")
        await until(pilot, lambda: "gamma has no result" in screen_text(pilot))
        assert pilot.app.screen.query_one(PageText)
        await pilot.press("c")
        assert isinstance(pilot.app.screen, MainScreen)


async def test_c_with_one_model_says_that_there_is_no_second(opened: Open) -> None:
    async with opened([a_model()]) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: "no second model" in screen_text(pilot))
