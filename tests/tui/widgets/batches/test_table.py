"""The live table is sorted, filtered and read during a run, and the row that is read stays in its place."""

import msgspec
import pytest
from farpair.engine.events import AnyEvent, BatchBound, BatchDone, Measured, PairTriangle, RunEnded, TokenMeasure
from farpair.tui.widgets.batches import table as batch_table
from farpair.tui.widgets.batches.order import Sort
from farpair.tui.widgets.batches.rows import column_at, heading, shown_columns
from farpair.tui.widgets.batches.table import BatchTable
from farpair.tui.widgets.lines import plain
from farpair.tui.widgets.outliers import outlier_lines
from farpair.tui.widgets.triangle import triangle_lines
from support.notebook_numbers import BATCH_MAXIMA as MAXIMA
from support.published import HandWritten, a_model, analysed, named, published, settled, started, view_of
from textual.pilot import Pilot
from textual.widgets import Input
from tui.conftest import SIZES, Open, screen_text, until


def table(pilot: Pilot[None]) -> BatchTable:
    return pilot.app.screen_stack[0].query_one(BatchTable)


def rows(pilot: Pilot[None]) -> list[int]:
    """The batches in view, from the top, by their first row, which is a multiple of 16."""
    shown = table(pilot)
    return [shown._order.at(place) for place in range(len(shown._order))]


def line_of(pilot: Pilot[None], batch: int) -> int:
    """The line of the screen that a batch of 16 rows is on."""
    words = f" {16 * batch:,}–{16 * batch + 15:,} "
    return next(y for y, line in enumerate(screen_text(pilot).splitlines()) if words in line)


def done(batch: int, maximum: float, size: int = 16) -> BatchDone:
    whole = settled(0)
    return msgspec.structs.replace(
        whole, batch=batch, start=size * batch, end=size * (batch + 1), maximum=maximum, pairs=100, evaluated=1
    )


MEASURED = Measured(
    centroid_norm=0.5,
    tokens=(
        TokenMeasure(index=17, norm=1.1, norm_ratio=2.2, distance=0.8),
        TokenMeasure(index=256, norm=0.9, norm_ratio=1.8, distance=0.7),
    ),
    pairs=(PairTriangle(i=17, j=256, triangle=msgspec.structs.replace(analysed().triangle, at_centroid=77.77)),),
)


async def test_s_sorts_by_each_column_in_turn_and_shift_s_the_other_way(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    by_maximum = sorted(range(9), key=lambda batch: -MAXIMA[batch])
    async with opened([a_model()], (200, 50)) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        assert "rows▲" in screen_text(pilot)
        await pilot.press("s")
        assert "maximum▼" in screen_text(pilot)
        assert rows(pilot) == by_maximum
        await pilot.press("S")
        assert "maximum▲" in screen_text(pilot)
        assert rows(pilot) == by_maximum[::-1]
        for column in ("pair▲", "▼evaluated", "▼time", "settled by▲", "rows▲"):
            await pilot.press("s")
            assert column in screen_text(pilot)
        assert rows(pilot) == list(range(9))


async def test_a_narrow_table_sorts_by_the_columns_that_it_has(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()]) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        for column in ("maximum▼", "pair▲", "batch▲"):
            await pilot.press("s")
            assert column in screen_text(pilot)
        table(pilot).sort_by(Sort("time"))
        assert "by time ▲" in str(table(pilot).border_title)


@pytest.mark.parametrize("width", [44, 79, 118, 150, 196])
def test_what_is_under_a_heading_is_sorted_by_a_click_on_it(width: int) -> None:
    record = view_of(published()).record
    assert record is not None
    names = {"batch": ("batch", "rows"), "settled": ("settled by",)}
    for column in shown_columns(record, width):
        text = plain([heading(record, width, Sort(column))])
        name = next(name for name in names.get(column, (column,)) if name in text)
        assert text[text.index(name) - 1] == "▲" or text[text.index(name) + len(name)] == "▲"
        assert {column_at(record, width, text.index(name) + n) for n in range(len(name))} == {column}


