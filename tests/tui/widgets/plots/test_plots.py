"""Plots are complete at every size, their labels never overlap, and what they show agrees with their axes."""

import math

import msgspec
import pytest
from farpair.engine.events import BatchBound, Histogram, Rung
from farpair.tui.view import View
from farpair.tui.widgets.lines import Line, plain, width_of
from farpair.tui.widgets.plots.axes import Axis, label_row, labels
from farpair.tui.widgets.plots.histogram import EIGHTHS, distance_lines, merged
from farpair.tui.widgets.plots.ladder import ladder_lines
from farpair.tui.widgets.plots.maxima import maxima_lines
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn import dots
from support.published import (
    analysed,
    done,
    ladder,
    named,
    pair_found,
    progress,
    published,
    settled,
    started,
    view_of,
)

ROOMS = [(34, 8), (37, 14), (73, 18), (64, 11), (200, 46)]
PLOTS = [maxima_lines, distance_lines, ladder_lines]

widths, heights = st.integers(1, 200), st.integers(1, 50)
magnitudes = st.floats(-290, 290)


def fits(lines: list[Line], width: int, height: int) -> bool:
    return len(lines) <= height and all(width_of(line) <= width for line in lines)


@pytest.mark.parametrize(("width", "height"), ROOMS)
@pytest.mark.parametrize("plot", PLOTS)
def test_a_plot_of_the_published_run_fits_and_is_drawn(plot: object, width: int, height: int) -> None:
    lines = plot(view_of(published()), width, height)  # type: ignore[operator]
    assert fits(lines, width, height)
    assert any("\u2800" < c <= "\u28ff" or c in EIGHTHS[1:] for c in plain(lines))


def test_the_ladder_names_its_step_and_lists_the_rungs_beside_it() -> None:
    text = plain(ladder_lines(view_of(published()), 73, 18))
    assert "9 outliers. Diameter 1.61 → 0.00169 without them." in text
    assert "▲ 9" in text
    for shown in ("★      9  0.00169000  99999", "0  1.60828757", "8  0.12000000", "1  1.33000000  71473 '██取'"):
        assert shown in text


@pytest.mark.parametrize("outside", [1, 2, 30, 63])
def test_the_mark_stands_under_the_step(outside: int) -> None:
    rungs = tuple(
        msgspec.structs.replace(rung, diameter=1.0 if k < outside else 1e-3)
        for k, rung in enumerate(ladder().rungs)
    )
    events = [*published()[:-2], ladder(rungs=rungs, outside=outside), done()]
    rows = plain(ladder_lines(view_of(events), 40, 12)).split("\n")
    below = next(y for y, row in enumerate(rows) if "▲" in row)
    step = [x for x, character in enumerate(rows[below - 4]) if "\u2800" < character <= "\u28ff"]
    assert f"▲ {outside}" in rows[below]
    assert min(abs(x - rows[below].index("▲")) for x in step) <= 1 or outside == 63


def test_a_ladder_without_a_step_and_one_that_broke_off_say_so() -> None:
    def text(**changes: object) -> str:
        events = [*published()[:-2], ladder(**changes), done()]
        return " ".join(plain(ladder_lines(view_of(events), 73, 18)).split())

    flat = tuple(msgspec.structs.replace(rung, diameter=1 - k / 100) for k, rung in enumerate(ladder().rungs))
    assert "No outliers: removing the 64 farthest tokens" in text(rungs=flat, outside=None)
    broken = text(rungs=ladder().rungs[:9], left_out="time", at_most=0.004)
    assert "9 outliers. Diameter 1.61 → ≤ 0.004 without them." in broken
    assert "ends after 9 steps" in broken
    assert "far longer" in text(rungs=(), outside=None, left_out="time", at_most=2.0)


def test_outliers_are_marked_in_the_histogram_and_the_pair_is_placed() -> None:
    lines = distance_lines(view_of(published()), 64, 11)
    marked = {text for line in lines for text, role in line if role == "warn"}
    assert any("▃" in text or "█" in text for text in marked)
    assert "9 outliers of 2,248 tokens" in plain(lines)
    assert any(line and line[-1][0].endswith("ij") for line in lines)
    assert all("█" not in text.lstrip(" ▁▂▃▄▅▆▇█") for text in marked)


def test_before_there_is_anything_to_draw_a_sentence_says_what_will_be() -> None:
    for plot in PLOTS:
        for view in (View(None), view_of(started())):
            assert "appears here" in " ".join(plain(plot(view, 37, 14)).split())
    climbing = view_of([*started(), named(), pair_found(), analysed()])
    assert "one by one" in plain(ladder_lines(climbing, 73, 18))


