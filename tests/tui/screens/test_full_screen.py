"""Any panel can be marked, fill the screen with more contents, and be restored, at every size."""

import pytest
from farpair.engine.events import RunEnded
from support.published import HandWritten, a_model, named, published, settled, started
from textual.pilot import Pilot
from tui.conftest import SIZES, Open, screen_text, until
from tui.screens.test_layout import check_layout, panels

RESULT = ["batches", "outliers", "triangle", "statistics", "models"]


def marked(pilot: Pilot[None]) -> list[str]:
    return [str(panel.id) for panel in pilot.app.screen_stack[0].query("#panels > .-marked")]


async def shown_when_done(pilot: Pilot[None]) -> None:
    await until(pilot, lambda: "90.16°" in screen_text(pilot))


async def test_tab_marks_the_panels_in_turn_and_shift_tab_backwards(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await shown_when_done(pilot)
        assert marked(pilot) == []
        seen = []
        for _ in range(6):
            await pilot.press("tab")
            seen += marked(pilot)
        assert seen == [*RESULT, "batches"]
        await pilot.press("shift+tab")
        assert marked(pilot) == ["models"]
        await pilot.press("escape")
        assert marked(pilot) == []


async def test_a_click_marks_a_panel(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await shown_when_done(pilot)
        await pilot.click("#triangle")
        assert marked(pilot) == ["triangle"]


@pytest.mark.parametrize("size", SIZES)
async def test_f_lets_each_panel_fill_the_screen_and_gives_it_back(opened: Open, size: tuple[int, int]) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], size) as pilot:
        await shown_when_done(pilot)
        whole = panels(pilot)
        ring = [*RESULT[:4], "maxima", "distances", "ladder", "models"] if size == SIZES[2] else RESULT
        for panel in ring:
            await pilot.press("tab", "f")
            await until(pilot, lambda panel=panel: set(panels(pilot)) == {panel, "title", "headline", "keys"})  # type: ignore[misc]
            check_layout(pilot)
            assert panels(pilot)[panel].size == (size[0], size[1] - 3)
            await pilot.press("f" if panel == "triangle" else "escape")
            await until(pilot, lambda: panels(pilot) == whole)
            if panel != "triangle":
                assert marked(pilot) == [panel]


async def test_f_alone_shows_the_table_and_tab_goes_on_to_the_other_panels(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await shown_when_done(pilot)
        await pilot.press("f")
        await until(pilot, lambda: "2,806 of 280,625" in screen_text(pilot))
        assert "float64" in screen_text(pilot)
        await pilot.press("tab")
        await until(pilot, lambda: "to the last digit" in screen_text(pilot))
        assert "1.21912193" in screen_text(pilot)
        assert "0.35460579 less" in screen_text(pilot)
        await pilot.press("tab", "tab")
        await until(pilot, lambda: "0.37091675" in screen_text(pilot))


async def test_a_resize_keeps_the_panel_that_fills_the_screen(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()]) as pilot:
        await shown_when_done(pilot)
        await pilot.press("tab", "tab", "f")
        for size in (*SIZES, *reversed(SIZES)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: panels(pilot)["outliers"].size == (size[0], size[1] - 3))  # type: ignore[misc]
            check_layout(pilot)
        await pilot.press("f")
        await until(pilot, lambda: "triangle" in panels(pilot))
        check_layout(pilot)


async def test_a_panel_that_is_taken_away_gives_the_screen_back(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    broken = a_model("other", problem="It is broken.")
    async with opened([a_model(), broken], (120, 36)) as pilot:
        await shown_when_done(pilot)
        await pilot.press("tab", "tab", "f", "2")
        await until(pilot, lambda: "It is broken." in screen_text(pilot))
        check_layout(pilot)
        assert marked(pilot) == []


async def test_the_notice_can_fill_the_screen_where_there_is_no_result(opened: Open) -> None:
    stopped = RunEnded(outcome="cancelled", reason="Stopped.")
    HandWritten(a_model()).write(*started(), named(), settled(0), stopped)
    async with opened([a_model()]) as pilot:
        await until(pilot, lambda: "r runs it again" in screen_text(pilot))
        await pilot.press("tab", "tab", "f")
        assert marked(pilot) == ["notice"]
        await until(pilot, lambda: set(panels(pilot)) == {"notice", "title", "headline", "keys"})
        assert "r runs it again" in screen_text(pilot)
