# ruff: noqa: ARG001
"""Kinds of rows that a search of the farthest pair may get wrong, each made anew from any seed.

A kind makes about (n, d) numbers in float64 from a generator; `rows_of` rounds them once to a dtype. A kind may
take fewer rows or other columns than it is asked for, where it would make no sense otherwise. All rows are finite,
and their distances too.
"""

from collections.abc import Callable
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator
Kind = Callable[[Rng, int, int, str], Floats]

KINDS: dict[str, Kind] = {}
DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def rows_of(kind: str, seed: int, n: int, d: int, dtype: str) -> torch.Tensor:
    """The rows of a kind, about (n, d) of them; the same from the same seed."""
    rng = np.random.default_rng([crc32(kind.encode()), seed])
    made = KINDS[kind](rng, n, d, dtype)
    limit = torch.finfo(DTYPES[dtype]).max / (1 if dtype != "float64" else 2 * made.shape[1])
    return torch.from_numpy(np.clip(made, -limit, limit)).to(DTYPES[dtype])


def _kind(make: Kind) -> Kind:
    KINDS[make.__name__.replace("_", "-")] = make
    return make


def _ulp(dtype: str) -> float:
    """The distance from 1 to the next number."""
    return float(torch.finfo(DTYPES[dtype]).eps)


def _directions(rng: Rng, n: int, d: int) -> Floats:
    x = rng.standard_normal((n, d))
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)


def _float32(x: Floats) -> Floats:
    return x.astype(np.float32).astype(np.float64)


# ---------------------------------------------------------------- plain rows, and far pairs planted in them


@_kind
def gaussian(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, d))


@_kind
def decaying_spectrum(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, d)) * np.arange(1, d + 1) ** -rng.uniform(0.3, 3)


