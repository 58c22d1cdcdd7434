"""Which level decides a tile for the least work, as a sample of the rows' own pairs foretells it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .levels import Factors, Level, full_level, leading_directions, projected_levels
from .space import Space

_WIDTHS = (24, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512)
_EDGES = torch.tensor([1.0, *(1 + 0.02 * 1.25**at for at in range(20))], dtype=torch.float64)
_PROBES = 512
_RARE = 100  # a reach seen less often tells nothing of its own
_PAIR = 60  # evaluating one pair costs about as much as this many pairs' share of a product as wide as d
_GAIN = 0.9  # of the work that the full level alone would take: at least the rest has to be saved
_WORTH = 8  # how many times its own cost a choice of levels has to be able to save


@dataclass(frozen=True)
class Ladder:
    """The levels of a search, narrowest first, and what each leaves of pairs that the radii alone do not discard.

    A pair's reach, (r_i + r_j)^2 over the squared distance needed, says by how much its radii overshoot.
    `left_over` (levels, bins) is the fraction that a level left of a sample's pairs, by reach between `_EDGES`.
    """

    levels: tuple[Level, ...]
    left_over: Tensor

    def choose(self, left: Tensor, right: Tensor, needed: Tensor) -> Level:
        """The level that should decide the pairs of rows `left` (a,) and `right` (b,) for the least work: its
        product, and the evaluation of the pairs that it can be expected to leave; judged by an even sample."""
        full = self.levels[-1]
        if len(self.levels) == 1:
            return full
        left, right = _spread(left), _spread(right)
        reach = _reach(full.space, left, right, needed)
        weights = torch.bincount(torch.bucketize(reach.flatten(), _EDGES), minlength=len(_EDGES) + 1)
        expected = self.left_over @ weights.to(torch.float64) / reach.numel()
        work = [
            level.k + full.k * min(1.0, _PAIR * few)
            for level, few in zip(self.levels, expected.tolist(), strict=True)
        ]
        return self.levels[work.index(min(work))]


def only_full_level(space: Space) -> Ladder:
    """The ladder that has no level but the full one."""
    return Ladder((full_level(space),), torch.zeros(1, len(_EDGES) + 1, dtype=torch.float64))


def choose_ladder(space: Space, index: Tensor, needed: Tensor, widest: int) -> Ladder:
    """The levels for the rows at `index` (m,), whose squared distances must reach `needed` (n,).

    What levels of growing width, up to `widest`, leave is measured on a sample of the pairs. Where even the
    widest leaves too much to pay (rows alike in all directions), the full level is all there is.
    """
    d = space.rows.shape[1]
    alone = only_full_level(space)
    widths = [k for k in _WIDTHS if k <= widest]
    common = _reaches(space, index, needed)
    if not widths or not _is_worth_it(len(index), d, widths[-1], float(common.sum())):
        return alone
    left, right = _probes(space, index)
    need = torch.minimum(needed[left][:, None], needed[right])
    bins = torch.bucketize(_reach(space, left, right, needed), _EDGES)
    total = torch.bincount(bins.flatten(), minlength=len(_EDGES) + 1).to(torch.float64)
    basis = leading_directions(space, index, widths[-1])
    left_over = torch.zeros(len(widths) + 1, len(total), dtype=torch.float64)
    factors = Factors(left), Factors(right)
    for at, level in enumerate(projected_levels(space, torch.cat([left, right]), basis, widths)):
        bound = -2 * torch.mm(factors[0].left(level), factors[1].right(level).T).to("cpu", torch.float64)
        left_over[at] = torch.bincount(bins[bound >= need], minlength=len(total)) / total.clamp_min(1)
    for at in range(1, len(total)):
        if total[at] < _RARE:
            left_over[:, at] = left_over[:, at - 1]
    work = torch.tensor([*widths, d])[:, None] + d * (_PAIR * left_over).clamp_max(1.0)
    least, best = work.min(dim=0)
    if float(common @ least) > _GAIN * d * float(common.sum()):
        return alone
    pays = sorted(set(best[total > 0].tolist()) - {len(widths)})
    levels = projected_levels(space, index, basis, [widths[at] for at in pays])
    return Ladder((*levels, *alone.levels), left_over[[*pays, len(widths)]])


def _reaches(space: Space, index: Tensor, needed: Tensor) -> Tensor:
    """The fraction of the pairs of rows at `index` (m,) that the radii leave, by reach: (bins,) float64."""
    probes = index[:: -(-len(index) // _PROBES)]
    reach = _reach(space, probes, probes, needed)
    counts = torch.bincount(torch.bucketize(reach.flatten(), _EDGES), minlength=len(_EDGES) + 1)
    counts[0] = 0
    return counts.to(torch.float64) / reach.numel()


def _is_worth_it(m: int, d: int, width: int, within: float) -> bool:
    """Whether the full level alone, on a fraction `within` of the pairs of m rows, would cost many times what it
    costs to find leading directions and fill levels up to `width`."""
    return within * m * m * d > _WORTH * (2 * m + 12 * min(m, 4096)) * width * d


def _probes(space: Space, index: Tensor) -> tuple[Tensor, Tensor]:
    """Two samples of the rows at `index` (m,).

    Pairs that reach far are few, and the dearest: ranks by radius are squared so that the sample has enough.
    """
    far_first = index[space.radius[index].argsort(descending=True)]
    rank = torch.rand(2 * _PROBES, generator=torch.Generator().manual_seed(1)).square() * len(index)
    probes = far_first[torch.unique(rank.to(torch.int64))]
    return probes[::2], probes[1::2]


def _spread(rows: Tensor) -> Tensor:
    """At most 32 of the rows (m,), evenly."""
    return rows[:: -(-len(rows) // 32)]


def _reach(space: Space, left: Tensor, right: Tensor, needed: Tensor) -> Tensor:
    """(r_i + r_j)^2 over the squared distance that the pair needs, (a, b); infinite where it needs none."""
    need = torch.minimum(needed[left][:, None], needed[right])
    return (space.radius[left][:, None] + space.radius[right]).square() / need