def test_the_line_grows_with_the_run_and_counts_what_is_settled() -> None:
    bound = BatchBound(batch=3, lower=1.1, i=14, j=17)
    events = [*started(), named(), settled(0), bound, progress(0.1)]
    text = plain(maxima_lines(view_of(events), 60, 12))
    assert "1 of 9 settled" in text
    assert "2,248" in text


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=300), st.integers(12, 200), st.integers(4, 40))
def test_the_line_of_maxima_is_highest_where_the_largest_is(values: list[float], width: int, height: int) -> None:
    batches = len(values)
    events = [*started(n=batches * 2, batch=2)]
    events += [BatchBound(batch=b, lower=value, i=0, j=1) for b, value in enumerate(values)]
    lines = maxima_lines(view_of(events), width, height)
    assert fits(lines, width, height)
    drawn = dots(lines)
    if drawn and max(values) > min(values):
        first = min(x for x, _ in drawn) // 2 * 2
        top = min(y for _, y in drawn)
        at = [x for x, y in drawn if y == top]
        picture = 2 * (width - first // 2) - 1
        wanted = first + values.index(max(values)) * picture / max(batches - 1, 1)
        assert min(abs(x - wanted) for x in at) <= 2


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=300), st.integers(12, 200), st.integers(4, 40))
def test_the_line_of_maxima_is_in_one_piece(values: list[float], width: int, height: int) -> None:
    events = [*started(n=len(values) * 2, batch=2)]
    events += [BatchBound(batch=b, lower=value, i=0, j=1) for b, value in enumerate(values)]
    drawn = dots(maxima_lines(view_of(events), width, height))
    columns = {x: {y for at, y in drawn if at == x} for x, _ in drawn}
    assert sorted(columns) == list(range(min(columns, default=0), max(columns, default=-1) + 1))
    for x in sorted(columns)[1:]:
        assert min(abs(here - there) for here in columns[x] for there in columns[x - 1]) <= 1


@st.composite
def histograms(draw: st.DrawFn) -> Histogram:
    low = 10.0 ** draw(magnitudes)
    factor = 10.0 ** draw(st.floats(1e-6, 0.3))
    counts = draw(st.lists(st.integers(0, 10**6), min_size=60, max_size=60).filter(any))
    edges = tuple(low * factor**b for b in range(61))
    return Histogram(
        edges=edges, counts=tuple(counts), at_zero=3, threshold=edges[draw(st.integers(0, 60))], beyond=7
    )


@settings(deadline=None, max_examples=80)
@given(histograms(), widths, heights)
def test_any_histogram_fits_any_room(histogram: Histogram, width: int, height: int) -> None:
    events = [*started(), named(), pair_found(), analysed(histogram=histogram), done()]
    assert fits(distance_lines(view_of(events), width, height), width, height)


@settings(deadline=None, max_examples=80)
@given(st.lists(magnitudes, min_size=1, max_size=65), st.integers(0, 3), widths, heights)
def test_any_ladder_fits_any_room(powers: list[float], zeros: int, width: int, height: int) -> None:
    diameters = [*sorted((10.0**power for power in powers), reverse=True), *[0.0] * zeros]
    rungs = tuple(Rung(removed=k if k else None, i=0, j=1, diameter=wide) for k, wide in enumerate(diameters))
    events = [*started(), named(), pair_found(), analysed(), ladder(rungs=rungs, outside=None), done()]
    assert fits(ladder_lines(view_of(events), width, height), width, height)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=60), st.integers(1, 90))
def test_bins_are_merged_and_none_is_lost(counts: list[int], most: int) -> None:
    together = merged(counts, most)
    assert sum(together) == sum(counts)
    assert len(together) <= most


@given(
    st.lists(st.tuples(st.integers(-5, 99), st.text("abc1", min_size=1, max_size=9)), max_size=8),
    st.integers(1, 90),
)
def test_labels_in_a_row_never_touch(marks: list[tuple[int, str]], width: int) -> None:
    row = label_row(sorted(marks), width)
    assert len(row) == width
    assert set(row.split()) <= {text for _, text in marks}


@given(magnitudes, st.floats(1e-9, 5), st.booleans(), st.integers(1, 20))
def test_ticks_lie_on_the_axis_in_order_and_are_told_apart(
    power: float, decades: float, log: bool, most: int
) -> None:
    axis = Axis(10.0**power, 10.0 ** (power + decades), log=log)
    ticks = axis.ticks(most)
    slack = 1e-9 * axis.high
    assert all(axis.low - slack <= tick <= axis.high + slack for tick in ticks)
    assert ticks == sorted(set(ticks))
    assert len(set(labels(ticks))) == len(ticks) >= 2
    places = [axis.place(tick) for tick in ticks]
    assert places == sorted(places)
    assert all(0 <= place <= 1 for place in places)


def test_the_log_axis_has_equal_room_for_every_decade() -> None:
    axis = Axis(1e-3, 1.0, log=True)
    assert axis.ticks(5) == [1e-3, 1e-2, 1e-1, 1.0]
    assert [axis.place(tick) for tick in axis.ticks(5)] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert axis.place(0.0) == 0
    assert Axis(2.0, 2.0).place(2.0) == 0.5
    assert Axis(-1.7e308, 1.7e308).place(0.0) == 0.5
    assert math.isfinite(Axis(5e-324, 1e-320).place(1e-321))
