# ruff: noqa: ARG001 - every kind is asked for a dtype, and few need to know it
"""Rows of which many pairs are so nearly equally far apart that some arithmetic cannot tell.

Each function here is a kind (see `kinds`).
"""

import numpy as np
from adversary.making import Floats, Rng, as_float32, directions, ulp


def neighbours_an_ulp_apart(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Each number is one of two neighbours in the dtype."""
    low = 1 + rng.integers(0, 64, d) / 64
    found: Floats = low + rng.integers(0, 2, (n, d)) * ulp(dtype) * rng.choice([1.0, 1.0, 3.0])
    return found


def two_clusters_ulps_apart(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """All pairs between two clusters are alike but for some units in the last place."""
    n, d = min(n, 300), min(d, 8)
    x = np.where(np.arange(n)[:, None] % 2 == 0, 1.0, -1.0) * rng.standard_normal(d)
    x = x * (1 + rng.integers(-2, 3, (n, d)) * ulp(dtype))
    return rng.permutation(x)


def near_ties_across_batches(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """A few pairs, of rows far from each other in order, whose distances differ by one unit in the last place, or
    by less than float64 can tell, or not at all."""
    x = rng.standard_normal((n, d)) * 0.05
    pairs = min(n // 2, 5)
    at = rng.choice(n, 2 * pairs, replace=False)
    direction = as_float32(directions(rng, 1, d)[0]) if d > 1 else np.ones(1)
    step = rng.choice([0.0, ulp(dtype), 2.0**-50, 2.0**-52])
    for k in range(pairs):
        one = direction * (1 + k * step)
        x[at[2 * k]], x[at[2 * k + 1]] = (one, -direction) if rng.integers(2) else (-one, direction)
    return x


def near_ties_at_the_tolerance_of_float64(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Distances from a centre that differ by what sums in float64 lose; in float64 the rows say it, in narrower
    dtypes it comes from many small numbers beside a large one."""
    x = np.zeros((n, max(2, d)))
    x[:, 0] = 1.0
    x[:, 1:] = rng.integers(-3, 4, (n, x.shape[1] - 1)) * 2.0 ** -float(rng.integers(24, 29))
    x[rng.random(n) < 0.5] *= -1
    return x


def equal_radii(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    return directions(rng, n, d)


def cap_seen_from_the_centre(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    x = np.zeros((n, d))
    x[:, 0] = 1.0
    x = x + 0.3 * directions(rng, n, d)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    x[rng.integers(n)] = 0.0
    return x


def circle(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    angle = np.arange(n) * (2 * np.pi / n) + rng.choice([0.0, 0.1])
    return rng.permutation(np.stack([np.cos(angle), np.sin(angle)], axis=1))


def simplex_with_an_offset(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    n = min(n, 60 if dtype == "float64" else 400)
    found: Floats = np.eye(n) + rng.choice([np.sqrt(2), np.pi / 10, 1 / n])
    return found


def midpoints_rounded_wrongly(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Far clouds whose centre falls between two numbers, so that centring rounds every row the same way."""
    base = 1.0 + ulp(dtype)
    x = np.where(rng.integers(0, 2, (n, d)) > 0, base, -1.0)
    found: Floats = x + rng.integers(0, 2, (n, d)) * ulp(dtype)
    return found


def opposite_clouds(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Two clouds so small, and so far apart, that their pairs differ by less than float32 can tell."""
    x = rng.standard_normal((n, d)) * rng.choice([1e-5, 1e-7, 1e-8])
    x[:, 0] += np.where(rng.integers(0, 2, n) > 0, 1.0, -1.0)
    found: Floats = x
    return found


def beyond_what_float32_holds(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Rows that are copies of one another as float32 sees them."""
    found: Floats = 1 + rng.integers(0, 9, (n, d)) * 2.0 ** -float(rng.integers(30, 50))
    return found


def nearly_copies(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Copies of a few rows, some of them off by an ulp in one number: their radii are equal, and they are not."""
    few = rng.standard_normal((int(rng.integers(2, 6)), d))
    x = few[rng.integers(0, len(few), n)]
    off = rng.random(n) < 0.2
    x[off, rng.integers(d)] *= 1 + ulp(dtype)
    return x


def one_sum_in_two_orders(rng: Rng, n: int, d: int, dtype: str) -> Floats:
    """Pairs whose squares are the same numbers added up in another order, so that they tie, and sums differ."""
    v = rng.standard_normal(d) * 2.0 ** rng.integers(-12, 13, d)
    x = np.stack([rng.permutation(v) for _ in range(n)])
    x[n // 2 :] = -x[: n - n // 2]
    return x
