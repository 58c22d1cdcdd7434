"""The farthest pairs of a few outer rows, with each other and with the other rows.

The estimates of `pivots` bound every distance from one of these rows. The remaining pairs are evaluated in
float64, and compared exactly where float64 cannot decide.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..search.centered_rows import CenteredRows
from ..search.exact import ExactSquares, Pair
from ..search.pivots import pivot_pairs
from ..search.rounding import squared_distances


@dataclass(frozen=True)
class Reach:
    """A pair i < j and its squared distance (scaled as the rows are) in float64."""

    pair: Pair
    square: float


def farthest_of(squares: dict[Pair, float], exact: ExactSquares) -> Reach:
    """The farthest of the pairs i < j in `squares`, with their float64 squares; among equals the smallest (i,
    j)."""
    i, j = torch.tensor(list(squares), dtype=torch.int64).T
    square = torch.tensor(list(squares.values()), dtype=torch.float64)
    place = exact.order(i, j, square)
    pair = min((int(i[at]), int(j[at])) for at in (place == 0).nonzero().flatten().tolist())
    return Reach(pair, squares[pair])


def reaches(centered: CenteredRows, exact: ExactSquares, few: Tensor, others: Tensor) -> list[Reach]:
    """For each k, the farthest pair among the rows few[k:] and `others` that has at least one row of few[k:].

    `few` (m,) and `others` (o,) are disjoint. This takes one pass over the rows, and a workspace of m·n float32
    numbers and some n-vectors.
    """
    if not len(few):
        return []
    estimates = pivot_pairs(centered, few)
    squares = estimates.squares
    turns = _turns(len(centered.rows), few, others)
    for k, row in enumerate(squares):
        row[turns <= k] = -torch.inf
    lower = squared_distances(centered.rows, few, squares.argmax(dim=1), centered.shift)
    floor = exact.least(lower.flip(0).cummax(dim=0).values.flip(0))
    found: dict[int, Reach] = {}
    for k in reversed(range(len(few))):
        one = int(few[k])
        within = (~(squares[k].to(torch.float64) + estimates.error(k) < floor[k])).nonzero().flatten()
        within = within[turns[within] > k]
        known = squared_distances(centered.rows, within, torch.full_like(within, one), centered.shift)
        pairs = {
            (min(one, other), max(one, other)): square
            for other, square in zip(within.tolist(), known.tolist(), strict=True)
        }
        if last := found.get(k + 1):
            pairs[last.pair] = last.square
        found[k] = farthest_of(pairs, exact)
    return [found[k] for k in range(len(few))]


def _turns(n: int, few: Tensor, others: Tensor) -> Tensor:
    """For each of n rows, the k after which it is removed: its place in `few`, len(few) for `others`, which stay,
    and -1 for all other rows."""
    turns = torch.full((n,), -1, dtype=torch.int64, device="cpu")
    turns[others] = len(few)
    turns[few] = torch.arange(len(few), dtype=torch.int64, device="cpu")
    return turns
