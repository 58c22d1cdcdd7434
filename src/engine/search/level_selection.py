"""Which level decides a tile for the least work, as a sample of the rows' own pairs foretells it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .block_sizes import NARROWEST, is_worth_projecting
from .centered_rows import CenteredRows
from .matmul import product
from .precision import FLOAT32, Precision
from .screening_levels import Factors, Level, full_level, leading_directions, projected_levels
from .thresholds import Thresholds
from .workspace import Workspace

_WIDTHS = (NARROWEST, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512)
_EDGES = torch.tensor([1.0, *(1 + 0.02 * 1.25**at for at in range(20))], dtype=torch.float64)
_PROBES = 512
_RARE = 100  # a reach seen less often tells nothing of its own
_PAIR = 25  # evaluating one pair costs about as much as this many pairs' share of a product as wide as d
_GAIN = 0.9  # of the work that the full level alone would take: at least the rest has to be saved
_MOST_OFF = 0.1  # of a bound: a product that may be off by more, in a narrow format, is not made
_TRIED = 32  # directions that tell whether more may pay


@dataclass(frozen=True)
class LevelSelection:
    """The levels of a search, narrowest first, and what each leaves of pairs that the radii alone do not discard.

    A pair's reach, (r_i + r_j)^2 over the threshold, says by how much its radii overshoot. Of each projected level
    and the full one in their precision, `left_over` (levels, bins) is the fraction that it left of a sample's
    pairs, by reach between `_EDGES`.
    """

    levels: tuple[Level, ...]
    left_over: Tensor

    @property
    def projects(self) -> bool:
        """Whether there are projected levels."""
        return self.levels[0].projection is not None

    def choose(self, left: Tensor, right: Tensor, thresholds: Thresholds) -> tuple[Level, ...]:
        """The levels to which the pairs of rows `left` (a,) and `right` (b,) should be put before the full one in
        float32, one after another while many are left.

        First is the level that takes the least work, with the evaluation of the pairs that it can be expected to
        leave, judged by an even sample; then the full one in a narrower format. None where float32 takes the
        least.
        """
        full = self.levels[-1]
        narrow = tuple(level for level in self.levels[:-1] if level.projection is None)
        if not self.projects:
            return narrow
        left, right = _spread(left), _spread(right)
        reach = _reach(full.centered, left, right, thresholds)
        weights = torch.bincount(torch.bucketize(reach.flatten(), _EDGES), minlength=len(_EDGES) + 1)
        expected = self.left_over @ weights.to(torch.float64) / reach.numel()
        widths = [level.k for level in self.levels if level.projection is not None]
        work = _work(widths, full.k, self.levels[0].cost, expected)
        best = self.levels[int(work.argmin())]
        if best is full or float(work.min()) > full.k:
            return ()
        return narrow if best.projection is None else (best, *narrow)


def _work(widths: list[int], d: int, cost: float, left_over: Tensor) -> Tensor:
    """The work (levels, ...) of deciding pairs by levels of `widths` and the full one, each coordinate of which
    costs `cost` of one in float32, if they leave the fractions `left_over` (levels, ...) of the pairs.

    Few pairs are evaluated one by one; else the next full level decides them.
    """
    shape = -1, *[1] * (left_over.ndim - 1)
    own = torch.tensor([*widths, d], dtype=torch.float64).mul_(cost).view(shape)
    next_full = torch.tensor([d * cost] * len(widths) + [d], dtype=torch.float64).view(shape)
    return own + torch.minimum(d * _PAIR * left_over, next_full)


def only_full_level(centered: CenteredRows, precision: Precision) -> LevelSelection:
    """Nothing but the full level: in the precision asked for, and in float32 for what that leaves.

    Of few columns a narrow format saves nothing, and of very many its products may be off by too much.
    """
    d = centered.rows.shape[1]
    narrow = precision is not FLOAT32 and d >= NARROWEST and precision.error(d) < _MOST_OFF
    levels = tuple(full_level(centered, one) for one in ((precision, FLOAT32) if narrow else (FLOAT32,)))
    return LevelSelection(levels, torch.zeros(1, len(_EDGES) + 1, dtype=torch.float64))


def select_levels(
    centered: CenteredRows,
    precision: Precision,
    index: Tensor,
    thresholds: Thresholds,
    widest: int,
    workspace: Workspace,
) -> LevelSelection:
    """The levels for the rows at `index` (m,), whose squared distances must reach the `thresholds`.

    What levels of growing width, up to `widest`, leave is measured on a sample of the pairs. Where even the
    widest leaves too much to pay (rows alike in all directions), the full level is all there is.
    """
    d = centered.rows.shape[1]
    alone = only_full_level(centered, precision)
    widths = [k for k in _WIDTHS if k <= widest]
    if not widths:
        return alone
    common = _reaches(centered, index, thresholds)
    cost = alone.levels[0].cost
    if not is_worth_projecting(len(index), widths[-1], float(common.sum()) * cost):
        return alone
    probes = _probes(centered, index)
    if not _may_pay(centered, probes, common, widths[-1]):
        return alone
    basis = leading_directions(centered, index, widths[-1], workspace)
    sampled = None if basis is None else _sampled(centered, precision, probes, thresholds, basis, widths)
    if basis is None or sampled is None:
        return alone
    total, left_over = sampled
    work = _work(widths, d, cost, left_over)
    least, best = work.min(dim=0)
    if float(common @ least) > _GAIN * float(common @ work[-1]):
        return alone
    pays = sorted(set(best[total > 0].tolist()) - {len(widths)})
    if not pays:
        return alone
    levels = projected_levels(centered, precision, index, basis, [widths[at] for at in pays], workspace)
    if not levels:
        return alone
    return LevelSelection((*levels, *alone.levels), left_over[[*pays, len(widths)]])


def _may_pay(centered: CenteredRows, probes: tuple[Tensor, Tensor], common: Tensor, widest: int) -> bool:
    """Whether a level as wide as `widest` may save enough of the pairs that are `common` (bins,), judged by how
    much of one sample of the rows a few leading directions of the other hold.

    For rows of radius r at right angles, of whose squares a level holds a fraction c, bound (1) of `levels` is
    (4 - 2c) r^2: pairs of reach rho are discarded where c >= 2 (1 - 1/rho). More directions hold no more than in
    proportion.
    """
    fitted, measured = probes
    directions = leading_directions(centered, fitted, min(_TRIED, widest))
    if directions is None:
        return False
    y = centered.centred(measured.to(centered.rows.device))
    held = (y @ directions).square().sum() / y.square().sum()
    most = float(held) * max(1.0, widest / _TRIED)
    within = torch.zeros_like(common, dtype=torch.bool)
    within[1:] = most >= 2 * (1 - 1 / _EDGES)
    return float(common[within].sum()) >= (1 - _GAIN) * float(common.sum())


def _sampled(
    centered: CenteredRows,
    precision: Precision,
    probes: tuple[Tensor, Tensor],
    thresholds: Thresholds,
    basis: Tensor,
    widths: list[int],
) -> tuple[Tensor, Tensor] | None:
    """Of the pairs of one of the two samples `probes` with the other, how many there are by reach (bins,), and the
    fraction that levels of `widths` and the full one leave of them (levels, bins); None where there are no such
    levels."""
    left, right = probes
    need = torch.minimum(thresholds.of(left)[:, None], thresholds.of(right))
    largest = (centered.radius[left][:, None] + centered.radius[right]).square()
    bins = torch.bucketize(_reach(centered, left, right, thresholds), _EDGES, out_int32=True)
    total = torch.bincount(bins.flatten(), minlength=len(_EDGES) + 1).to(torch.float64)
    out = torch.empty(len(right), 1 + len(left), dtype=torch.float32, device=centered.rows.device)
    left_over = torch.zeros(len(widths) + 1, len(total), dtype=torch.float64)
    factors = Factors(left, "left"), Factors(right, "right")
    levels = projected_levels(centered, precision, torch.cat([left, right]), basis, widths)
    if not levels:
        return None
    if precision is not FLOAT32:  # in float32 the full level leaves next to nothing
        levels.append(full_level(centered, precision))
    for at, level in enumerate(levels):
        left_operand, right_operand = (side.at(level).to(torch.float32) for side in factors)
        found = product(right_operand, left_operand, out, unit=precision.unit).T  # in float32, which tells more
        bound = found.cpu().to(torch.float64).mul_(-2).add_(largest, alpha=level.slack)
        left_over[at] = torch.bincount(bins[bound >= need], minlength=len(total)) / total.clamp_min(1)
    for at in range(1, len(total)):
        if total[at] < _RARE:
            left_over[:, at] = left_over[:, at - 1]
    return total, left_over


def _reaches(centered: CenteredRows, index: Tensor, thresholds: Thresholds) -> Tensor:
    """The fraction of the pairs of rows at `index` (m,) that the radii leave, by reach: (bins,) float64."""
    probes = index[:: -(-len(index) // _PROBES)]
    reach = _reach(centered, probes, probes, thresholds)
    counts = torch.bincount(torch.bucketize(reach.flatten(), _EDGES), minlength=len(_EDGES) + 1)
    counts[0] = 0
    return counts.to(torch.float64) / reach.numel()


def _probes(centered: CenteredRows, index: Tensor) -> tuple[Tensor, Tensor]:
    """Two samples of the rows at `index` (m,).

    Pairs that reach far are few, and the dearest: ranks by radius are squared so that the sample has enough.
    """
    far_first = index[centered.radius[index].argsort(descending=True)]
    rank = torch.rand(2 * _PROBES, generator=torch.Generator().manual_seed(1), dtype=torch.float32).square() * len(
        index
    )
    probes = far_first[torch.unique(rank.to(torch.int64))]
    return probes[::2], probes[1::2]


def _spread(rows: Tensor) -> Tensor:
    """At most 32 of the rows (m,), evenly."""
    return rows[:: -(-len(rows) // 32)]


def _reach(centered: CenteredRows, left: Tensor, right: Tensor, thresholds: Thresholds) -> Tensor:
    """(r_i + r_j)^2 over the squared distance that the pair needs, (a, b); infinite where it needs none."""
    need = torch.minimum(thresholds.of(left)[:, None], thresholds.of(right))
    return (centered.radius[left][:, None] + centered.radius[right]).square() / need
