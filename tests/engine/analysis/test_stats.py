"""Statistics over all rows, against numpy in longer precision and plain Python."""

import subprocess
import sys
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from farpair.engine.analysis import stats
from farpair.engine.events import Copies
from farpair.engine.search import duplicates
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor


def random_rows(n: int, d: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def counted(rows: Tensor) -> Copies:
    return stats.copies(duplicates.first_equal(rows, torch.arange(len(rows))))


def longdouble_norms(rows: Tensor, origin: Tensor | None = None) -> np.ndarray:
    x = rows.numpy().astype(np.longdouble)
    x = x if origin is None else x - origin.numpy().astype(np.longdouble)
    top = np.abs(x).max()
    return top * np.sqrt(((x / top) ** 2).sum(1)) if top else np.zeros(len(x))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (3, 5), (257, 64), (1000, 700), (2, 300_000)])
def test_norms_and_distances_are_right_to_float64_rounding(n: int, d: int, dtype: torch.dtype) -> None:
    rows, origin = random_rows(n, d, dtype), random_rows(1, d, dtype, seed=1)[0]
    np.testing.assert_allclose(stats.row_norms(rows).numpy(), longdouble_norms(rows).astype(float), rtol=5e-16)
    far = longdouble_norms(rows, origin).astype(float)
    np.testing.assert_allclose(stats.row_norms(rows, origin).numpy(), far, rtol=5e-16)


@pytest.mark.parametrize(
    ("dtype", "magnitude"),
    [
        (torch.float32, 1e38),
        (torch.float32, 1e-44),
        (torch.float64, 1e285),
        (torch.float64, 1e-300),
        (torch.float64, 5e-324),
    ],
)
def test_extreme_magnitudes_neither_overflow_nor_vanish(dtype: torch.dtype, magnitude: float) -> None:
    rows = (random_rows(40, 30, torch.float64).clamp(-3, 3).round() * magnitude).to(dtype)
    np.testing.assert_allclose(stats.row_norms(rows).numpy(), longdouble_norms(rows).astype(float), rtol=1e-14)
    mean = stats.mean_row(rows)
    exact = [float(sum(map(Fraction, column)) / len(rows)) for column in rows.T.tolist()]
    np.testing.assert_allclose(mean.numpy(), exact, rtol=1e-13, atol=2e-15 * rows.abs().max().item())
    np.testing.assert_allclose(
        stats.row_norms(rows, mean).numpy(),
        longdouble_norms(rows, mean).astype(float),
        rtol=1e-13,
        atol=5e-324,
    )


def test_the_mean_is_the_exact_mean_rounded_even_far_from_the_origin() -> None:
    rows = 1000 + 1e-3 * random_rows(3000, 20)
    exact = [float(sum(map(Fraction, column)) / len(rows)) for column in rows.T.tolist()]
    np.testing.assert_allclose(stats.mean_row(rows).numpy(), exact, rtol=3e-16)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_rows_are_their_own_mean_exactly(dtype: torch.dtype) -> None:
    row = random_rows(1, 50, dtype)
    mean = stats.mean_row(row.expand(777, 50))
    assert mean.equal(row[0].to(torch.float64))
    assert stats.row_norms(row.expand(777, 50), mean).count_nonzero() == 0


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40))
def test_a_summary_has_the_lower_of_the_middle_two_as_its_median(values: list[float]) -> None:
    found = stats.summary(torch.tensor(values, dtype=torch.float64))
    ordered = sorted(values)
    assert (found.minimum, found.maximum) == (ordered[0], ordered[-1])
    assert found.median == ordered[(len(values) - 1) // 2]
    assert found.mean == pytest.approx(float(sum(map(Fraction, values)) / len(values)), rel=3e-16)


def test_a_cluster_of_thirteen_points_is_counted_as_such() -> None:
    centres = random_rows(13, 64).to(torch.bfloat16).to(torch.float32)
    alike = [814, 704, 306, 228, 20, 11, 9, 5, 4, 3, 2, 2, 2]
    rows = torch.cat([centres.repeat_interleave(torch.tensor(alike), 0), random_rows(69, 64, seed=5)])
    rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(1))]
    found = counted(rows)
    assert (found.distinct, found.groups, found.rows) == (13 + 69, 13, sum(alike))
    assert found.sizes == tuple(alike)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 3), st.integers(0, 10**6), st.booleans())
