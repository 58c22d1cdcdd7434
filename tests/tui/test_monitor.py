"""Journals become screens: new events are drawn, damage is reported, and a long journal is no burden."""

import time

import pytest
from farpair.engine.events import BatchBound, BatchDone, Named, RunEnded, Token
from farpair.tui.app_state import AllChanged, ModelChanged
from farpair.tui.messages import StateChanged
from farpair.tui.screens.main import MainScreen
from farpair.tui.view import View
from farpair.tui.widgets.batches.table import BatchTable
from farpair.tui.widgets.outliers import Outliers
from support.published import HandWritten, a_model, analysed, named, pair_found, published, settled, started
from tui.conftest import SIZES, Open, screen_text, until


def test_messages_of_one_model_replace_each_other_in_the_queue() -> None:
    one, again, other = (StateChanged(ModelChanged(index, View(a_model()))) for index in (1, 1, 2))
    everything = StateChanged(AllChanged((View(a_model()),), 0))
    assert again.can_replace(one)
    assert not other.can_replace(one)
    assert everything.can_replace(one)
    assert not one.can_replace(everything)


@pytest.mark.parametrize("size", SIZES)
async def test_the_screen_goes_through_a_run_event_by_event(opened: Open, size: tuple[int, int]) -> None:
    run = HandWritten(a_model())
    engine, rows = started(alive=True)
    run.write(engine)
    async with opened([a_model()], size) as pilot:

        async def sees(*words: str) -> None:
            await until(pilot, lambda: all(word in screen_text(pilot) for word in words))

        await sees("starting the engine", "● starting")
        run.write(rows, named(), BatchBound(batch=0, lower=1.5, i=14, j=17))
        await sees("0/9 batches", "1.50000000", "at least", "2,248 × 2,560")
        run.write(settled(0), settled(1))
        await sees("2/9 batches", "✓", "1.16175008")
        run.write(pair_found())
        await sees("the pair is found; measuring")
        run.write(analysed(), RunEnded(outcome="done", reason="The pair is found."))
        await sees("✓ done", "90.16°", "✓ 1.60828757", "13 groups")


async def test_a_model_analysed_before_shows_its_result_with_its_date(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        assert f"✓ done  {time.strftime('%d %b %Y')}" in screen_text(pilot)


async def test_the_newest_run_is_shown_and_its_progress_goes_on_behind_another_model(opened: Open) -> None:
    other = a_model("other", problem="It is broken.")
    run = HandWritten(a_model())
    run.write(*started(alive=True), named())
    async with opened([other, a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "● 0%" in screen_text(pilot))
        run.write(*(settled(batch) for batch in range(6)))
        await until(pilot, lambda: "● 66%" in screen_text(pilot))
        assert "It is broken." in screen_text(pilot)
        await pilot.press("2")
        await until(pilot, lambda: "6/9 batches" in screen_text(pilot))


async def test_an_engine_that_is_gone_is_told_from_one_that_works(opened: Open) -> None:
    HandWritten(a_model()).write(*started(), named(), settled(0))
    async with opened([a_model()]) as pilot:
        await until(pilot, lambda: "the engine died" in screen_text(pilot))
        text = " ".join(screen_text(pilot).split())
        assert "1 of 9 batches are kept" in text
        assert "r runs it again" in text


async def test_a_line_that_is_no_event_is_a_sentence_naming_file_and_line(opened: Open) -> None:
    run = HandWritten(a_model())
    run.write(*started(alive=True))
    with run.run.journal.open("a") as journal:
        journal.write("this is no event\n")
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "line 3, is not an event" in " ".join(screen_text(pilot).split()))
        await pilot.press("j", "k", "n", "escape")
        assert isinstance(pilot.app.screen, MainScreen)


async def test_a_journal_that_names_rows_that_are_not_there_does_no_harm(opened: Open) -> None:
    run = HandWritten(a_model())
    far = analysed(norms=analysed().norms.__class__(minimum=1e308, maximum=0.0, median=0.0, mean=1e-320))
    run.write(*started(), BatchBound(batch=0, lower=1e300, i=10**9, j=10**9), pair_found(), far)
    run.write(RunEnded(outcome="done", reason="Done."))
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))


async def test_a_negative_row_is_a_sentence(opened: Open) -> None:
    HandWritten(a_model()).write(*started(), BatchBound(batch=0, lower=1.0, i=-5, j=3))
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "line 3, is not an event" in " ".join(screen_text(pilot).split()))


async def test_a_panel_that_meets_a_fault_says_so_and_the_others_stand(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def faulty(*_: object) -> None:
        raise ValueError("[red]no such number")

    monkeypatch.setattr(Outliers, "view_lines", faulty)
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "90.16°" in screen_text(pilot))
        assert "ValueError('[red]no" in screen_text(pilot)


async def test_a_worker_that_fails_is_a_sentence_and_not_the_end(opened: Open) -> None:
    async def fails() -> None:
        raise RuntimeError("[bold]unforeseen")

    async with opened([a_model()], (120, 36)) as pilot:
        pilot.app.run_worker(fails(), exit_on_error=False)
        await until(pilot, lambda: "[bold]unforeseen" in screen_text(pilot))
        assert pilot.app.is_running


async def test_ten_thousand_batches_are_shown_and_walked_through(opened: Open) -> None:
    run = HandWritten(a_model())
    run.write(*started(n=150_000, batch=15))
    for batch in range(10_000):
        i = batch * 15
        run.write(Named(tokens=(Token(index=i, id=i, text=f"token {i}"),)))
        run.write(BatchBound(batch=batch, lower=1.0, i=i, j=i + 1))
        run.write(BatchDone(batch=batch, start=i, end=i + 15, maximum=1.0 + batch / 1e6, i=i, j=i + 1, pairs=15,
                            evaluated=1, seconds=0.0, settled="bounds"))  # fmt: skip
    async with opened([a_model()], (200, 50)) as pilot:
        await until(pilot, lambda: "149,985–149,999" in screen_text(pilot))
        assert "1.00999900" in screen_text(pilot)
        await pilot.press("home")
        assert " 0–14 " in screen_text(pilot)
        await pilot.press("end", "pageup", "k")
        table = pilot.app.screen.query_one(BatchTable)
        assert table.cursor == 9999 - (table.size.height - 2) - 1
