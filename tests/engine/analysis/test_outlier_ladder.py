"""The outlier ladder within a run: what it uses of the search, and where it breaks off."""

import math

import pytest
import torch
from farpair.engine.analysis.ladder_core import NO_LIMITS, Limits
from farpair.engine.analysis.outlier_ladder import MOST, ladder, outlier_ladder, rungs_worth_taking
from farpair.engine.analysis.pair_analysis import measure_rows
from farpair.engine.events import BatchDone, Climbing, Ladder
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.search import search
from hypothesis import given, settings
from hypothesis import strategies as st
from support import inputs
from support.notebook_geometry import published_points


def taken(rows: torch.Tensor, most: int, limits: Limits = NO_LIMITS) -> Ladder:
    """The ladder of `rows` (n, d) after a search of them in batches of 16."""
    batches = [event for event in search(rows, RunSettings(batch=16)) if isinstance(event, BatchDone)]
    measured = measure_rows(rows, None)
    steps = ladder(rows, measured.distances, measured.original, most=most, batches=batches, limits=limits)
    *_, found = steps
    assert isinstance(found, Ladder)
    return found


def diameters(rows: torch.Tensor, most: int) -> list[float]:
    """By float64 differences of every pair that is left, k = 0 … `most`."""
    x = rows.to(torch.float64)
    out = measure_rows(rows, None).distances.argsort(descending=True, stable=True)
    apart = (x[:, None] - x[None]).square().sum(dim=2).sqrt()
    found = []
    for k in range(most + 1):
        found.append(float(apart.max()))
        if k < most:
            apart[out[k]], apart[:, out[k]] = 0, 0
    return found


@st.composite
def clusters(draw: st.DrawFn) -> torch.Tensor:
    """A cloud with a few outliers, sometimes with copies, or points on a grid, whose distances tie."""
    n, d, seed = draw(st.integers(4, 120)), draw(st.integers(1, 12)), draw(st.integers(0, 1000))
    rows = inputs.normal(n, d, seed) * draw(st.sampled_from([1.0, 1e-3, 1e-12]))
    outliers = draw(st.integers(0, 5))
    if draw(st.booleans()):
        rows = inputs.integers(n, d, 3, seed)
    rows[: min(outliers, n)] += draw(st.sampled_from([0.0, 1.0, 40.0])) * inputs.normal(
        min(outliers, n), d, seed + 1
    )
    if draw(st.booleans()):
        rows[n // 2 :] = rows[n // 2]
    return rows.to(draw(st.sampled_from([torch.float32, torch.float64])))


@settings(deadline=None, max_examples=60)
@given(clusters(), st.integers(0, 64))
def test_what_is_known_of_the_batches_changes_no_rung(rows: torch.Tensor, most: int) -> None:
    most = min(most, len(rows) - 2)
    found = taken(rows, most)

    assert list(found.rungs) == outlier_ladder(rows, most)
    assert [rung.diameter for rung in found.rungs] == pytest.approx(diameters(rows, most), rel=1e-12)
    assert (found.left_out, found.at_most) == (None, None)


@settings(deadline=None, max_examples=60)
@given(clusters(), st.integers(0, 64))
def test_with_no_memory_to_spare_it_is_the_same_and_the_rows_are_as_they_were(
    rows: torch.Tensor, most: int
) -> None:
    most = min(most, len(rows) - 2)
    before = rows.clone()
    found = taken(rows, most, Limits(memory=1))

    assert list(found.rungs) == outlier_ladder(rows, most)
    assert torch.equal(rows, before)


@settings(deadline=None, max_examples=60)
@given(clusters(), st.integers(0, 64))
def test_a_ladder_that_breaks_off_is_exact_as_far_as_it_goes(rows: torch.Tensor, most: int) -> None:
    most = min(most, len(rows) - 2)
    whole, found = outlier_ladder(rows, most), taken(rows, most, Limits(seconds=-1.0))

    assert list(found.rungs) == whole[: len(found.rungs)]
    if found.left_out is None:
        assert len(found.rungs) == len(whole)
    elif len(found.rungs) < len(whole):
        assert found.at_most is not None
        assert whole[len(found.rungs)].diameter <= found.at_most


def test_a_ladder_that_is_closed_half_way_puts_the_rows_back() -> None:
    rows = inputs.normal(3000, 64).to(torch.float32)
    before = rows.clone()
    measured = measure_rows(rows, None)
    steps = ladder(rows, measured.distances, measured.original, most=8, limits=Limits(memory=1))
    next(steps)
    assert not torch.equal(rows, before)
    steps.close()
    assert torch.equal(rows, before)


def test_outliers_are_counted_though_the_core_was_not_searched() -> None:
    rows = 1e-3 * inputs.normal(500, 32)
    rows[[3, 77, 401]] += 5 * torch.eye(3, 32, dtype=torch.float64)
    found = taken(rows.to(torch.float32), 20, Limits(seconds=-1.0))

    assert (found.outside, found.left_out, len(found.rungs)) == (3, "time", 3)
    assert found.at_most is not None
    assert found.at_most < 0.05


def test_rows_alike_in_every_direction_need_but_few_batches_again() -> None:
    rows = inputs.on_sphere(3000, 64).to(torch.float32)
    batches = [event for event in search(rows, RunSettings(batch=100)) if isinstance(event, BatchDone)]
    measured = measure_rows(rows, None)
    steps = list(ladder(rows, measured.distances, measured.original, most=8, batches=batches))

    searched = [event.pairs for event in steps if isinstance(event, Climbing)]
    assert max(searched, default=0) < 3000 * 2999 / 2 / 4
    found = steps[-1]
    assert isinstance(found, Ladder)
    assert list(found.rungs) == outlier_ladder(rows, 8)
    assert found.outside is None


def test_the_published_cluster_collapses_when_its_nine_outliers_are_gone() -> None:
    rows, centroid = published_points()
    rows = rows.to(torch.float32)
    measured = measure_rows(rows, centroid)
    *_, found = ladder(rows, measured.distances, measured.original, most=64)

    assert isinstance(found, Ladder)
    assert found.outside == 9
    assert len(found.rungs) == 65
    assert found.rungs[8].diameter > 0.1
    assert found.rungs[9].diameter < 0.0025 < 2 * found.rungs[9].diameter
    assert {rung.removed for rung in found.rungs[1:10]} == {5, 14, 17, 201, 100, 1100, 1300, 1700, 1800}


def test_fewer_are_taken_away_than_stay() -> None:
    assert [rungs_worth_taking(n) for n in (2, 3, 4, 10, 128, 10**6)] == [0, 1, 2, 5, MOST, MOST]


def test_a_cluster_of_one_point_has_no_width_at_all() -> None:
    found = taken(torch.ones(50, 3), 10)

    assert [(rung.i, rung.j, rung.diameter) for rung in found.rungs][:2] == [(0, 1, 0.0), (1, 2, 0.0)]
    assert found.outside is None


@pytest.mark.parametrize("magnitude", [1e-44, 1e-20, 1e37])
def test_the_ends_of_the_range_are_no_different(magnitude: float) -> None:
    plain = (inputs.integers(60, 4, 5) * 4).to(torch.float32)
    scaled = plain * magnitude
    if magnitude < 1e-40:
        scaled = (plain.to(torch.float64) * 2.0**-149).to(torch.float32)
        magnitude = math.ldexp(1.0, -149)
    found = [rung.diameter for rung in outlier_ladder(scaled, 10)]

    assert found == pytest.approx([magnitude * rung.diameter for rung in outlier_ladder(plain, 10)], rel=1e-6)
