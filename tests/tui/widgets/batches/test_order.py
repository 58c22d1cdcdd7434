"""The order of the batches is updated as they settle, and always equals a full sort."""

import random
import time

import msgspec
import pytest
from farpair.engine.events import BatchBound, BatchDone, Named, Token
from farpair.engine.journal.record import RunRecord
from farpair.tui.widgets.batches.filter import Filter, parse_filter
from farpair.tui.widgets.batches.order import COLUMNS, BatchOrder, Column, Sort, first_sort
from hypothesis import given, settings
from hypothesis import strategies as st
from support.published import published, started, view_of

N = 24


def a_run(batches: int = N) -> RunRecord:
    record = RunRecord()
    for event in started(n=batches * 10, batch=10):
        record.apply(0.0, event)
    record.apply(0.0, Named(tokens=tuple(Token(index=i, id=1000 - i, text=f"t{i % 7}") for i in range(50))))
    return record


def bound(batch: int, lower: float, j: int) -> BatchBound:
    return BatchBound(batch=batch, lower=lower, i=j, j=j + 1)


def done(batch: int, maximum: float, j: int) -> BatchDone:
    return BatchDone(
        batch=batch,
        start=batch * 10,
        end=batch * 10 + 10,
        maximum=maximum,
        i=j,
        j=j + 1,
        pairs=100,
        evaluated=j,
        seconds=float(j % 5),
        settled=("bounds", "screening", "float64")[j % 3],
    )


def by_hand(record: RunRecord, column: Column) -> dict[int, tuple[float, ...] | None]:
    """What each batch has in a column, the dull way."""
    values: dict[int, tuple[float, ...] | None] = {}
    for row in record.batches:
        ids = (1000 - row.i, 1000 - row.j) if row.i is not None and row.j is not None else None
        ended = row.done
        values[row.batch] = {
            "batch": (row.batch,),
            "maximum": None if row.value is None else (row.value,),
            "pair": ids,
            "evaluated": (ended.evaluated,) if ended else None,
            "time": (ended.seconds,) if ended else None,
            "settled": (["bounds", "screening", "float64"].index(ended.settled),) if ended else None,
        }[column]
    return values


maxima = st.sampled_from([0.5, 1.0, 1.5])
steps = st.lists(st.tuples(st.booleans(), st.integers(0, N - 1), maxima, st.integers(0, 48)), max_size=40)


@settings(deadline=None)
@given(st.lists(steps, max_size=4), st.sampled_from(COLUMNS), st.booleans())
def test_the_order_kept_up_is_the_order_made_anew(
    rounds: list[list[tuple[bool, int, float, int]]], column: Column, descending: bool
) -> None:
    record, order = a_run(), BatchOrder()
    order.arrange(record, Sort(column, descending), Filter())
    for events in [[], *rounds]:
        for ends, batch, value, j in events:
            record.apply(0.0, done(batch, value, j) if ends else bound(batch, value, j))
        order.catch_up()
        values = by_hand(record, column)
        known = [batch for batch in values if values[batch] is not None]
        known.sort(key=lambda batch: values[batch] or (), reverse=descending)  # equal ones stay in their order
        expected = known + [batch for batch in values if values[batch] is None]
        assert [order.at(place) for place in range(len(order))] == expected
        assert [order.place_of(batch) for batch in expected] == list(range(N))


@settings(deadline=None)
@given(st.lists(steps, max_size=3), st.sampled_from(["open", "settled", ">0.9", "t3", "5-11", "990"]))
def test_the_batches_kept_up_are_those_that_match(
    rounds: list[list[tuple[bool, int, float, int]]], text: str
) -> None:
    record, order, filter = a_run(), BatchOrder(), parse_filter(text)
    order.arrange(record, Sort("maximum", descending=True), filter)
    for events in rounds:
        for ends, batch, value, j in events:
            record.apply(0.0, done(batch, value, j) if ends else bound(batch, value, j))
        order.catch_up()
        expected = {row.batch for row in record.batches if filter.admits(record, row)}
        assert {order.at(place) for place in range(len(order))} == expected
        assert all(order.place_of(batch) is None for batch in set(range(N)) - expected)


def test_a_batch_that_is_kept_stays_though_it_no_longer_matches_until_another_is() -> None:
    record, order = a_run(), BatchOrder()
    order.arrange(record, Sort(), parse_filter("open"))
    order.keep(3)
    record.apply(0.0, done(3, 1.0, 4))
    record.apply(0.0, done(5, 1.0, 4))
    order.catch_up()
    assert [order.at(place) for place in range(4)] == [0, 1, 2, 3]
    assert (order.place_of(3), order.place_of(5)) == (3, None)
    order.keep(7)
    assert order.place_of(3) is None


def test_every_column_of_the_published_run_is_sorted_as_a_person_looks_for_it() -> None:
    record = view_of(published()).record
    order = BatchOrder()

    def first(column: Column) -> int:
        order.arrange(record, first_sort(column), Filter())
        return order.at(0)

    assert [first(column) for column in ("batch", "maximum")] == [0, 0]
    order.arrange(record, Sort("maximum"), Filter())
    assert order.at(0) == 8, "1.16141760 is the smallest"


def test_no_record_has_no_batches() -> None:
    order = BatchOrder()
    order.arrange(None, Sort("maximum"), parse_filter("open"))
    order.catch_up()
    assert (len(order), order.behind(), order.place_of(0)) == (0, False, None)


def steps_for(batches: int, sort: Sort) -> float:
    """Seconds for each of 400 batches that settle one after the other, of so many."""
    record, order = a_run(batches), BatchOrder()
    order.arrange(record, sort, parse_filter(">0"))
    values = random.Random(1).sample(range(10**6), 400)
    for batch in range(batches):
        record.apply(0.0, bound(batch, 1.0 + batch / 1e7, batch % 40))
    order.catch_up()
    began = time.process_time()
    for batch, value in enumerate(values):
        record.apply(0.0, msgspec.structs.replace(done(batch, 1 + value / 1e6, batch % 40)))
        order.catch_up()
    return (time.process_time() - began) / len(values)


@pytest.mark.parametrize("column", ["maximum", "time"])
def test_a_batch_that_settles_costs_little_more_among_ten_thousand_than_among_four_hundred(
    column: Column,
) -> None:
    few = min(steps_for(400, first_sort(column)) for _ in range(3))
    many = min(steps_for(10_000, first_sort(column)) for _ in range(3))
    assert many < 8 * few + 1e-4
