"""Selects the rows that remain to be searched, and where to look first, by their radii alone."""

import math

import torch
from torch import Tensor

from .centered_rows import CenteredRows
from .thresholds import Thresholds

_MANY_COPIES = 0.1  # share of the rows whose radii must repeat for copies to be looked for
_REPRESENTATIVES = 32  # the most rows that represent their batches


def others(n: int, rows: Tensor) -> Tensor:
    """All of n rows except `rows` (m,), ascending."""
    rest = torch.ones(n, dtype=torch.bool)
    rest[rows] = False
    return rest.nonzero().flatten()


def with_a_pair_that_matters(centered: CenteredRows, thresholds: Thresholds, rows: Tensor) -> Tensor:
    """Those of `rows` (m,), ascending, that have a pair among them whose radii together reach the `thresholds`.

    With rows ordered by threshold, a row's pairs with later rows have its own threshold, and the largest radius
    among these decides; its pairs with earlier rows have the thresholds of those, and the one that lacks least
    decides.
    """
    need, order = thresholds.of(rows).sqrt().sort()
    radius = centered.radius[rows][order]
    lacking = need - radius
    largest_later = radius.flip(0).cummax(dim=0).values.flip(0)
    least_earlier = lacking.cummin(dim=0).values
    return rows[order[~((largest_later < lacking) & (radius < least_earlier))]].sort().values


def partners_in_reach(centered: CenteredRows, thresholds: Thresholds, rows: Tensor, partners: Tensor) -> Tensor:
    """The number of `partners` (b,) that each of `rows` (a,) reaches by their radii: (a,)."""
    radius = centered.radius[partners].sort().values
    return len(partners) - torch.searchsorted(radius, thresholds.of(rows).sqrt() - centered.radius[rows])


def may_have_many_duplicates(centered: CenteredRows, rows: Tensor) -> bool:
    """Whether equal radii allow that many of `rows` (m,) are copies of one another."""
    radii = centered.radius[rows].sort().values
    return int((radii[1:] == radii[:-1]).sum()) >= _MANY_COPIES * len(rows)


def farthest_out_of_each(centered: CenteredRows, batch: int) -> Tensor:
    """The outermost row of every batch, ascending, or of every few batches where there are many."""
    n = len(centered.radius)
    rows = torch.arange(n)
    order = centered.radius.argsort(descending=True)
    batches = math.ceil(n / batch)
    part = order // (batch * math.ceil(batches / _REPRESENTATIVES))
    first = torch.full((int(part.max()) + 1,), n).scatter_reduce_(0, part, rows, "amin")
    return order[first].sort().values