async def test_a_click_on_a_heading_sorts_and_on_a_row_moves_the_cursor_then_chooses(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        await pilot.click("#batches", offset=(18, 1))
        assert table(pilot).sort == Sort("maximum", descending=True)
        await pilot.click("#batches", offset=(18, 1))
        assert table(pilot).sort == Sort("maximum")
        await pilot.click("#batches", offset=(18, 3))
        assert (table(pilot).cursor, table(pilot).chosen) == (2, None)
        await pilot.click("#batches", offset=(18, 3))
        assert table(pilot).chosen == 2


async def test_rows_that_settle_above_leave_the_row_under_the_cursor_on_its_line(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_table, "CALM", 0.05)
    run = HandWritten(a_model())
    run.write(*started(batch=16, alive=True), named())
    run.write(*(BatchBound(batch=b, lower=1.0 + b / 1000, i=14, j=17) for b in range(140)))
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "140 batches" in screen_text(pilot) or "/141 batches" in screen_text(pilot))
        await pilot.press("s", "pagedown", "pagedown", "pagedown", "up", "up")
        cursor = table(pilot).cursor
        assert cursor is not None
        line = line_of(pilot, cursor)
        run.write(*(done(batch, 2.0 + batch / 1000) for batch in range(3, 9)))
        await until(pilot, lambda: rows(pilot)[:6] == [8, 7, 6, 5, 4, 3])
        assert table(pilot).cursor == cursor
        assert line_of(pilot, cursor) == line
        run.write(done(cursor, 9.0))
        await until(pilot, lambda: rows(pilot)[0] == cursor)
        assert table(pilot).cursor == cursor
        assert "✓  9.00000000" in screen_text(pilot)


async def test_without_a_cursor_a_sorted_table_stays_at_its_top(opened: Open) -> None:
    run = HandWritten(a_model())
    run.write(*started(batch=16, alive=True), named())
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "0/141 batches" in screen_text(pilot))
        await pilot.press("s")
        run.write(done(100, 1.5), done(120, 1.7))
        await until(pilot, lambda: rows(pilot)[:2] == [120, 100])
        assert table(pilot).scroll_y == 0
        await pilot.press("s", "s")
        assert table(pilot).sort == Sort("evaluated", descending=True)


async def test_rows_change_places_at_most_so_often_and_come_to_rest_when_the_run_does(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_table, "CALM", 3600.0)
    run = HandWritten(a_model())
    run.write(*started(batch=16, alive=True), named())
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "0/141 batches" in screen_text(pilot))
        await pilot.press("s")
        run.write(done(2, 1.5))
        await until(pilot, lambda: "1.50000000" in screen_text(pilot))
        assert rows(pilot)[:3] == [0, 1, 2], "the row says what is new, in its place"
        run.write(RunEnded(outcome="cancelled", reason="Stopped."))
        await until(pilot, lambda: rows(pilot)[0] == 2)


