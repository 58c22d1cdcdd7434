"""The rows of the live table show what is proved, what is a bound, and which batches hold the pair, at any
width."""

import msgspec
import pytest
from farpair.engine.events import AnyEvent, BatchBound
from farpair.tui.widgets.batches.rows import batch_line, columns, heading
from farpair.tui.widgets.lines import plain, width_of
from support.published import named, pair_found, published, settled, started, view_of

WIDTHS = [44, 79, 150]


def row(events: list[AnyEvent], index: int, width: int) -> str:
    view = view_of(events)
    assert view.record is not None
    return plain([batch_line(view.record, index, view.best, width)])


@pytest.mark.parametrize("width", WIDTHS)
def test_the_table_shows_every_published_maximum_with_its_rows(width: int) -> None:
    lines = [row(published(), index, width) for index in range(9)]
    for index, maximum in enumerate(("1.60828757", "1.16175008", "1.16141784", "1.16141856", "1.19637430",
                                     "1.25368178", "1.16413260", "1.21384871", "1.16141760")):  # fmt: skip
        assert f"✓ {maximum}" in lines[index].replace("✓  ", "✓ ")
        between = f"{256 * index:,}–{min(256 * (index + 1), 2248) - 1:,}"
        assert (between if width >= 60 else between.replace(",", "")) in lines[index]
    assert [line[0] for line in lines] == ["★", *" " * 8]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_batch_is_waiting_then_a_lower_bound_then_proved(width: int) -> None:
    bound = BatchBound(batch=0, lower=1.5, i=14, j=17)
    assert "·" in row(started(), 0, width)
    assert " ≥ 1.50000000 " in " ".join(row([*started(), named(), bound], 0, width).split())
    assert " ✓ 1.60828757 " in " ".join(row([*started(), named(), bound, settled(0)], 0, width).split())


@pytest.mark.parametrize("width", WIDTHS)
def test_rows_and_their_heading_fit(width: int) -> None:
    record = view_of(published()).record
    assert record is not None
    assert width_of(heading(record, width)) == width
    assert all(width_of(batch_line(record, index, None, width)) <= width for index in range(9))
    assert "48494" in row(published(), 0, width)
    assert "71473" in row(published(), 0, width)


def test_wider_tables_add_texts_costs_and_what_settled_a_batch() -> None:
    assert "██取" not in row(published(), 0, 44)
    assert "██取" in row(published(), 0, 79)
    assert "12 ms" in row(published(), 0, 79)
    assert "float64" in row(published(), 0, 150)


def test_without_texts_the_ids_stand_side_by_side() -> None:
    assert "48494 · 71473" in row([*started(), named({}), settled(0)], 0, 150)


def test_every_batch_that_holds_the_pair_has_a_star() -> None:
    again = msgspec.structs.replace(settled(3), i=14, j=17)
    events = [*started(), named(), settled(0), again, pair_found()]
    assert [row(events, index, 79)[0] for index in (0, 1, 3)] == ["★", " ", "★"]


def test_ids_stand_together_where_a_full_vocabulary_leaves_little_room() -> None:
    record = view_of(started(n=151_936)).record
    assert record is not None
    assert columns(record, 44).pair >= len("151643·151644")


def test_the_largest_batch_so_far_leads_and_the_first_among_equals() -> None:
    def leader(*events: AnyEvent) -> int | None:
        best = view_of([*started(), *events]).best
        return best.batch if best else None

    def bound(batch: int, lower: float) -> AnyEvent:
        return BatchBound(batch=batch, lower=lower, i=0, j=1)

    assert leader() is None
    assert leader(bound(3, 1.0)) == 3
    assert leader(bound(3, 1.0), bound(2, 1.0), bound(5, 1.0)) == 2
    assert leader(bound(3, 1.0), bound(4, 1.1), settled(1)) == 1
    assert leader(settled(5), settled(0), settled(1)) == 0
