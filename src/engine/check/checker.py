"""An independent check of a farthest pair: evaluates every pair by other arithmetic (see `_Work`), with numpy."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from .claims import Checked, Claims, Found, Verdict, refutations

Array = np.ndarray[Any, Any]


def check(x: Array, claims: Claims, sample: int | None = None, seed: int = 0) -> Iterator[Checked | Verdict]:
    """Check `claims` about finite rows x (n, d), float32 or float64, n >= 2; yields progress, last the Verdict.

    A `sample` of so many rows, chosen by `seed`, is compared with all. It holds 2 * 1,024 rows and products."""
    n, work, size = len(x), _Work(x, claims), max(16, min(1024, 2**25 // x.shape[1]))
    whole = sample is None or sample >= n
    taken = np.arange(n) if whole else np.sort(np.random.default_rng(seed).permutation(n)[:sample])
    done, pairs = 0, len(taken) * (len(taken) - 1) // 2 + len(taken) * (n - len(taken))
    for first in range(0, len(taken), size):
        i = taken[first : first + size]
        left = work.moved(i)
        for start in range(first if whole else 0, n, size):
            j = np.arange(start, min(start + size, n))
            twice = np.isin(j, taken) & (j <= i[:, None])  # these pairs are taken as (j, i)
            work.take(i, left, j, twice)
            done += twice.size - int(twice.sum())
            yield Checked(done, pairs)
    said = tuple(refutations(claims, n, work.truth, work.tops, work.square, whole=whole))
    yield Verdict(not said, said, done, len(claims.batches), None if whole else len(taken))


class _Work:
    """Lower bounds of squares, `known` by batch and `second`; exact squares, `truth` by batch and the two `tops`.

    Row x_i is moved to z_i = 2^s (x_i - x_0), rounded, the largest number about 1. |z_i - z_j|^2 is first computed
    as q_i + q_j - 2 z_i.z_j, q = |z|^2, by float64 products. Let u = 2^-53, g(k) = k u / (1 - k u), r >= |z|.
    Moving errs by u |z_i| a row, which changes a square, at most (2 r)^2, by (8 u + 4 u^2) r^2. q_i, q_j and the
    product err by 4 g(d) r^2 in any order of summation, fused or not (Higham, Accuracy and Stability of Numerical
    Algorithms, section 3.1), the two sums by 6 u r^2. All of it, comparing included, is less than 4 g(d + 16) r^2;
    underflow adds less than 2^-1000 d. Where z are integers of one step, and 4 d times their largest square is at
    most 2^53, nothing is rounded. A pair is settled exactly unless its square plus the error is less than the
    lower bounds of its batches and of the second distance; a NaN is not less."""

    def __init__(self, x: Array, claims: Claims) -> None:
        self.x, self.claims, (self.n, d) = x, claims, x.shape
        self.truth, self.tops = dict[int, Found](), dict[Fraction, tuple[int, int]]()
        self.met, self.original = dict[int, int](), np.full(self.n, -1)
        blocks = [np.arange(k, min(k + 256, self.n)) for k in range(0, self.n, 256)]
        lows, highs = zip(*(_bits(x[rows]) for rows in blocks), strict=True)
        self.low, high = min(lows), max(highs)  # every number is a multiple of 2^low, and less than 2^high
        self.shift, self.step, self.before = 0, 1, 4 if high > 1000 else 0  # so that no difference overflows
        peak = max(float(np.abs(self.moved(rows)).max()) for rows in blocks)
        self.exact = high - self.low <= 52 and self._in_steps(peak, 2.0**53 / (4 * d))
        if not self.exact:
            self.shift = min(-math.frexp(peak)[1], 60 if self.before else 1100)
        r2 = 0.0 if self.exact else max(float(_squares(self.moved(rows)).max()) for rows in blocks)
        self.error = 0.0 if self.exact else 1.01 * (4 * (d + 16) * 2.0**-53 * r2 + 2.0**-1000 * d)
        self.known, self.second = np.full(-(-self.n // claims.batch), np.inf), -math.inf
        claimed = [number for number, _ in claims.batches if 0 <= number < len(self.known)]
        self.known[claimed] = -np.inf  # the other batches need no maximum

    def _in_steps(self, peak: float, most: float) -> bool:
        """Whether all z are multiples of one step, their squares at most `most`; z is then in that unit."""
        self.shift, step = self.before - self.low, 0
        for row in range(self.n):
            step = math.gcd(step, int(np.gcd.reduce(self.moved(np.array([row]))[0].astype(np.int64))))
            if step and not (math.ldexp(peak, self.shift) / step) ** 2 <= most:
                return False
        self.step = step or 1
        return True

    def moved(self, rows: Array) -> Array:  # z of rows (m,)
        x, origin = (np.ldexp(self.x[at].astype(np.float64), -self.before) for at in (rows, 0))
        return np.asarray(np.ldexp(x - origin, self.shift) / self.step)

    def take(self, i: Array, left: Array, j: Array, twice: Array) -> None:
        """Take the pairs of rows i (m,), moved to `left`, and rows j (k,), except those in `twice` (m, k) bool."""
        right, of_i, of_j = self.moved(j), i // self.claims.batch, j // self.claims.batch
        s = left @ right.T
        s *= -2.0
        s += _squares(right)
        s += _squares(left)[:, None]
        s[twice] = -np.inf
        if not np.isnan(in_i := s.max(axis=1) - self.error).any():
            np.maximum.at(self.known, of_i, in_i)
            np.maximum.at(self.known, of_j, s.max(axis=0) - self.error)
            if s.size > 1 and in_i.max() > self.second:
                self.second = max(self.second, float(np.partition(s, -2, axis=None)[-2]) - self.error)
        need_i, need_j = (np.fmin(self.known[of], self.second) for of in (of_i, of_j))
        some = np.flatnonzero(~(in_i + 2 * self.error < np.fmin(need_i, need_j.min())))
        a, b = np.nonzero(~twice[some] & ~(s[some] + self.error < np.fmin(need_i[some, None], need_j)))
        if len(a):
            self.settle(np.minimum(i[some[a]], j[b]), np.maximum(i[some[a]], j[b]), s[some[a], b])

    def settle(self, i: Array, j: Array, squares: Array) -> None:
        """Take pairs i < j (m,) exactly; `squares` (m,) are exact where z is exact."""
        keys = squares if self.exact else self.originals(i) * self.n + self.originals(j)
        _, at, back = np.unique(keys, return_index=True, return_inverse=True)
        values = [self.square(*pair) for pair in zip(i[at].tolist(), j[at].tolist(), strict=True)]
        ordered = sorted(set(values))
        place = {value: k for k, value in enumerate(ordered)}
        rank, code = np.array([place[value] for value in values])[back], i * self.n + j
        for k in range(max(0, len(ordered) - 2), len(ordered)):
            many, first = self.tops.get(ordered[k], (0, self.n**2))
            self.tops[ordered[k]] = many + int((rank == k).sum()), min(first, int(code[rank == k].min()))
        self.tops = dict(sorted(self.tops.items())[-2:])
        for batch in (i // self.claims.batch, j // self.claims.batch):
            best, first_code = np.full(len(self.known), -1), np.full(len(self.known), self.n**2)
            np.maximum.at(best, batch, rank)
            leads = rank == best[batch]
            np.minimum.at(first_code, batch[leads], code[leads])
            for b in np.flatnonzero(best >= 0).tolist():
                now = ordered[best[b]], int(first_code[b])
                self.truth[b] = max(self.truth.get(b, now), now, key=lambda found: (found[0], -found[1]))

    def originals(self, rows: Array) -> Array:
        """For each of `rows` (m,), the first row met with the same numbers."""
        for row in np.unique(rows[self.original[rows] < 0]).tolist():
            first = self.met.setdefault(hash(self.x[row].tobytes()), row)
            self.original[row] = first if np.array_equal(self.x[first], self.x[row]) else row
        return self.original[rows]

    def square(self, i: int, j: int) -> Fraction:
        """The exact square of a distance."""
        (whole, exponent), base = _taken_apart(self.x[[i, j]]), min(self.low, 0) - 53
        parts = zip(whole.tolist(), (exponent - base).tolist(), strict=True)
        x, y = ([m << k for m, k in zip(*part, strict=True)] for part in parts)
        return Fraction(sum((a - b) ** 2 for a, b in zip(x, y, strict=True))) * Fraction(1, 4**-base)


def _squares(z: Array) -> Array:
    return np.asarray(np.einsum("ij,ij->i", z, z))


def _taken_apart(x: Array) -> tuple[Array, Array]:  # integers (int64) times 2^exponents
    mantissa, exponent = np.frexp(x.astype(np.float64))
    return (mantissa * 2.0**53).astype(np.int64), exponent.astype(np.int64) - 53


def _bits(x: Array) -> tuple[int, int]:
    """The exponents of the lowest bit set in any number of x, and of the power of two above all its numbers."""
    whole, exponent = _taken_apart(x)
    last = exponent + np.frexp((whole & -whole).astype(np.float64))[1] - 1
    least, most = np.min(last, where=whole != 0, initial=1100), np.max(exponent, where=whole != 0, initial=-1100)
    return int(least), int(most) + 53
