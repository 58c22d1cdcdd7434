"""The whole analysis as one event, against numpy float64 done the dull way."""

import math

import msgspec
import numpy as np
import pytest
import torch
from farpair.engine.analysis import pair_analysis
from farpair.engine.analysis.pair_analysis import MeasuredRows, measure_rows
from farpair.engine.errors import InputError
from farpair.engine.events import Analysed, Summary
from farpair.engine.search import exact_rounding
from torch import Tensor


def analysed(measured: MeasuredRows, i: int, j: int) -> Analysed:
    row_i, row_j = measured.rows[i].tolist(), measured.rows[j].tolist()
    return pair_analysis.analyse(measured, i, j, exact_rounding.distance(row_i, row_j))


def cluster(n: int = 300, d: int = 24, dtype: torch.dtype = torch.float32) -> Tensor:
    """Rows close to one point, of which 7 and 40 lie far out and 50 … 59 are copies of 49."""
    random = torch.Generator().manual_seed(3)
    rows = 0.3 + 1e-3 * torch.randn(n, d, generator=random, dtype=torch.float64)
    rows[7, 0] += 5
    rows[40, 1] += 7
    rows[50:60] = rows[49]
    return rows.to(dtype)


def reference(values: np.ndarray) -> Summary:
    ordered = np.sort(values)
    return Summary(
        minimum=ordered[0], maximum=ordered[-1], median=ordered[(len(values) - 1) // 2], mean=values.mean()
    )


def near(found: Summary, expected: Summary) -> bool:
    pairs = zip(msgspec.structs.astuple(found), msgspec.structs.astuple(expected), strict=True)
    return all(math.isclose(a, b, rel_tol=1e-13, abs_tol=1e-17) for a, b in pairs)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_a_stored_centroid_everything_is_measured_from_the_mean(dtype: torch.dtype) -> None:
    rows = cluster(dtype=dtype)
    x = rows.numpy().astype(np.float64)
    centre = x.mean(0)
    found = analysed(measure_rows(rows, None), 7, 40)
    assert (found.i, found.j, found.outlier.index, found.other.index) == (7, 40, 40, 7)
    assert found.centroid_norm == pytest.approx(np.linalg.norm(centre), rel=1e-14)
    assert found.outlier.norm == pytest.approx(np.linalg.norm(x[40]), rel=1e-14)
    assert found.outlier.norm_ratio == pytest.approx(np.linalg.norm(x[40]) / np.linalg.norm(centre), rel=1e-14)
    assert found.other.distance == pytest.approx(np.linalg.norm(x[7] - centre), rel=1e-14)
    assert found.both_far
    assert found.mean_distance == pytest.approx((found.outlier.distance + found.other.distance) / 2)
    assert found.triangle.side_ij == pytest.approx(np.linalg.norm(x[7] - x[40]), rel=1e-14)
    assert found.triangle.side_i == found.other.distance
    assert found.triangle.side_j == found.outlier.distance
    assert near(found.norms, reference(np.linalg.norm(x, axis=1)))
    assert near(found.distances, reference(np.linalg.norm(x - centre, axis=1)))
    assert (found.centroid_offset, found.distances_from_mean) == (None, None)
    assert (found.copies.distinct, found.copies.groups, found.copies.sizes) == (290, 1, (11,))


def test_a_stored_centroid_is_measured_from_and_set_beside_the_mean() -> None:
    rows = cluster()
    x = rows.numpy().astype(np.float64)
    stored = rows.mean(0).to(torch.bfloat16)
    centre = stored.to(torch.float64).numpy()
    found = analysed(measure_rows(rows, stored.to(torch.float32)), 7, 40)
    assert found.centroid_norm == pytest.approx(np.linalg.norm(centre), rel=1e-14)
    assert found.centroid_offset == pytest.approx(np.linalg.norm(centre - x.mean(0)), rel=1e-12)
    assert found.centroid_offset is not None
    assert found.centroid_offset > 1e-4
    assert near(found.distances, reference(np.linalg.norm(x - centre, axis=1)))
    assert found.distances_from_mean is not None
    assert near(found.distances_from_mean, reference(np.linalg.norm(x - x.mean(0), axis=1)))


def test_equal_rows_have_a_diameter_of_zero_and_no_triangle() -> None:
    found = analysed(measure_rows(torch.full((5, 3), 0.1), None), 0, 1)
    assert found.triangle.degenerate == "Both tokens lie on the centroid: there is no triangle."
    assert (found.distances.maximum, found.mean_distance) == (0, 0)
    assert found.copies.sizes == (5,)
    assert not found.both_far


def test_two_rows_and_one_dimension_are_analysed_too() -> None:
    found = analysed(measure_rows(torch.tensor([[1.0], [4.0]]), None), 0, 1)
    assert (found.triangle.side_i, found.triangle.side_j, found.triangle.side_ij) == (1.5, 1.5, 3)
    assert (found.triangle.at_centroid, found.triangle.at_i, found.triangle.at_j) == (180, 0, 0)
    assert found.norms == Summary(minimum=1, maximum=4, median=1, mean=2.5)


def test_rows_about_the_origin_have_no_norm_ratios() -> None:
    found = analysed(measure_rows(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), None), 0, 1)
    assert (found.centroid_norm, found.outlier.norm_ratio, found.other.norm_ratio) == (0, None, None)
    assert found.both_far  # 1 > 2 · 0, as the notebook has it


@pytest.mark.parametrize(
    ("dtype", "magnitude"),
    [(torch.float32, 1e38), (torch.float32, 1e-45), (torch.float64, 1e288), (torch.float64, 1e-310)],
)
def test_every_number_is_finite_at_any_magnitude_and_goes_through_json(
    dtype: torch.dtype, magnitude: float
) -> None:
    rows = (torch.tensor([[3.0, 1.0], [1.0, -2.0], [-1.0, 1.0], [1.0, 1.0]], dtype=torch.float64) * magnitude).to(
        dtype
    )
    for centroid in (None, rows[3]):
        found = analysed(measure_rows(rows, centroid), 0, 2)
        assert msgspec.json.decode(msgspec.json.encode(found), type=Analysed) == found
        assert found.norms.maximum == pytest.approx(math.hypot(*rows[0].tolist()), rel=1e-14)
        assert found.triangle.angle_sum == pytest.approx(180)


def test_rows_beyond_float64_arithmetic_are_refused_in_a_sentence() -> None:
    rows = torch.tensor([[1e307], [-1e307]], dtype=torch.float64)
    with pytest.raises(InputError, match=r"as large as 1e\+307, too large for float64"):
        measure_rows(rows, None)
