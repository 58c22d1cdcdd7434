"""Runs on one device wait for one another, and each shows its place in the queue everywhere."""

from pathlib import Path

import pytest
from farpair.engine.events import Queued, RunEnded
from farpair.engine.models.discovery import model_at
from farpair.tui.app import FarpairApp
from farpair.tui.view import View
from farpair.tui.widgets.lines import plain, width_of
from farpair.tui.widgets.model_list import model_line, model_lines, status
from farpair.tui.widgets.notice import notice_lines
from farpair.tui.widgets.progress import progress_line
from farpair.tui.widgets.status import place
from support.fixtures import build_small_model
from support.published import a_model, published, started, view_of
from support.running import long_request
from tui.conftest import Open, screen_text, until

BEHIND = "20261122-185400-Qwen2.5-3B_\x1b[31m-0a1b"


def waiting(ahead: int, behind: str | None = BEHIND) -> View:
    return view_of([*started()[:1], Queued(ahead=ahead, behind=behind)])


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (1, "2nd in line"),
        (2, "3rd in line"),
        (3, "4th in line"),
        (10, "11th in line"),
        (12, "13th in line"),
        (20, "21st in line"),
        (111, "112th in line"),
    ],
)
def test_a_place_in_line_is_counted_with_the_run_that_goes_on(ahead: int, words: str) -> None:
    assert place(Queued(ahead=ahead)) == words


def test_list_progress_and_notice_say_where_the_run_stands_and_behind_whose() -> None:
    view = waiting(1)
    assert status(view)[0] == "◌ 2nd in line"
    assert "2nd in line" in plain(model_lines([view], 0, 34, 3))
    assert "2nd in line" in plain([model_line([view], 0, 78)])
    for text in (plain([progress_line(view, 78)]), " ".join(plain(notice_lines(view, 78, 8)).split())):
        assert r"queued behind Qwen2.5-3B_\x1b[31m" in text
    assert "It starts by itself" in plain(notice_lines(view, 78, 8))
    assert "x takes it out" in " ".join(plain(notice_lines(view, 78, 8)).split())


@pytest.mark.parametrize("behind", [None, "", "no run at all"])
def test_a_run_behind_one_that_cannot_be_named_is_in_line_all_the_same(behind: str | None) -> None:
    assert "2nd in line" in plain([progress_line(waiting(1, behind), 78)])


def test_once_its_turn_has_come_it_is_as_any_other() -> None:
    view = view_of([*started()[:1], Queued(ahead=1, behind=BEHIND), Queued(ahead=0)])
    assert status(view)[0] == "● starting"
    stopped = view_of(
        [*started()[:1], Queued(ahead=1, behind=BEHIND), RunEnded(outcome="cancelled", reason="Stopped.")]
    )
    assert status(stopped)[0] == "■ stopped"


def test_a_list_with_room_has_the_date_of_each_models_newest_run() -> None:
    views = [view_of(published()), waiting(1), View(a_model("new"))]
    lines = model_lines(views, 0, 76, 5)
    assert "22 Nov 2025" in plain(lines[:1])
    assert "Nov" not in plain(lines[1:])
    assert {width_of(line) for line in lines} == {76}
    assert "22 Nov 2025" not in plain(model_lines(views, 0, 34, 5))


async def test_several_runs_queue_in_the_order_asked_and_the_next_begins_when_one_is_stopped(
    opened: Open, tmp_path: Path
) -> None:
    slow = long_request(tmp_path / "long").settings
    models = [model_at(tmp_path / "long")]
    models += [model_at(build_small_model(tmp_path / name, seed=n)) for n, name in enumerate(("second", "third"))]
    async with opened(models, (120, 36)) as pilot:
        assert isinstance(pilot.app, FarpairApp)
        pilot.app.state.use(slow)
        await pilot.press("r")
        await until(pilot, lambda: " left" in screen_text(pilot))
        await pilot.press("2", "r")
        await until(pilot, lambda: "2nd in line" in screen_text(pilot))
        await until(pilot, lambda: "queued behind long" in screen_text(pilot))
        await pilot.press("3", "r")
        await until(pilot, lambda: "3rd in line" in screen_text(pilot))
        assert "queued behind second" in screen_text(pilot)
        assert "2nd in line" in screen_text(pilot)
        await pilot.press("1", "x")
        await until(pilot, lambda: screen_text(pilot).count("✓") >= 2)
        await pilot.press("3")
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        second, third = (watched.record for watched in pilot.app.state.watched[1:])
        assert second is not None
        assert third is not None
        assert second.last_time is not None
        assert third.last_time is not None
        assert second.last_time < third.last_time