async def test_a_filter_is_typed_below_counts_its_rows_and_esc_shows_all_again(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        await pilot.press("slash", *">1.2")
        await until(pilot, lambda: "3 of 9 match >1.2" in screen_text(pilot))
        assert rows(pilot) == [0, 5, 7]
        await pilot.press("down", "down")
        assert table(pilot).cursor == 5
        await pilot.press("enter")
        assert not pilot.app.screen.query(Input)
        assert rows(pilot) == [0, 5, 7]
        assert "q quit" in screen_text(pilot)
        await pilot.press("escape")
        assert rows(pilot) == list(range(9))
        assert table(pilot).cursor == 5
        await pilot.press("escape")
        assert table(pilot).cursor is None


async def test_a_filter_that_is_wrong_or_matches_nothing_says_so_and_letters_are_letters_there(
    opened: Open,
) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        await pilot.press("slash", *"qxrms")
        await until(pilot, lambda: "No batch matches" in screen_text(pilot))
        assert "0 of 9 match qxrms" in screen_text(pilot)
        await pilot.press(*["backspace"] * 5, *">")
        await until(pilot, lambda: "After > comes a number." in screen_text(pilot))
        assert rows(pilot) == list(range(9))
        await pilot.press("escape")
        assert "After >" not in screen_text(pilot)
        assert rows(pilot) == list(range(9))


async def test_what_is_typed_as_a_filter_is_never_markup(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        await pilot.press("slash", *"[red]x[/")
        await until(pilot, lambda: "0 of 9 match [red]x[/" in screen_text(pilot))


async def test_a_row_that_is_being_read_stays_when_it_no_longer_matches(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_table, "CALM", 0.05)
    run = HandWritten(a_model())
    run.write(*started(alive=True), named(), settled(0))
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "1/9 batches" in screen_text(pilot))
        await pilot.press("slash", *"open", "enter", "home", "down")
        assert table(pilot).cursor == 2
        run.write(settled(1), settled(2), settled(3))
        await until(pilot, lambda: rows(pilot) == [2, 4, 5, 6, 7, 8])
        assert table(pilot).cursor == 2
        await pilot.press("down")
        assert (table(pilot).cursor, rows(pilot)) == (4, [4, 5, 6, 7, 8])


@pytest.mark.parametrize("size", SIZES)
async def test_enter_shows_the_batchs_own_pair_and_esc_the_whole_clusters_again(
    opened: Open, size: tuple[int, int]
) -> None:
    events = published()
    HandWritten(a_model()).write(*events[:-1], MEASURED, events[-1])
    async with opened([a_model()], size) as pilot:
        await until(pilot, lambda: "90.16°" in screen_text(pilot))
        await pilot.press("home", "down", "enter")
        await until(pilot, lambda: "77.77°" in screen_text(pilot))
        text = screen_text(pilot)
        for shown in ("outliers · batch 1's pair", "triangle · batch 1's pair", "batch 1", "256–511", "1.10000000",
                      "0.75000000", "2.20×", "no", "esc: the whole cluster's pair"):  # fmt: skip
            assert shown in text, f"{shown} is not on the screen:\n{text}"
        await pilot.press("down")
        await until(pilot, lambda: "batch 2's pair" in screen_text(pilot))
        assert "before their norms" in " ".join(screen_text(pilot).split()) or size[0] == 80
        await pilot.press("escape")
        await until(pilot, lambda: "90.16°" in screen_text(pilot))
        assert "'s pair" not in screen_text(pilot)
        assert table(pilot).cursor == 2


async def test_a_batch_of_a_run_that_was_stopped_can_be_looked_at_too(opened: Open) -> None:
    stopped = RunEnded(outcome="cancelled", reason="Stopped.")
    HandWritten(a_model()).write(*started(), named(), settled(0), settled(1), MEASURED, stopped)
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "r runs it again" in screen_text(pilot))
        await pilot.press("home", "down", "enter")
        await until(pilot, lambda: "77.77°" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "r runs it again" in screen_text(pilot))


async def test_another_model_shows_its_whole_cluster(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    other = a_model("other", problem="It is broken.")
    async with opened([a_model(), other], (120, 36)) as pilot:
        await until(pilot, lambda: "90.16°" in screen_text(pilot))
        await pilot.press("home", "down", "enter", "2", "1")
        await until(pilot, lambda: "90.16°" in screen_text(pilot))
        assert (table(pilot).cursor, table(pilot).chosen) == (None, None)


ROOMS = [(34, 10), (34, 14), (42, 18), (76, 21), (116, 33)]


def chosen(batch: int, *events: AnyEvent) -> str:
    view = view_of([*started(), named(), *events], chosen=batch)
    texts = []
    for width, height in ROOMS:
        lines = outlier_lines(view, width, height)
        assert len(lines) <= height
        texts.append(" ".join(plain(lines).split()))
        assert len(triangle_lines(view, width, height)) <= height
    return "\n".join(texts)


def test_a_batch_without_a_pair_or_with_a_bound_alone_is_said_to_be_so() -> None:
    assert chosen(4).count("No pair of it has been looked at yet.") == len(ROOMS)
    bound = chosen(0, BatchBound(batch=0, lower=1.5, i=14, j=17))
    assert bound.count("at least 1.50000000") == len(ROOMS)
    assert bound.count("measured while the search goes on") == len(ROOMS)
    assert chosen(0, settled(0)).count("distance 1.60828757") == len(ROOMS)