@_kind
def planted_in_a_corner(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """A pair a little farther than all others, its rows first or last in what tiles or batches they may be in."""
    x = rng.standard_normal((n, d))
    corners = [0, n - 1, *(c for size in (7, 64, 256, 1024) for c in (size - 1, size) if c < n)]
    i, j = (int(c) for c in rng.choice(corners, 2, replace=False)) if len(set(corners)) > 1 else (0, n - 1)
    if i == j:
        i, j = 0, n - 1
    direction = _directions(rng, 1, d)[0]
    half = np.linalg.norm(x - x.mean(axis=0), axis=1).max() * rng.choice([0.9, 1.0, 1.01, 3.0])
    x[i], x[j] = direction * half, -direction * half
    return x


@_kind
def opposite_of_another(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Row b lies opposite row a, at its own radius: found only by a product that is right about both."""
    x = rng.standard_normal((n, d))
    a, b = rng.choice(n, 2, replace=False)
    x[b] = -x[a] / np.linalg.norm(x[a]) * np.linalg.norm(x[b])
    return x


@_kind
def uniform_rounded_to_bfloat16(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = torch.from_numpy(rng.random((n, d)) - 0.5).to(torch.bfloat16)
    return x.to(torch.float64).numpy()


@_kind
def rounded_to_float16(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, d)).astype(np.float16).astype(np.float64)


@_kind
def low_precision_overlap(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """All rows at nearly one radius; the planted pair gains less than a narrow product can show."""
    x = _directions(rng, n, d) * (1 + 0.02 * rng.random((n, 1)))
    a, b = rng.choice(n, 2, replace=False)
    x[b] = -x[a] * (1 + rng.choice([-1.0, 1.0]) * 2.0 ** -rng.integers(5, 13))
    return x


@_kind
def gap_below_the_screens_unit(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Many antipodal pairs, whose distances differ by far less than tf32, bfloat16 or float32 can tell."""
    u = _directions(rng, (n + 1) // 2, d)
    gain = 1 + rng.random((len(u), 1)) * 2.0 ** -float(rng.choice([9, 12, 16, 20, 24, 26]))
    return rng.permutation(np.concatenate([u * gain, -u * gain])[: max(n, 2)])


# ---------------------------------------------------------------- exact ties


@_kind
def lattice(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.integers(0, rng.choice([2, 3, 5, 17, 200]), (n, d)).astype(float) * rng.choice(
        [1.0, 0.1, 3.0, 2.0**-20]
    )


@_kind
def lattice_far_from_the_origin(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.integers(0, 4, (n, d)) + float(rng.choice([1000, 1 << 15, 1 << 20]))


@_kind
def hypercube(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = rng.integers(0, 2, (n, d)) * 2.0 - 1
    half = n // 2
    x[half : 2 * half] = -x[:half]
    return rng.permutation(x) * rng.choice([1.0, 0.1, 1 / 3])


@_kind
def one_hot(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    n = min(n, 700)
    return np.eye(n) * rng.choice([1.0, 0.1, 3.0])


@_kind
def one_hot_of_several_heights(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    n = min(n, 300)
    return np.eye(n) * rng.choice([1.0, 1.0, 1.0, 1.0 + _ulp(dtype), 0.5], n)


@_kind
def ties_among_duplicates(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    distinct = rng.standard_normal((int(rng.integers(1, 14)), d))
    weights = rng.random(len(distinct)) ** 4 + 1e-6
    x = distinct[rng.choice(len(distinct), n, p=weights / weights.sum())]
    x[rng.integers(n)] = distinct[0]
    return x


@_kind
def one_row_and_copies_of_another(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    two = rng.standard_normal((2, d))
    x = np.repeat(two[:1], n, axis=0)
    x[rng.integers(n)] = two[1]
    return x


@_kind
def identical(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return np.repeat(rng.standard_normal((1, d)) * rng.choice([0.0, 1.0, 1e30]), n, axis=0)


@_kind
def zeros_of_both_signs(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = np.where(rng.integers(0, 2, (n, d)) > 0, 0.0, -0.0)
    if rng.integers(2):
        x[:, 0] = rng.integers(0, 3, n) * -1.0
    return x


@_kind
def sign_flips_and_permutations(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Rows with the same numbers in other places and of other signs: float64 sums tie or not by their order."""
    v = rng.standard_normal(d)
    return np.stack([rng.permutation(v) * rng.choice([-1.0, 1.0], d) for _ in range(n)])


@_kind
def rotations_of_one_row(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    d = min(max(d, 8), 128)
    v = rng.standard_normal(d)
    return np.stack([np.roll(v, int(k)) for k in rng.integers(0, d, min(n, 2 * d))])


@_kind
def antipodal(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    u = _float32(_directions(rng, (n + 1) // 2, d))
    return rng.permutation(np.concatenate([u, -u])[: max(2, n)])


@_kind
def integer_sphere(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Permutations and signs of (3, 4, 0, …) and (5, 0, …): all at radius 5, and many antipodes."""
    x = np.zeros((n, max(d, 2)))
    x[:, 0], x[:, 1] = 3, 4
    x[rng.random(n) < 0.3, :2] = 5, 0
    x = np.stack([rng.permutation(row) for row in x])
    return x * rng.choice([-1.0, 1.0], x.shape)


# ---------------------------------------------------------------- near ties


@_kind
def neighbours_an_ulp_apart(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Each number is one of two neighbours in the dtype."""
    low = 1 + rng.integers(0, 64, d) / 64
    return low + rng.integers(0, 2, (n, d)) * _ulp(dtype) * rng.choice([1.0, 1.0, 3.0])


@_kind
def two_clusters_ulps_apart(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """All pairs between two clusters are alike but for some units in the last place."""
    n, d = min(n, 300), min(d, 8)
    x = np.where(np.arange(n)[:, None] % 2 == 0, 1.0, -1.0) * rng.standard_normal(d)
    x = x * (1 + rng.integers(-2, 3, (n, d)) * _ulp(dtype))
    return rng.permutation(x)


@_kind
def near_ties_across_batches(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """A few pairs, of rows far from each other in order, whose distances differ by one unit in the last place, or
    by less than float64 can tell, or not at all."""
    x = rng.standard_normal((n, d)) * 0.05
    pairs = min(n // 2, 5)
    at = rng.choice(n, 2 * pairs, replace=False)
    direction = _float32(_directions(rng, 1, d)[0]) if d > 1 else np.ones(1)
    step = rng.choice([0.0, _ulp(dtype), 2.0**-50, 2.0**-52])
    for k in range(pairs):
        one = direction * (1 + k * step)
        x[at[2 * k]], x[at[2 * k + 1]] = (one, -direction) if rng.integers(2) else (-one, direction)
    return x


@_kind
def near_ties_at_the_tolerance_of_float64(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Distances from a centre that differ by what sums in float64 lose; in float64 the rows say it, in narrower
    dtypes it comes from many small numbers beside a large one."""
    x = np.zeros((n, max(2, d)))
    x[:, 0] = 1.0
    x[:, 1:] = rng.integers(-3, 4, (n, x.shape[1] - 1)) * 2.0 ** -float(rng.integers(24, 29))
    x[rng.random(n) < 0.5] *= -1
    return x


@_kind
def equal_radii(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return _directions(rng, n, d)


@_kind
def cap_seen_from_the_centre(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = np.zeros((n, d))
    x[:, 0] = 1.0
    x = x + 0.3 * _directions(rng, n, d)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    x[rng.integers(n)] = 0.0
    return x


@_kind
def circle(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    angle = np.arange(n) * (2 * np.pi / n) + rng.choice([0.0, 0.1])
    return rng.permutation(np.stack([np.cos(angle), np.sin(angle)], axis=1))


@_kind
def simplex_with_an_offset(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    n = min(n, 60 if dtype == "float64" else 400)
    return np.eye(n) + rng.choice([np.sqrt(2), np.pi / 10, 1 / n])


@_kind
def midpoints_rounded_wrongly(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Far clouds whose centre falls between two numbers, so that centring rounds every row the same way."""
    base = 1.0 + _ulp(dtype)
    x = np.where(rng.integers(0, 2, (n, d)) > 0, base, -1.0)
    return x + rng.integers(0, 2, (n, d)) * _ulp(dtype)


@_kind
def opposite_clouds(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Two clouds so small, and so far apart, that their pairs differ by less than float32 can tell."""
    x = rng.standard_normal((n, d)) * rng.choice([1e-5, 1e-7, 1e-8])
    x[:, 0] += np.where(rng.integers(0, 2, n) > 0, 1.0, -1.0)
    return x


# ---------------------------------------------------------------- the ends of the range


@_kind
def extreme_column_scales(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Columns scaled by 2^-100 … 2^-20, a few by about 1: factorisations lose their way in such moments."""
    scale = 2.0 ** rng.uniform(-100, -20, d)
    near = rng.choice(d, max(1, min(16, d // 8)), replace=False)
    scale[near] = 2.0 ** rng.uniform(-1, 1, len(near))
    return rng.standard_normal((n, d)) * scale


@_kind
def columns_from_1e_30_to_1e30(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    low, high = (-30, 30) if dtype != "float16" else (-6, 3)
    return rng.standard_normal((n, d)) * rng.permutation(np.logspace(low, high, d) if d > 1 else np.ones(1))


@_kind
def one_huge_row(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = rng.standard_normal((n, d))
    x[rng.integers(n)] *= {"float16": 1e3, "float64": 1e150}.get(dtype, 1e37) ** rng.choice([0.2, 0.5, 1.0])
    return x


@_kind
def two_huge_rows(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = rng.standard_normal((n, d)) * 1e-3
    at = rng.choice(n, 2, replace=False)
    huge = rng.standard_normal((1, d)) * {"float16": 1e3}.get(dtype, 1e18)
    x[at] = huge * np.array([[1.0], [rng.choice([1.0, 1 + _ulp(dtype), 2.0])]])
    return x


@_kind
def far_from_the_origin(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return 10.0 ** rng.integers(3, 7) * rng.choice([-1.0, 1.0], d) + 1e-3 * rng.standard_normal((n, d))


@_kind
def subnormal(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    tiny = {"float32": 1e-42, "bfloat16": 1e-39, "float16": 1e-6, "float64": 1e-320}[dtype]
    return rng.standard_normal((n, d)) * tiny * rng.choice([1.0, 10.0])


@_kind
def subnormal_integers(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    least = float(torch.finfo(DTYPES[dtype]).smallest_normal) * _ulp(dtype)
    return rng.integers(0, 6, (n, d)) * least


@_kind
def subnormal_beside_normal(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """A column that decides nothing, equal in all rows, and differences that flush to zero in others."""
    x = subnormal(rng, n, d + 1, dtype)
    x[:, 0] = rng.choice([1.0, 1e-30, 1e4])
    return x


@_kind
def magnitudes_of_1e38(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.uniform(-1, 1, (n, d)) * {"float16": 6e4, "float64": 1e300}.get(dtype, 3.3e38)


@_kind
def magnitudes_of_1e_38(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, d)) * {"float16": 1e-4}.get(dtype, 1.2e-38)


@_kind
def magnitudes_of_1e200(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    if dtype != "float64":
        return rng.standard_normal((n, d)) * 2.0 ** float(rng.integers(-14, 14))
    return rng.standard_normal((n, d)) * 10.0 ** float(rng.choice([200, -200, 250, -300]))


@_kind
def spanning_two_to_the_500(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    if dtype != "float64":
        return rng.choice([-1.0, 1.0], (n, d)) * 2.0 ** rng.integers(-14, 15, (n, d))
    return rng.choice([-1.0, 1.0], (n, d)) * 2.0 ** rng.integers(-520, 60, (n, d)).astype(float)


@_kind
def rows_of_many_scales(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Each row has a scale of its own: nearly all lie in one point as the farthest see it."""
    span = {"float16": (-14, 10), "float64": (-500, 100)}.get(dtype, (-120, 60))
    return rng.standard_normal((n, d)) * 2.0 ** rng.integers(*span, (n, 1)).astype(float)


# ---------------------------------------------------------------- degenerate shapes and moments


@_kind
def rank_one(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, 1)) * rng.choice([1.0, 1e-20, 1e15]) * rng.standard_normal((1, d))


@_kind
def rank_one_of_ones(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return np.repeat(rng.standard_normal((n, 1)), d, axis=1)


@_kind
def low_rank(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, 3)) @ rng.standard_normal((3, d))


@_kind
def constant_columns(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = np.repeat(rng.standard_normal((1, d)) * 100, n, axis=0)
    free = rng.choice(d, max(1, d // 8), replace=False)
    x[:, free] += rng.standard_normal((n, len(free))) * rng.choice([1.0, 1e-3])
    return x


@_kind
def one_column_that_matters(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = np.zeros((n, d))
    x[:, rng.integers(d)] = rng.standard_normal(n)
    return x


@_kind
def one_column(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, 1)) * rng.choice([1.0, 3e9])


@_kind
def one_column_of_integers(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = rng.integers(0, max(2, n // 3), (n, 1)).astype(float)
    x[rng.integers(n)] = rng.choice([3e9, 6e4])
    return x


@_kind
def batch_of_outliers(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """The rows of one batch lie far out, and near one another; those of others are still settled by them."""
    x = rng.standard_normal((n, d)) * 1e-2
    start = int(rng.integers(max(1, n - 64)))
    x[start : start + 64] += 5 * _directions(rng, 1, d)
    return x


@_kind
def a_cluster_never_trained(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = 0.37 * _directions(rng, 1, d) + 0.00125 / np.sqrt(d) * rng.standard_normal((n, d))
    far = rng.choice(n, min(n, 8), replace=False)
    x[far] += np.linspace(1.16, 0.1, len(far))[:, None] * _directions(rng, len(far), d)
    if rng.integers(2):
        some = rng.random(n) < 0.8
        x[some] = x[rng.choice(n, min(n, 13))][rng.integers(min(n, 13), size=int(some.sum()))]
    return x


@_kind
def order_by_radius(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Rows in rising or falling order of radius, so that batches are shells."""
    x = _directions(rng, n, d) * np.sort(rng.random(n))[:, None]
    return x if rng.integers(2) else x[::-1].copy()