def test_copies_are_those_that_counting_the_bytes_of_rows_finds(n: int, d: int, seed: int, double: bool) -> None:
    choices = torch.tensor([0.0, -0.0, 1.0, 5e-324 if double else 1e-45, float(2**23)], dtype=torch.float64)
    picked = torch.randint(0, len(choices), (n, d), generator=torch.Generator().manual_seed(seed))
    rows = choices[picked].to(torch.float64 if double else torch.float32)
    groups = sorted((c for c in Counter(row.tobytes() for row in rows.numpy()).values()), reverse=True)
    several = [size for size in groups if size > 1]
    found = counted(rows)
    assert (found.distinct, found.groups, found.rows) == (len(groups), len(several), sum(several))
    assert found.sizes == tuple(several)


def test_positive_and_negative_zero_are_not_copies_for_their_bits_differ() -> None:
    assert counted(torch.tensor([[0.0], [-0.0]])).distinct == 2


def test_rows_whose_keys_collide_are_told_apart_all_the_same() -> None:
    # The keys of bits (1, 0) and (0, 1) are the multipliers m0 and m1; k · (m1, -m0) has the key 0 for every k.
    m0, m1 = duplicates._keys(torch.eye(2, dtype=torch.int64), torch.arange(2), seed=0)
    colliding = torch.stack([torch.stack([k * m1, -k * m0]) for k in range(6)])
    assert duplicates._keys(colliding, torch.arange(6), seed=0).unique().tolist() == [0]  # type: ignore[no-untyped-call]
    rows = colliding.repeat_interleave(torch.arange(1, 7), 0).view(torch.float64)
    found = counted(rows)
    assert (found.distinct, found.groups, found.rows) == (6, 5, 20)
    assert found.sizes == (6, 5, 4, 3, 2)


def test_only_the_hundred_largest_groups_are_listed_but_all_are_counted() -> None:
    found = counted(random_rows(150, 3).repeat(2, 1))
    assert (found.distinct, found.groups, found.rows, len(found.sizes)) == (150, 150, 300, 100)


def test_strided_rows_give_what_their_packed_copy_gives() -> None:
    rows = random_rows(50, 40)[::2, ::4]
    assert stats.row_norms(rows).equal(stats.row_norms(rows.contiguous()))
    assert counted(rows) == counted(rows.contiguous())


def test_the_workspace_stays_small_beside_the_rows() -> None:
    code = """if True:
        import resource, torch
        from farpair.engine.analysis.pair_analysis import analyse, measure_rows
        analyse(measure_rows(torch.rand(50, 1000), None), 0, 1, 1.0)
        rows = torch.rand(60_000, 1000)
        rows[30_000:] = rows[0]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        analyse(measure_rows(rows, torch.zeros(1000)), 0, 1, 1.0)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
    """
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(shown) < 30e6  # the rows are 240 MB


def positive(n: int, seed: int, spread: float) -> Tensor:
    return random_rows(n, 1, torch.float64, seed)[:, 0].mul(spread).exp()


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(0, 10**6), st.sampled_from([0.0, 1e-9, 0.5, 30.0]), st.integers(0, 3))
def test_a_histogram_counts_every_row_once_between_edges_that_grow_by_one_factor(
    n: int, seed: int, spread: float, zeros: int
) -> None:
    distances = torch.cat([positive(n, seed, spread), torch.zeros(zeros, dtype=torch.float64)])
    found = stats.histogram(distances)
    values = sorted(distances.tolist())
    apart = [value for value in values if value > 0]

    assert (found.edges[0], found.edges[-1]) == (apart[0], apart[-1])
    assert len(found.counts) == len(found.edges) - 1
    for b, many in enumerate(found.counts):
        low, high, last = found.edges[b], found.edges[b + 1], b == len(found.counts) - 1
        assert many == sum(low <= value < high or (last and value == high) for value in apart)
    assert (sum(found.counts), found.at_zero) == (n, zeros)
    if len(found.counts) > 1:
        factors = [high / low for low, high in zip(found.edges, found.edges[1:], strict=False)]
        np.testing.assert_allclose(factors, factors[0], rtol=1e-9)
    assert found.threshold == 2 * values[(len(values) - 1) // 2]
    assert found.beyond == sum(value > found.threshold for value in values)


@pytest.mark.parametrize("values", [[0.0, 0.0], [5e-324, 1.7e308], [3.0], [1.0, 1.0 + 2**-52]])
def test_histograms_of_points_of_one_distance_and_of_the_whole_range(values: list[float]) -> None:
    found = stats.histogram(torch.tensor(values, dtype=torch.float64))
    assert sum(found.counts) + found.at_zero == len(values)
    assert all(low <= high for low, high in zip(found.edges, found.edges[1:], strict=False))
