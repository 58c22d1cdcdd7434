# ruff: noqa: ARG001 - every kind is asked for a dtype, and few need to know it
"""Rows of which many pairs are exactly equally far apart.

Each function here is a kind (see `kinds`).
"""

import numpy as np
from adversary.making import Floats, Rng, as_float32, directions, ulp


def lattice(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    found: Floats = rng.integers(0, rng.choice([2, 3, 5, 17, 200]), (n, d)).astype(float) * rng.choice(
        [1.0, 0.1, 3.0, 2.0**-20]
    )
    return found


def lattice_far_from_the_origin(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return rng.integers(0, 4, (n, d)).astype(np.float64) + float(rng.choice([1000, 1 << 15, 1 << 20]))


def hypercube(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = rng.integers(0, 2, (n, d)) * 2.0 - 1
    half = n // 2
    x[half : 2 * half] = -x[:half]
    found: Floats = rng.permutation(x) * rng.choice([1.0, 0.1, 1 / 3])
    return found


def one_hot(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    n = min(n, 700)
    found: Floats = np.eye(n) * rng.choice([1.0, 0.1, 3.0])
    return found


def one_hot_of_several_heights(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    n = min(n, 300)
    found: Floats = np.eye(n) * rng.choice([1.0, 1.0, 1.0, 1.0 + ulp(dtype), 0.5], n)
    return found


def ties_among_duplicates(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    distinct = rng.standard_normal((int(rng.integers(1, 14)), d))
    weights = rng.random(len(distinct)) ** 4 + 1e-6
    x = distinct[rng.choice(len(distinct), n, p=weights / weights.sum())]
    x[rng.integers(n)] = distinct[0]
    return x


def one_row_and_copies_of_another(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    two = rng.standard_normal((2, d))
    x = np.repeat(two[:1], n, axis=0)
    x[rng.integers(n)] = two[1]
    return x


def identical(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return np.repeat(rng.standard_normal((1, d)) * rng.choice([0.0, 1.0, 1e30]), n, axis=0)


def zeros_of_both_signs(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = np.where(rng.integers(0, 2, (n, d)) > 0, 0.0, -0.0)
    if rng.integers(2):
        x[:, 0] = rng.integers(0, 3, n) * -1.0
    return x


def sign_flips_and_permutations(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Rows with the same numbers in other places and of other signs: float64 sums tie or not by their order."""
    v = rng.standard_normal(d)
    return np.stack([rng.permutation(v) * rng.choice([-1.0, 1.0], d) for _ in range(n)])


def rotations_of_one_row(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    d = min(max(d, 8), 128)
    v = rng.standard_normal(d)
    return np.stack([np.roll(v, int(k)) for k in rng.integers(0, d, min(n, 2 * d))])


def antipodal(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    u = as_float32(directions(rng, (n + 1) // 2, d))
    return rng.permutation(np.concatenate([u, -u])[: max(2, n)])


def integer_sphere(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Permutations and signs of (3, 4, 0, …) and (5, 0, …): all at radius 5, and many antipodes."""
    x = np.zeros((n, max(d, 2)))
    x[:, 0], x[:, 1] = 3, 4
    x[rng.random(n) < 0.3, :2] = 5, 0
    x = np.stack([rng.permutation(row) for row in x])
    found: Floats = x * rng.choice([-1.0, 1.0], x.shape)
    return found


def copies_across_batches(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Most rows are copies, in any batch, of a few; the others are farther out than these, or as far."""
    x = rng.standard_normal((n, d))
    some = rng.random(n) < rng.choice([0.12, 0.5, 0.95])
    x[some] = x[rng.choice(n, max(1, n // 20))][rng.integers(0, max(1, n // 20), int(some.sum()))]
    return x * (1 + rng.integers(0, 2) * np.where(some, 1.0, 0.1)[:, None])


def simplex_of_whole_numbers(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """All pairs tie, and products of the rows are whole numbers that narrow types cannot hold."""
    n = min(n, 400)
    return np.eye(n) * rng.integers(1, 4) + rng.integers(0, 40)


def few_far_points_many_times(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Corners of a large cube of whole numbers, each moved a little or not: masses tie at the largest distance."""
    x = rng.integers(0, 2, (n, min(d, 8))) * float(rng.choice([100, 37, 1023]))
    x[: n // 4] += rng.integers(0, 2, x[: n // 4].shape)
    return rng.permutation(x)
