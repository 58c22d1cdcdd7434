"""The search as a library: for a notebook, with no terminal and no files.

Rows are a tensor or a numpy array (n, d) of any float dtype, n >= 2, finite; they are read where they are (a
CUDA tensor is searched on its device) and never written to. Answers are exact: distances are |x_i - x_j| of the
rows as stored, in float64 with a relative error below 4 gamma(d + 2), and what is called farthest is farthest in
exact arithmetic; of equal distances the smallest (i, j) comes first.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .analysis.farthest_pairs import farthest_pairs as farthest_pairs_of
from .analysis.outlier_ladder import outlier_ladder
from .errors import InputError
from .events import BatchDone, FarthestPairs, PairFound
from .run_settings import AUTO, RunSettings
from .search.arrays import Rows, checked, whole_number
from .search.block_sizes import blocks_for
from .search.isolation import apart
from .search.search import search_here

__all__ = [
    "Eccentricities",
    "FarPair",
    "Rows",
    "eccentricities",
    "farthest_pair",
    "farthest_pairs",
    "outlier_ladder",
]


@dataclass(frozen=True)
class FarPair:
    """Rows i < j and the distance between them."""

    i: int
    j: int
    distance: float


@dataclass(frozen=True)
class Eccentricities:
    """Each row's farthest `distance` (n,) float64, and its `partner` (n,) int64 there, the first of equals."""

    distance: Tensor
    partner: Tensor


def farthest_pair(rows: Rows, precision: str = AUTO) -> PairFound:
    """The two rows farthest apart, with the certificate: the error bound, how many pairs tie, the runner-up.

    `precision` is the format of the matrix products that discard pairs: "float32", "tf32", "bfloat16", or "auto",
    which is bfloat16 on a CPU that is measured to multiply it faster, and float32 elsewhere. The answer is the
    same in each.

    >>> pair = farthest_pair(torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]]))
    >>> pair.i, pair.j, pair.distance, pair.ties
    (0, 1, 5.0, 1)

    Raises InputError where rows are not (n, d) numbers with n >= 2, or not all finite.
    """

    def found() -> PairFound:
        x = checked(rows)
        *_, last = search_here(x, RunSettings(precision=precision))
        assert isinstance(last, PairFound)
        return last

    return apart(found)


def farthest_pairs(rows: Rows, k: int) -> list[FarPair]:
    """The k farthest pairs, farthest first (all pairs, where there are fewer). Copies of a row count one by one.

    Raises InputError as `farthest_pair` does, or where k is no whole number or less than 1.
    """
    k = whole_number(k, "k")
    if k < 1:
        raise InputError(f"k is {k}: ask for one pair or more.")
    return apart(lambda: _farthest_pairs(checked(rows), k))


def _farthest_pairs(x: Tensor, k: int) -> list[FarPair]:
    *_, last = farthest_pairs_of(x, k, x.device, blocks_for(x.device, *x.shape))
    assert isinstance(last, FarthestPairs)
    return [FarPair(pair.i, pair.j, pair.distance) for pair in last.pairs]


def eccentricities(rows: Rows) -> Eccentricities:
    """Each row's farthest distance and the row at it. Raises InputError as `farthest_pair` does."""
    return apart(lambda: _eccentricities(checked(rows)))


def _eccentricities(x: Tensor) -> Eccentricities:
    distance = torch.empty(len(x), dtype=torch.float64, device="cpu")
    partner = torch.empty(len(x), dtype=torch.int64, device="cpu")
    for event in search_here(x, RunSettings(batch=1)):
        if isinstance(event, BatchDone):
            distance[event.batch] = event.maximum
            partner[event.batch] = event.j if event.i == event.batch else event.i
    return Eccentricities(distance, partner)
