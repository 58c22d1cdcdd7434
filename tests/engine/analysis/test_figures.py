"""Figures beside the answer, against whole numbers: of rows of any magnitude, near and far apart."""

import contextlib
import math
from fractions import Fraction
from typing import Any

import msgspec
import pytest
import torch
from farpair.engine.analysis import stats
from farpair.engine.analysis.batch_pairs import BatchPairs
from farpair.engine.analysis.ladder_core import Limits
from farpair.engine.analysis.outlier_ladder import ladder, outlier_ladder
from farpair.engine.analysis.pair_analysis import analyse, measure_rows
from farpair.engine.errors import InputError
from farpair.engine.events import BatchDone, Ladder, PairFound
from farpair.engine.report.sentences import runner_up_gap
from farpair.engine.run_settings import RunSettings
from farpair.engine.search import exact_rounding
from farpair.engine.search import lengths as rounding_of_lengths
from farpair.engine.search.lengths import lengths
from farpair.engine.search.search import search
from farpair.engine.text.numbers import distance as shown
from hypothesis import given, settings
from hypothesis import strategies as st
from support.published import pair_found
from torch import Tensor

LEAST = Fraction(5e-324)


@st.composite
def any_scale(draw: st.DrawFn, most: int = 12) -> Tensor:
    """Rows (n, d) of a scale of their own each, or all of one, with zeros and copies."""
    n, d = draw(st.integers(2, most)), draw(st.integers(1, 5))
    double = draw(st.booleans())
    low, high = (-1074, 955) if double else (-149, 120)
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    numbers = torch.randn(n, d, generator=generator, dtype=torch.float64)
    if draw(st.booleans()):
        numbers = numbers.mul(4).round()
    one = draw(st.integers(low, high))
    scales = [draw(st.integers(low, high)) if draw(st.booleans()) else one for _ in range(n)]
    rows = [[math.ldexp(x, scale) for x in row] for row, scale in zip(numbers.tolist(), scales, strict=True)]
    found = torch.tensor(rows, dtype=torch.float64)
    if draw(st.booleans()):
        found[n // 2] = found[0]
    return found if double else found.clamp(-3e38, 3e38).to(torch.float32)


def fractions(row: Tensor) -> list[Fraction]:
    return [Fraction(x) for x in row.to(torch.float64).tolist()]


def square(one: list[Fraction], other: list[Fraction]) -> Fraction:
    return sum(((a - b) ** 2 for a, b in zip(one, other, strict=True)), Fraction(0))


def true_mean(rows: Tensor) -> list[Fraction]:
    return [sum(column, Fraction(0)) / len(rows) for column in zip(*map(fractions, rows), strict=True)]


def is_nearest(found: float, exact: Fraction) -> bool:
    """Whether no float64 is nearer to the root of `exact`: it lies between the numbers halfway to the next."""
    below, above = (Fraction(math.nextafter(found, to)) for to in (0.0, math.inf))
    middle = Fraction(found)
    return ((middle + below) / 2) ** 2 <= exact <= ((middle + above) / 2) ** 2


def is_near(found: float, exact: Fraction, units: int = 8) -> bool:
    """Whether `found` is the root of `exact` to within a few units in the last place."""
    slack = units * max(Fraction(found) / 2**52, LEAST)
    return max(Fraction(found) - slack, Fraction(0)) ** 2 <= exact <= (Fraction(found) + slack) ** 2


@settings(deadline=None)
@given(st.integers(0, 2**300), st.integers(-1400, 600), st.integers(1, 10**6))
def test_a_root_is_rounded_once(whole: int, exponent: int, divisor: int) -> None:
    exact = (whole * Fraction(2) ** (2 * exponent)) / divisor**2
    if exact < Fraction(2) ** 2040:
        assert is_nearest(exact_rounding.nearest_root(whole, exponent, divisor), exact)


@settings(deadline=None)
@given(any_scale(), st.data())
def test_a_length_is_rounded_once(rows: Tensor, data: st.DataObject) -> None:
    ends = rows.to(torch.float64)
    starts = ends[data.draw(st.permutations(range(len(rows))))] * data.draw(
        st.sampled_from([0, 1, 1 + 2.0**-52, 3])
    )
    starts[0] = ends[0]

    for found, one, other in zip(lengths(ends, starts), ends, starts, strict=True):
        assert is_nearest(found, square(fractions(one), fractions(other)))


def test_lengths_of_many_columns_are_rounded_once_and_whole_numbers_are_seldom_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = list[object]()

    def distance(*ends: Any) -> float:
        asked.append(ends)
        return exact_rounding.distance(*ends)

    monkeypatch.setattr(rounding_of_lengths, "distance", distance)
    ends, starts = torch.randn(2, 150, 1537, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    found = lengths(ends, starts)

    assert found == [
        exact_rounding.distance(*points) for points in zip(ends.tolist(), starts.tolist(), strict=True)
    ]


@settings(deadline=None)
@given(any_scale())
def test_the_mean_is_the_float64_nearest_to_the_true_one_in_every_column(rows: Tensor) -> None:
    exact = true_mean(rows)

    assert stats.mean_row(rows).tolist() == [float(number) for number in exact]
    mean = stats.exact_mean(rows)
    assert mean.rest.tolist() == [
        float(number - Fraction(x)) for number, x in zip(exact, mean.nearest.tolist(), strict=True)
    ]


def test_the_mean_of_many_rows_is_exact_too() -> None:
    rows = torch.randn(70_000, 7, generator=torch.Generator().manual_seed(4)) + 1e4
    rows[::7] *= 1e-30

    assert stats.mean_row(rows).tolist() == [float(number) for number in true_mean(rows)]


@settings(deadline=None)
@given(any_scale(), any_scale(2))
def test_norms_and_distances_are_right_whatever_the_magnitudes_of_rows_and_centroid(
    rows: Tensor, point: Tensor
) -> None:
    origin = torch.zeros(rows.shape[1], dtype=torch.float64)
    known = point[0][: len(origin)].to(torch.float64)
    origin[: len(known)] = known
    nowhere = [Fraction(0)] * len(origin)

    for norm, apart, row in zip(stats.row_norms(rows), stats.row_norms(rows, origin), rows, strict=True):
        assert is_near(float(norm), square(fractions(row), nowhere))
        assert is_near(float(apart), square(fractions(row), fractions(origin)))
    mean = stats.exact_mean(rows)
    for apart, row in zip(stats.row_norms(rows, mean.nearest, mean.rest), rows, strict=True):
        assert is_near(float(apart), square(fractions(row), true_mean(rows)))


@settings(deadline=None)
@given(any_scale(), st.sampled_from([0.0, 2.0**-52, 1e-30, 1.0, 1e30]), st.integers(0, 10**6))
def test_a_stored_centroids_distance_from_the_mean_is_rounded_once(rows: Tensor, off: float, seed: int) -> None:
    noise = torch.randn(rows.shape[1], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    centroid = stats.mean_row(rows) * (1 + off * noise)
    if float(centroid.abs().max()) > 2.0**960:
        return
    found = analyse(measure_rows(rows, centroid), 0, 1, 1.0)

    assert found.centroid_offset is not None
    assert is_nearest(found.centroid_offset, square(true_mean(rows), fractions(centroid)))
    assert is_nearest(found.centroid_norm, square(fractions(centroid), [Fraction(0)] * rows.shape[1]))
    for one in (found.outlier, found.other):
        assert is_nearest(one.norm, square(fractions(rows[one.index]), [Fraction(0)] * rows.shape[1]))
        assert is_nearest(one.distance, square(fractions(rows[one.index]), fractions(centroid)))
    for summary in (found.norms, found.distances, found.distances_from_mean):
        assert summary is not None
        assert all(math.isfinite(number) for number in msgspec.structs.astuple(summary))


@pytest.mark.parametrize("setting", ["meta", "float16", "autocast", "inference", "deterministic"])
def test_what_the_caller_has_set_changes_no_figure(setting: str) -> None:
    rows = torch.randn(40, 9, generator=torch.Generator().manual_seed(8))
    centroid = torch.full((9,), 0.25)
    events = [BatchDone(batch=b, start=b, end=b + 1, maximum=1.0, i=b, j=39, pairs=1, evaluated=1, seconds=0.0,
                        settled="float64") for b in range(5)]  # fmt: skip

    def figures() -> list[object]:
        batch_pairs = BatchPairs(rows, centroid)
        for event in events:
            batch_pairs.settled(event)
        return [analyse(measure_rows(rows, centroid), 3, 7, 1.0), *batch_pairs.all_left()]

    expected = figures()
    with contextlib.ExitStack() as undo:
        if setting == "meta":
            undo.enter_context(torch.device("meta"))
        elif setting == "float16":
            undo.callback(torch.set_default_dtype, torch.get_default_dtype())
            torch.set_default_dtype(torch.float16)
        elif setting == "autocast":
            undo.enter_context(torch.autocast("cpu"))
        elif setting == "inference":
            undo.enter_context(torch.inference_mode())
        else:
            undo.callback(torch.use_deterministic_algorithms, False)
            torch.use_deterministic_algorithms(True)
        assert figures() == expected


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_have_no_mean(number: float) -> None:
    rows = torch.ones(5, 3)
    rows[2, 1] = number
    with pytest.raises(InputError, match="a NaN or an infinity"):
        measure_rows(rows, None)


def test_a_centroid_beyond_float64_arithmetic_is_refused() -> None:
    with pytest.raises(InputError, match=r"The stored centroid holds numbers as large as 1e\+300, too large"):
        measure_rows(torch.eye(3), torch.full((3,), 1e300, dtype=torch.float64))


@settings(deadline=None)
@given(any_scale(16), st.integers(0, 14), st.booleans())
def test_each_rung_is_the_rounded_diameter_of_what_is_left(rows: Tensor, most: int, first_is_core: bool) -> None:
    core = rows[0].to(torch.float64) if first_is_core else None
    centre = stats.mean_row(rows) if core is None else core
    out = stats.row_norms(rows, centre).argsort(descending=True, stable=True).tolist()
    points = [fractions(row) for row in rows]

    rungs = outlier_ladder(rows, most, core)

    assert [rung.removed for rung in rungs] == [None, *out[: min(most, len(rows) - 2)]]
    for k, rung in enumerate(rungs):
        left = sorted(set(range(len(rows))) - set(out[:k]))
        squares = {(i, j): square(points[i], points[j]) for i in left for j in left if i < j}
        assert (rung.i, rung.j) == min(squares, key=lambda pair: (-squares[pair], pair))
        assert is_nearest(rung.diameter, squares[rung.i, rung.j])


@settings(deadline=None)
@given(any_scale(16), st.integers(0, 14), st.sampled_from([1, 400, 5000]), st.sampled_from([math.inf, -1.0]))
def test_with_little_memory_or_time_it_is_the_same_as_far_as_it_goes_and_the_rows_are_put_back(
    rows: Tensor, most: int, memory: int, seconds: float
) -> None:
    before, most = rows.clone(), min(most, len(rows) - 2)
    measured = measure_rows(rows, None)
    whole = outlier_ladder(rows, most)
    limits = Limits(memory=memory, seconds=seconds)

    *_, found = ladder(rows, measured.distances, measured.original, most=most, limits=limits)

    assert isinstance(found, Ladder)
    assert list(found.rungs) == whole[: len(found.rungs)]
    if len(found.rungs) < len(whole):
        assert seconds < 0
        assert found.at_most is not None
        assert whole[len(found.rungs)].diameter <= found.at_most
    assert rows.equal(before)


def test_a_cloud_beside_which_its_outliers_are_immense_is_climbed_as_if_they_were_not_there() -> None:
    cloud = torch.randn(3000, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    rows = torch.cat([cloud * 2.0**-900, torch.eye(3, 16, dtype=torch.float64) * 2.0**900])
    rows[2999] *= 2.0**400
    before = rows.clone()

    diameters = [rung.diameter for rung in outlier_ladder(rows, 40, torch.zeros(16))]

    alone = [rung.diameter for rung in outlier_ladder(cloud[:2999], 36, torch.zeros(16))]
    assert diameters[4:] == [math.ldexp(diameter, -900) for diameter in alone]
    assert rows.equal(before)


@settings(deadline=None)
@given(any_scale(), st.booleans())
def test_the_triangles_side_is_the_pairs_own_distance(rows: Tensor, stored: bool) -> None:
    try:
        events = [
            event for event in search(rows, RunSettings(batch=3)) if isinstance(event, (BatchDone, PairFound))
        ]
    except InputError:
        return
    batches = [event for event in events if isinstance(event, BatchDone)]
    pair = events[-1]
    assert isinstance(pair, PairFound)
    centroid = rows[0].to(torch.float64) if stored else None
    batch_pairs = BatchPairs(rows, centroid)
    for batch in batches:
        batch_pairs.settled(batch)

    found = analyse(measure_rows(rows, centroid), pair.i, pair.j, pair.distance)

    assert found.triangle.side_ij == pair.distance
    sides = {(one.i, one.j): one.triangle.side_ij for event in batch_pairs.all_left() for one in event.pairs}
    assert sides == {(batch.i, batch.j): batch.maximum for batch in batches}


@settings(deadline=None)
@given(st.floats(1e-3, 1e6), st.floats(-16, 0), st.integers(0, 10**6))
def test_how_much_less_the_runner_up_is_is_said_only_where_every_digit_is_known(
    farthest: float, log_gap: float, seed: int
) -> None:
    # Distances off by up to an ulp from numbers with a hundred more bits, as those of a search may be.
    fine = Fraction(1 + seed, 10**7) * Fraction(math.ulp(farthest))
    far = Fraction(farthest) + fine
    near = far * (1 - Fraction(10**log_gap))
    pair = msgspec.structs.replace(
        pair_found(), distance=float(far), runner_up=float(near), error=2 * math.ulp(farthest)
    )
    gap = float(far - near)

    assert runner_up_gap(pair) in (None, shown(gap))
    if gap > 1e-4 and farthest < 1e3:
        assert runner_up_gap(pair) is not None or shown(gap * (1 - 1e-7)) != shown(gap * (1 + 1e-7))
    told = msgspec.structs.replace(pair, runner_up_gap=gap)
    assert runner_up_gap(told) == (shown(gap) if gap else None)
