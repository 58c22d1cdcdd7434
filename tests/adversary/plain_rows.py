# ruff: noqa: ARG001 - every kind is asked for a dtype, and few need to know it
"""Rows that are plain, rows in which a far pair is planted, and shapes that degenerate.

Each function here is a kind (see `kinds`).
"""

import numpy as np
import torch
from adversary.making import Floats, Rng, directions


def gaussian(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, d))


def decaying_spectrum(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, d)) * np.arange(1, d + 1) ** -rng.uniform(0.3, 3)


def planted_in_a_corner(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """A pair a little farther than all others, its rows first or last in what tiles or batches they may be in."""
    x = rng.standard_normal((n, d))
    corners = [0, n - 1, *(c for size in (7, 64, 256, 1024) for c in (size - 1, size) if c < n)]
    i, j = (int(c) for c in rng.choice(corners, 2, replace=False)) if len(set(corners)) > 1 else (0, n - 1)
    if i == j:
        i, j = 0, n - 1
    direction = directions(rng, 1, d)[0]
    half = np.linalg.norm(x - x.mean(axis=0), axis=1).max() * rng.choice([0.9, 1.0, 1.01, 3.0])
    x[i], x[j] = direction * half, -direction * half
    return x


def opposite_of_another(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Row b lies opposite row a, at its own radius: found only by a product that is right about both."""
    x = rng.standard_normal((n, d))
    a, b = rng.choice(n, 2, replace=False)
    x[b] = -x[a] / np.linalg.norm(x[a]) * np.linalg.norm(x[b])
    return x


def uniform_rounded_to_bfloat16(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = torch.from_numpy(rng.random((n, d)) - 0.5).to(torch.bfloat16)
    return x.to(torch.float64).numpy()


def rounded_to_float16(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, d)).astype(np.float16).astype(np.float64)


def low_precision_overlap(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """All rows at nearly one radius; the planted pair gains less than a narrow product can show."""
    x = directions(rng, n, d) * (1 + 0.02 * rng.random((n, 1)))
    a, b = rng.choice(n, 2, replace=False)
    x[b] = -x[a] * (1 + rng.choice([-1.0, 1.0]) * 2.0 ** -rng.integers(5, 13))
    return x


def gap_below_the_screens_unit(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Many antipodal pairs, whose distances differ by far less than tf32, bfloat16 or float32 can tell."""
    u = directions(rng, (n + 1) // 2, d)
    gain = 1 + rng.random((len(u), 1)) * 2.0 ** -float(rng.choice([9, 12, 16, 20, 24, 26]))
    return rng.permutation(np.concatenate([u * gain, -u * gain])[: max(n, 2)])


def rank_one(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    found: Floats = rng.standard_normal((n, 1)) * rng.choice([1.0, 1e-20, 1e15]) * rng.standard_normal((1, d))
    return found


def rank_one_of_ones(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return np.repeat(rng.standard_normal((n, 1)), d, axis=1)


def low_rank(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.standard_normal((n, 3)) @ rng.standard_normal((3, d))


def constant_columns(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = np.repeat(rng.standard_normal((1, d)) * 100, n, axis=0)
    free = rng.choice(d, max(1, d // 8), replace=False)
    x[:, free] += rng.standard_normal((n, len(free))) * rng.choice([1.0, 1e-3])
    return x


def one_column_that_matters(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = np.zeros((n, d))
    x[:, rng.integers(d)] = rng.standard_normal(n)
    return x


def one_column(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    found: Floats = rng.standard_normal((n, 1)) * rng.choice([1.0, 3e9])
    return found


def one_column_of_integers(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = rng.integers(0, max(2, n // 3), (n, 1)).astype(float)
    x[rng.integers(n)] = rng.choice([3e9, 6e4])
    return x


def batch_of_outliers(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """The rows of one batch lie far out, and near one another; those of others are still settled by them."""
    x = rng.standard_normal((n, d)) * 1e-2
    start = int(rng.integers(max(1, n - 64)))
    x[start : start + 64] += 5 * directions(rng, 1, d)
    return x


def a_cluster_never_trained(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = 0.37 * directions(rng, 1, d) + 0.00125 / np.sqrt(d) * rng.standard_normal((n, d))
    far = rng.choice(n, min(n, 8), replace=False)
    x[far] += np.linspace(1.16, 0.1, len(far))[:, None] * directions(rng, len(far), d)
    if rng.integers(2):
        some = rng.random(n) < 0.8
        x[some] = x[rng.choice(n, min(n, 13))][rng.integers(min(n, 13), size=int(some.sum()))]
    found: Floats = x
    return found


def order_by_radius(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Rows in rising or falling order of radius, so that batches are shells."""
    x = directions(rng, n, d) * np.sort(rng.random(n))[:, None]
    return x if rng.integers(2) else x[::-1].copy()
