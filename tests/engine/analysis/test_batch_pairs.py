"""Every settled batch's pair is measured as the farthest pair is: once, exactly, and after the result."""

import math
from pathlib import Path

import pytest
import torch
from farpair.engine.analysis.batch_pairs import BatchPairs
from farpair.engine.analysis.pair_analysis import analyse, measure_rows
from farpair.engine.errors import InputError
from farpair.engine.events import Analysed, BatchDone, Measured, PairFound, RunEnded
from farpair.engine.journal.record import RunRecord
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.request import request_for
from farpair.engine.worker.pipeline import run_events
from support.fixtures import build_small_model
from support.running import long_request, read_until, searching, wait_until_gone
from torch import Tensor


def a_cluster(n: int = 200, d: int = 40, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(2)).to(dtype)


def done(batch: int, i: int, j: int) -> BatchDone:
    return BatchDone(batch=batch, start=batch, end=batch + 1, maximum=1.0, i=i, j=j, pairs=1, evaluated=1,
                     seconds=0.0, settled="float64")  # fmt: skip


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_pair_is_measured_as_the_analysis_measures_it_and_as_numpy_does(
    dtype: torch.dtype, stored: bool
) -> None:
    rows = a_cluster(dtype=dtype)
    centroid = rows[:50].double().mean(0) if stored else None
    pairs = [(k, 199 - k) for k in range(90)]
    batch_pairs = BatchPairs(rows, centroid)
    for batch, (i, j) in enumerate(pairs):
        batch_pairs.settled(done(batch, i, j))
    events = list(batch_pairs.all_left())
    triangles = {(pair.i, pair.j): pair.triangle for event in events for pair in event.pairs}
    measures = {token.index: token for event in events for token in event.tokens}
    x = rows.double()
    centre = x.mean(0) if centroid is None else centroid
    assert list(triangles) == pairs
    for i, j in pairs:
        found = analyse(measure_rows(rows, centroid), i, j, 1.0)
        assert (triangles[i, j], found.centroid_norm) == (found.triangle, events[0].centroid_norm)
        assert {measures[i], measures[j]} == {found.outlier, found.other}
        assert measures[i].norm == pytest.approx(x[i].norm().item(), rel=1e-14)
        assert measures[i].distance == pytest.approx((x[i] - centre).norm().item(), rel=1e-14)
        cosine = torch.dot(x[i] - centre, x[j] - centre) / ((x[i] - centre).norm() * (x[j] - centre).norm())
        assert triangles[i, j].at_centroid == pytest.approx(math.degrees(math.acos(cosine)), abs=1e-10)


def test_each_pair_and_each_row_is_measured_once() -> None:
    batch_pairs = BatchPairs(a_cluster(), None)
    for batch, (i, j) in enumerate([(0, 9), (1, 9), (0, 9), (9, 10)]):
        batch_pairs.settled(done(batch, i, j))
    (event,) = batch_pairs.all_left()
    assert [(pair.i, pair.j) for pair in event.pairs] == [(0, 9), (1, 9), (9, 10)]
    assert sorted(token.index for token in event.tokens) == [0, 1, 9, 10]
    batch_pairs.settled(done(3, 0, 10))
    batch_pairs.settled(done(4, 0, 9))
    (event,) = batch_pairs.all_left()
    assert ([(pair.i, pair.j) for pair in event.pairs], event.tokens) == ([(0, 10)], ())


def test_rows_beyond_float64_are_refused() -> None:
    batch_pairs = BatchPairs(torch.full((4, 3), 1e300, dtype=torch.float64), None)
    batch_pairs.settled(done(0, 0, 1))
    with pytest.raises(InputError, match="too large for float64"):
        list(batch_pairs.all_left())


def test_the_result_comes_first_and_every_batch_of_a_short_run_is_measured_after_it(tmp_path: Path) -> None:
    model = model_at(build_small_model(tmp_path / "small", n=150, vocabulary=400))
    record, kinds = RunRecord(), []
    for event in run_events(request_for(model, RunSettings(batch=16, device="cpu"))):
        record.apply(0.0, event)
        kinds.append(type(event))
    assert kinds.index(PairFound) < kinds.index(Analysed) < kinds.index(Measured) < kinds.index(RunEnded)
    assert record.analysis is not None
    assert {(event.i, event.j) for event in record.settled} == record.triangles.keys()
    assert record.triangles[record.analysis.i, record.analysis.j] == record.analysis.triangle
    assert record.measures[record.analysis.outlier.index] == record.analysis.outlier
    assert record.centroid_norm == record.analysis.centroid_norm


def test_while_a_long_search_goes_on_the_batches_it_has_settled_are_measured(tmp_path: Path) -> None:
    run = control.start(long_request(tmp_path / "long"))
    record = read_until(run, lambda record: searching(record) and bool(record.triangles))
    assert record.pair is None
    assert record.triangles.keys() <= {(event.i, event.j) for event in record.settled}
    assert {row for pair in record.triangles for row in pair} == record.measures.keys()
    control.stop(run, record)
    wait_until_gone(run, record)
