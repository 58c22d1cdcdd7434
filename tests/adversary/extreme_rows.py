# ruff: noqa: ARG001 - every kind is asked for a dtype, and few need to know it
"""Rows at the ends of what a dtype can hold, and of all magnitudes at once.

Each function here is a kind (see `kinds`).
"""

import numpy as np
import torch
from adversary.making import DTYPES, Floats, Rng, ulp


def extreme_column_scales(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Columns scaled by 2^-100 … 2^-20, a few by about 1: factorisations of such moments raise, or give NaN."""
    scale = 2.0 ** rng.uniform(rng.choice([-149, -100]), -20, d)
    near = rng.choice(d, max(1, min(16, d // 8)), replace=False)
    scale[near] = 2.0 ** rng.uniform(-1, 1, len(near))
    x = rng.standard_normal((n, d)) * (np.sort(scale)[::-1] if rng.integers(2) else scale)
    if rng.integers(2):  # at one radius, so that radii discard nothing and moments are looked at
        x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x


def columns_from_1e_30_to_1e30(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    low, high = (-30, 30) if dtype != "float16" else (-6, 3)
    found: Floats = rng.standard_normal((n, d)) * rng.permutation(
        np.logspace(low, high, d) if d > 1 else np.ones(1)
    )
    return found


def one_huge_row(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = rng.standard_normal((n, d))
    x[rng.integers(n)] *= {"float16": 1e3, "float64": 1e150}.get(dtype, 1e37) ** rng.choice([0.2, 0.5, 1.0])
    return x


def two_huge_rows(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = rng.standard_normal((n, d)) * 1e-3
    at = rng.choice(n, 2, replace=False)
    huge = rng.standard_normal((1, d)) * {"float16": 1e3}.get(dtype, 1e18)
    x[at] = huge * np.array([[1.0], [rng.choice([1.0, 1 + ulp(dtype), 2.0])]])
    return x


def far_from_the_origin(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return 10.0 ** rng.integers(3, 7) * rng.choice([-1.0, 1.0], d) + 1e-3 * rng.standard_normal((n, d))


def subnormal(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    tiny = {"float32": 1e-42, "bfloat16": 1e-39, "float16": 1e-6, "float64": 1e-320}[dtype]
    found: Floats = rng.standard_normal((n, d)) * tiny * rng.choice([1.0, 10.0])
    return found


def subnormal_integers(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    least = float(torch.finfo(DTYPES[dtype]).smallest_normal) * ulp(dtype)
    return rng.integers(0, 6, (n, d)).astype(np.float64) * least


def subnormal_beside_normal(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """A column that decides nothing, equal in all rows, and differences that flush to zero in others."""
    x = subnormal(rng, n, d + 1, dtype)
    x[:, 0] = rng.choice([1.0, 1e-30, 1e4])
    return x


def magnitudes_of_1e38(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.uniform(-1, 1, (n, d)) * {"float16": 6e4, "float64": 1e300}.get(dtype, 3.3e38)


def magnitudes_of_1e_38(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, d)) * {"float16": 1e-4}.get(dtype, 1.2e-38)


def magnitudes_of_1e200(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    numbers: Floats = rng.standard_normal((n, d))
    if dtype == "float64":
        numbers *= 10.0 ** float(rng.choice([200, -200, 250, -300]))
    else:
        numbers *= 2.0 ** float(rng.integers(-14, 14))
    return numbers


def spanning_two_to_the_500(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    if dtype != "float64":
        found: Floats = rng.choice([-1.0, 1.0], (n, d)) * 2.0 ** rng.integers(-14, 15, (n, d))
        return found
    return rng.choice([-1.0, 1.0], (n, d)) * 2.0 ** rng.integers(-520, 60, (n, d)).astype(float)


def rows_of_many_scales(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Each row has a scale of its own: nearly all lie in one point as the farthest see it."""
    span = {"float16": (-14, 10), "float64": (-500, 100)}.get(dtype, (-120, 60))
    return rng.standard_normal((n, d)) * 2.0 ** rng.integers(*span, (n, 1)).astype(float)
