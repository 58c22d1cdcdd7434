"""The truth about distances between rows, computed the plain way: the reference for searches.

`exact_truth` squares every pair's differences in whole numbers; `blocked_truth`, for more rows, measures every
pair by direct differences in float64 and decides what lies within its rounding in whole numbers. Nothing here is
shared with the program.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

_BLOCK_ROWS = 256
_TOO_MANY = 50_000  # near-ties that whole numbers are asked to decide


@dataclass(frozen=True)
class Farthest:
    """A pair i < j and the exact square of its distance."""

    square: Fraction
    i: int
    j: int


@dataclass(frozen=True)
class Truth:
    """Each batch's farthest pair, the farthest two of all (`second` None where there is one pair only), each the
    smallest (i, j) of its equals, and the number of pairs at exactly the largest distance."""

    batches: tuple[Farthest, ...]
    pair: Farthest
    ties: int
    second: Farthest | None


def exact_truth(rows: torch.Tensor, batch: int) -> Truth:
    """The truth about rows (n, d), finite, of any dtype, by arithmetic in whole numbers on all pairs."""
    whole, unit = whole_numbers(rows)
    n = len(whole)
    squares = np.stack([((whole - row) ** 2).sum(axis=1) for row in whole])
    squares[np.diag_indices(n)] = -1

    def first(block: np.ndarray, start: int, square: int) -> list[Farthest]:
        """The first two of the pairs at this square in rows start … of all squares."""
        i, j = (block == square).nonzero()
        keys = np.unique(np.minimum(i + start, j) * n + np.maximum(i + start, j))
        return [Farthest(int(square) * unit, *divmod(int(key), n)) for key in keys[:2]]

    starts = range(0, n, batch)
    blocks = [squares[start : start + batch] for start in starts]
    batches = tuple(first(block, start, block.max())[0] for start, block in zip(starts, blocks, strict=True))
    leaders = first(squares, 0, squares.max())
    if len(leaders) == 1 and n > 2:
        leaders += first(squares, 0, squares[squares < squares.max()].max())
    ties = int((squares == squares.max()).sum()) // 2
    return Truth(batches, leaders[0], ties, leaders[1] if n > 2 else None)


def blocked_truth(rows: torch.Tensor, batch: int) -> Truth:
    """The truth about rows (n, d) of magnitudes whose squares float64 can hold, with few near-ties."""
    n, d = rows.shape
    wide = rows.to(torch.float64)
    near = 1 - 8 * (d + 4) * 2.0**-53
    exact = _ExactSquares(rows)

    def distances(start: int, end: int) -> torch.Tensor:
        """(end - start, n), a row with itself being at -1."""
        block = torch.cdist(wide[start:end], wide, compute_mode="donot_use_mm_for_euclid_dist")
        block[torch.arange(end - start), torch.arange(start, end)] = -1.0
        return block

    def reaching(block: torch.Tensor, start: int, least: float) -> list[Farthest]:
        i, j = (block >= least).nonzero(as_tuple=True)
        assert len(i) <= _TOO_MANY, f"{len(i)} near-ties: use exact_truth"
        low, high = torch.minimum(i + start, j), torch.maximum(i + start, j)
        return [exact.pair(a, b) for a, b in torch.stack([low, high], 1).unique(dim=0).tolist()]  # type: ignore[no-untyped-call]

    batches, top = [], []
    for start in range(0, n, batch):
        end = min(start + batch, n)
        block = distances(start, end)
        batches.append(min(reaching(block, start, float(block.max()) * near), key=_rank))
        beyond = block.clone()
        beyond[torch.arange(start, end)[:, None] >= torch.arange(n)] = -1.0
        top += beyond.flatten().topk(min(2, beyond.numel())).values.tolist()
    second = sorted(top)[-2] if n > 2 else max(top)
    leaders = set[Farthest]()
    for start in range(0, n, _BLOCK_ROWS):
        leaders.update(reaching(distances(start, min(start + _BLOCK_ROWS, n)), start, second * near))
    ordered = sorted(leaders, key=_rank)
    ties = sum(pair.square == ordered[0].square for pair in ordered)
    return Truth(tuple(batches), ordered[0], ties, ordered[1] if n > 2 else None)


def exact_squares(rows: torch.Tensor, pairs: Iterable[tuple[int, int]]) -> list[Fraction]:
    """|x_i - x_j|^2 for pairs (i, j) of rows (n, d)."""
    exact = _ExactSquares(rows)
    return [exact.pair(i, j).square for i, j in pairs]


def whole_numbers(rows: torch.Tensor) -> tuple[np.ndarray, Fraction]:
    """X (n, d) of whole numbers and a unit with |x_i - x_j|^2 = |X_i - X_j|^2 unit.

    X is int64 where no square can overflow, else of Python's own numbers.
    """
    values = rows.to("cpu", torch.float64).numpy()
    mantissa, exponent = np.frexp(values)
    whole = (mantissa * 2.0**53).astype(np.int64)
    trailing = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    place = np.where(whole == 0, 0, exponent - 53 + trailing)  # each is an odd number times 2^place
    least = int(place[whole != 0].min(initial=5000)) if whole.any() else 0
    bits = int((exponent[whole != 0] - least).max(initial=0)) if whole.any() else 0
    if 2 * (bits + 1) + values.shape[1].bit_length() < 63:
        return np.ldexp(values, -least).astype(np.int64), Fraction(4) ** least
    large = np.empty(values.shape, dtype=object)
    for at in np.ndindex(values.shape):
        odd = int(whole[at]) >> max(int(trailing[at]), 0)
        large[at] = odd << (int(place[at]) - least) if odd else 0
    return large, Fraction(4) ** least


def notebook_loop(rows: torch.Tensor, batch: int = 256) -> tuple[list[float], float, int, int]:
    """Notebook 1.7b's loop, its arithmetic word for word: each batch's maximum, the largest, and its (i, j)."""
    n_cluster = len(rows)
    maxima = []
    global_max_l2, global_i, global_j = -1.0, -1, -1
    with torch.no_grad():
        for batch_start in range(0, n_cluster, batch):
            batch_end = min(batch_start + batch, n_cluster)
            batch_tokens = rows[batch_start:batch_end]
            diffs = batch_tokens.unsqueeze(1) - rows.unsqueeze(0)
            l2_batch = diffs.norm(dim=2)
            batch_max = l2_batch.max().item()
            if batch_max > global_max_l2:
                global_max_l2 = batch_max
                flat_idx = l2_batch.argmax().item()
                global_i, global_j = batch_start + flat_idx // n_cluster, flat_idx % n_cluster
            maxima.append(batch_max)
    return maxima, global_max_l2, global_i, global_j


class _ExactSquares:
    """Exact squares of single pairs of rows (n, d); each row is turned into fractions once."""

    def __init__(self, rows: torch.Tensor) -> None:
        self._rows = rows.to("cpu", torch.float64)
        self._fractions: dict[int, list[Fraction]] = {}
        self._squares: dict[tuple[int, int], Fraction] = {}

    def pair(self, i: int, j: int) -> Farthest:
        if (i, j) not in self._squares:
            terms = zip(self._row(i), self._row(j), strict=True)
            self._squares[i, j] = sum(((a - b) ** 2 for a, b in terms), Fraction(0))
        return Farthest(self._squares[i, j], i, j)

    def _row(self, i: int) -> list[Fraction]:
        if i not in self._fractions:
            self._fractions[i] = [Fraction(value) for value in self._rows[i].tolist()]
        return self._fractions[i]


def _rank(pair: Farthest) -> tuple[Fraction, int, int]:
    return -pair.square, pair.i, pair.j
