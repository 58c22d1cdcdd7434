"""Chooses the screening levels that decide a tile with the least work, by a sample of the rows' own pairs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .block_sizes import NARROWEST, Blocks, is_worth_projecting
from .centered_rows import CenteredRows
from .int8_level import Int8Level, int8_level, left_by_int8
from .matmul import product
from .precision import FLOAT32, Choice, Precision
from .screening_levels import Factors, Level, full_level, leading_directions, projected_levels
from .speeds import cpu_speeds
from .thresholds import Thresholds
from .workspace import Workspace

_WIDTHS = (NARROWEST, 32, 48, 64, 96, 128, 160, 192, 256, 320, 384, 512)
_EDGES = torch.tensor([1.0, *(1 + 0.02 * 1.25**at for at in range(20))], dtype=torch.float64)
_PROBES = 512
_RARE = 100  # pairs in a bin: with fewer the bin takes its neighbour's figure
_PAIR = 25  # evaluating one pair costs about as much as this many pairs in a product of width d
_GAIN = 0.9  # of the work of the full level alone: a choice of levels has to take less
_MOST_OFF = 0.1  # of a bound: a narrow format whose products may be off by more is not used
_TRIED = 32  # directions by which it is judged whether more may pay

AnyLevel = Level | Int8Level


@dataclass(frozen=True)
class LevelSelection:
    """The levels of a search in the order in which they may be applied, and the share of pairs that each leaves:
    projected levels, narrowest first, then full ones, the last in float32.

    A pair's reach is (r_i + r_j)^2 over its threshold. For the first levels, all projected ones and at least one
    full one, `left_over` (levels, bins) is the fraction that each left of a sample's pairs, by reach between
    `_EDGES`.
    """

    levels: tuple[AnyLevel, ...]
    left_over: Tensor

    @property
    def first(self) -> Level:
        """The first level that is not in whole numbers."""
        return next(level for level in self.levels if isinstance(level, Level))

    @property
    def last(self) -> Level:
        """The full level in float32, which decides what the others leave."""
        last = self.levels[-1]
        assert isinstance(last, Level)
        return last

    @property
    def projects(self) -> bool:
        """Whether there are projected levels."""
        return _is_projected(self.levels[0])

    def choose(self, left: Tensor, right: Tensor, thresholds: Thresholds) -> tuple[AnyLevel, ...]:
        """The levels to apply to the pairs of rows `left` (a,) and `right` (b,) before the full one in float32,
        each only where the one before leaves many pairs.

        The first is the level with the least expected work, including the evaluation of the pairs that it leaves,
        judged by an even sample; then come the full levels after it. None where float32 takes the least work.
        """
        if not self.projects:
            return self.levels[:-1]
        centered = self.last.centered
        left, right = _spread(left), _spread(right)
        reach = _reach(centered, left, right, thresholds)
        weights = torch.bincount(torch.bucketize(reach.flatten(), _EDGES), minlength=len(_EDGES) + 1)
        expected = self.left_over @ weights.to(torch.float64) / reach.numel()
        costs = [level.k * level.cost for level in self.levels]
        projected = sum(map(_is_projected, self.levels))
        work = _work(costs[:projected], costs[projected:], self.last.k, expected)
        best = int(work.argmin())
        if float(work.min()) > self.last.k:
            return ()
        return self.levels[best : best + 1] + self.levels[max(best + 1, projected) : -1]


def _is_projected(level: AnyLevel) -> bool:
    return isinstance(level, Level) and level.projection is not None


def _work(projected: list[float], full: list[float], d: int, left_over: Tensor) -> Tensor:
    """The work (levels, ...) of deciding pairs by levels of these costs, `projected` and then `full` ones, if the
    first of them leave the fractions `left_over` (levels, ...) of the pairs. The unit is one coordinate in
    float32.

    Few pairs are evaluated one by one; else the next full level decides them.
    """
    shape = -1, *[1] * (left_over.ndim - 1)
    costs, following = [*projected, *full], [*[full[0]] * len(projected), *full[1:], float(d)]
    own, next_full = (torch.tensor(one[: len(left_over)], dtype=torch.float64) for one in (costs, following))
    return own.view(shape) + torch.minimum(d * _PAIR * left_over, next_full.view(shape))


def only_full_level(centered: CenteredRows, precision: Precision) -> LevelSelection:
    """Only the full level: in the given precision, and in float32 for what that leaves.

    With few columns a narrow format saves nothing, and with very many its products may be off by too much.
    """
    d = centered.rows.shape[1]
    narrow = precision is not FLOAT32 and d >= NARROWEST and precision.error(d) < _MOST_OFF
    levels = tuple(full_level(centered, one) for one in ((precision, FLOAT32) if narrow else (FLOAT32,)))
    return LevelSelection(levels, torch.zeros(1, len(_EDGES) + 1, dtype=torch.float64))


def select_levels(
    centered: CenteredRows,
    choice: Choice,
    index: Tensor,
    thresholds: Thresholds,
    blocks: Blocks,
    workspace: Workspace,
) -> LevelSelection:
    """The levels for the rows at `index` (m,), whose pairs matter from the `thresholds` on.

    A sample of the pairs shows what levels of increasing width, up to `blocks.projected`, leave, and what whole
    numbers of eight bits leave. Either uses the workspace's part for coordinates. Where neither saves enough, as
    for isotropic rows in float32, only the full levels are used.
    """
    full = only_full_level(centered, choice.precision)
    widths = [k for k in _WIDTHS if k <= blocks.projected]
    if not (widths or (choice.int8 and blocks.int8)):
        return full
    common = _reaches(centered, index, thresholds)
    within = float(common.sum())
    in_int8 = choice.int8 and 0 < blocks.int8 <= within * len(index)
    projects = bool(widths) and is_worth_projecting(len(index), widths[-1], within * full.first.cost)
    if not (in_int8 or projects):
        return full
    sample = _sample(centered, index, thresholds, common)
    by_int8 = _by_int8(full, sample) if in_int8 else None
    by_width = _by_width(full, index, sample, widths, workspace) if projects else None
    if by_int8 and (by_width is None or by_int8.work < by_width.work):
        lowest = float(thresholds.of(index).min())
        probes = torch.cat([sample.left, sample.right])
        level = int8_level(centered, index, probes, lowest, by_int8.cost, workspace)
        if level:
            return LevelSelection((level, *full.levels), by_int8.left_over)
    if by_width is None:
        return full
    basis, widths = by_width.basis, by_width.widths
    levels = projected_levels(centered, choice.precision, index, basis, widths, workspace)
    return LevelSelection((*levels, *full.levels), by_width.left_over) if levels else full


@dataclass(frozen=True)
class _ByInt8:
    """The estimate for whole numbers of eight bits before the full levels: the `work` for each pair, the `cost` of
    a coordinate, and what they and the first full level leave (2, bins)."""

    work: float
    cost: float
    left_over: Tensor


@dataclass(frozen=True)
class _ByWidth:
    """The estimate for projected levels of some `widths` along the first columns of a `basis` (d, k) before the
    full ones: the `work` for each pair, and what they and the first full level leave (levels, bins)."""

    work: float
    widths: list[int]
    basis: Tensor
    left_over: Tensor


@dataclass(frozen=True)
class _Sample:
    """Two samples of the rows, `left` (a,) and `right` (b,), and for each of their pairs (a, b): the squared
    distance that it must reach (`need`), (r_i + r_j)^2 (`largest`), and the bin of its reach. The bins have
    `total` (bins,) pairs of the sample, and the fraction `common` (bins,) of all pairs of rows, 0 for the first,
    which the radii discard.

    Pairs of far reach are few and the most expensive: ranks by radius are squared so that the samples have enough
    of them.
    """

    left: Tensor
    right: Tensor
    need: Tensor
    largest: Tensor
    bins: Tensor
    total: Tensor
    common: Tensor

    def fraction(self, left: Tensor) -> Tensor:
        """The fraction (bins,) of the sample's pairs that are `left`, booleans (a, b). A bin with few pairs has
        the fraction of the bin before it."""
        fraction = torch.bincount(self.bins[left], minlength=len(self.total)) / self.total.clamp_min(1)
        for at in range(1, len(self.total)):
            if self.total[at] < _RARE:
                fraction[at] = fraction[at - 1]
        return fraction


def _by_width(
    full: LevelSelection,
    index: Tensor,
    sample: _Sample,
    widths: list[int],
    workspace: Workspace,
) -> _ByWidth | None:
    """The widths that save work for rows at `index` (m,); None where none does."""
    centered, first = full.last.centered, full.first
    if not _may_pay(centered, sample, widths[-1]):
        return None
    basis = leading_directions(centered, index, widths[-1], workspace)
    left_over = None if basis is None else _sampled(centered, first.precision, sample, basis, widths)
    if basis is None or left_over is None:
        return None
    left_over = torch.cat([left_over, full.left_over])
    per_coordinate = first.precision.cost(centered.rows.device)
    costs = [level.k * level.cost for level in full.levels]
    work = _work([k * per_coordinate for k in widths], costs, first.k, left_over)
    least, best = work.min(dim=0)
    expected = float(sample.common @ least)
    pays = sorted(at for at in set(best[sample.total > 0].tolist()) if at < len(widths))
    if not pays or expected > _GAIN * float(sample.common @ work[-1]):
        return None
    return _ByWidth(expected, [widths[at] for at in pays], basis, left_over[[*pays, len(widths)]])


def _by_int8(full: LevelSelection, sample: _Sample) -> _ByInt8 | None:
    """The estimate for whole numbers; None where they save no work."""
    fast, first = cpu_speeds(), full.first
    if fast.int8 is None:
        return None
    left = left_by_int8(first.centered, sample.left, sample.right, sample.need, sample.largest)
    left_over = torch.stack([sample.fraction(left), full.left_over[0]])
    cost = fast.float32 / fast.int8
    costs = [first.k * cost, *(level.k * level.cost for level in full.levels)]
    work = sample.common @ _work([], costs, first.k, left_over).T
    return _ByInt8(float(work[0]), cost, left_over) if float(work[0]) <= _GAIN * float(work[1]) else None


def _sample(centered: CenteredRows, index: Tensor, thresholds: Thresholds, common: Tensor) -> _Sample:
    """Samples of the rows at `index` (m,), of whose pairs the fraction `common` (bins,) is in each bin."""
    far_first = index[centered.radius[index].argsort(descending=True)]
    generator = torch.Generator().manual_seed(1)
    rank = torch.rand(2 * _PROBES, generator=generator, dtype=torch.float32).square() * len(index)
    probes = far_first[torch.unique(rank.to(torch.int64))]
    left, right = probes[::2], probes[1::2]
    need = torch.minimum(thresholds.of(left)[:, None], thresholds.of(right))
    largest = (centered.radius[left][:, None] + centered.radius[right]).square()
    bins = torch.bucketize(_reach(centered, left, right, thresholds), _EDGES, out_int32=True)
    total = torch.bincount(bins.flatten(), minlength=len(_EDGES) + 1).to(torch.float64)
    return _Sample(left, right, need, largest, bins, total, common)


def _may_pay(centered: CenteredRows, sample: _Sample, widest: int) -> bool:
    """Whether a level as wide as `widest` may save enough of the pairs, judged by how much of one sample of the
    rows a few leading directions of the other hold.

    For orthogonal rows of radius r, of whose squares a level holds a fraction c, bound (1) of `screening_levels`
    is (4 - 2c) r^2: pairs of reach rho are discarded where c >= 2 (1 - 1/rho). The fraction grows at most in
    proportion to the number of directions.
    """
    directions = leading_directions(centered, sample.left, min(_TRIED, widest))
    if directions is None:
        return False
    y = centered.centred(sample.right.to(centered.rows.device))
    held = (y @ directions).square().sum() / y.square().sum()
    most = float(held) * max(1.0, widest / _TRIED)
    within = torch.zeros_like(sample.common, dtype=torch.bool)
    within[1:] = most >= 2 * (1 - 1 / _EDGES)
    return float(sample.common[within].sum()) >= (1 - _GAIN) * float(sample.common.sum())


def _sampled(
    centered: CenteredRows, precision: Precision, sample: _Sample, basis: Tensor, widths: list[int]
) -> Tensor | None:
    """The fraction that levels of `widths` leave of the sample's pairs, (levels, bins); None where there are no
    such levels."""
    left, right = sample.left, sample.right
    out = torch.empty(len(right), 1 + len(left), dtype=torch.float32, device=centered.rows.device)
    factors = Factors(left, "left"), Factors(right, "right")
    levels = projected_levels(centered, precision, torch.cat([left, right]), basis, widths)
    left_over = []
    for level in levels:
        left_operand, right_operand = (side.at(level).to(torch.float32) for side in factors)
        found = product(right_operand, left_operand, out, unit=precision.unit).T  # float32 is more accurate
        bound = found.cpu().to(torch.float64).mul_(-2).add_(sample.largest, alpha=level.slack)
        left_over.append(sample.fraction(bound >= sample.need))
    return torch.stack(left_over) if left_over else None


def _reaches(centered: CenteredRows, index: Tensor, thresholds: Thresholds) -> Tensor:
    """The fraction of the pairs of rows at `index` (m,) that the radii leave, by reach: (bins,) float64."""
    probes = index[:: -(-len(index) // _PROBES)]
    reach = _reach(centered, probes, probes, thresholds)
    counts = torch.bincount(torch.bucketize(reach.flatten(), _EDGES), minlength=len(_EDGES) + 1)
    counts[0] = 0
    return counts.to(torch.float64) / reach.numel()


def _spread(rows: Tensor) -> Tensor:
    """At most 32 of the rows (m,), evenly."""
    return rows[:: -(-len(rows) // 32)]


def _reach(centered: CenteredRows, left: Tensor, right: Tensor, thresholds: Thresholds) -> Tensor:
    """(r_i + r_j)^2 over the squared distance that the pair must reach, (a, b); infinite where that is 0."""
    need = torch.minimum(thresholds.of(left)[:, None], thresholds.of(right))
    return (centered.radius[left][:, None] + centered.radius[right]).square() / need
