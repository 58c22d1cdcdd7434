"""The farthest pair of n rows, and every batch's own maximum: exact, streamed, and proved.

A pair (i, j) matters while an upper bound of its distance reaches what is still needed: the smaller of its two
batches' maxima so far, or the second largest distance so far where that is less (it is the runner-up that the
certificate names). Bounds go from cheap to dear, and a pair that no bound discards is evaluated in float64:

1. pivots     A few rows of largest radius against all rows. In practice this finds every batch's maximum; what
              is left is to prove it.                                                           (`pivots`)
2. radii      |x_i - x_j| <= r_i + r_j. Rows that reach no other row this way are done.         (`space`)
3. copies     Rows with the same bits are searched as one.                                      (`copies`)
4. levels     Tiles of the remaining pairs, by matrix products of the width that pays.        (`levels`, `ladder`)
5. float64    The survivors by direct differences; they raise what is needed.                   (`certify`)

Batches are walked by what they need, least first, several at a time (a strip), each against itself and all rows
not walked yet; a batch is settled for good when its strip is. In this order a pair needs what the strip's row
needs, so that by falling radius a row's partners are a prefix.
"""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..errors import InputError
from .bounds import Bounds
from .certify import float64_error, squared_distances
from .contenders import Contenders, Places, Winner
from .copies import first_equal, first_unequal
from .dense import Dense
from .device import LEAST_STRIP, Blocks, blocks_for
from .events import BatchBound, BatchDone, PairFound, Progress, Warned
from .ladder import choose_ladder, only_full_level
from .levels import Factors, Level
from .pivots import pivot_pairs
from .space import centre_rows

SearchEvent = BatchBound | BatchDone | Progress | PairFound | Warned
Settled = Literal["bounds", "screen", "float64", "exhaustive"]

_FEW_PAIRS = 1 << 13  # pairs evaluated one by one; of a tile that has more left, all are evaluated together
_CHECKED = 1 << 18  # bounds of pairs looked at together in float64: 2 MB
_MANY_COPIES = 0.1  # of the rows: copies are looked for where radii repeat as often


def search(
    rows: Tensor,
    *,
    batch: int = 256,
    device: torch.device | None = None,
    memory: int = 0,
    exhaustive: bool = False,
) -> Generator[SearchEvent]:
    """Search rows (n, d), n >= 2, finite, of any float dtype; see `events` for what is yielded, PairFound last.

    A step between two events is a few milliseconds of work; closing the generator stops the search. It holds at
    most `memory` bytes beyond the rows (0: see `device.blocks_for`). `exhaustive` evaluates every pair rather
    than discard any by its bounds.
    """
    device = rows.device if device is None else device
    rows = rows.detach() if rows.dtype in (torch.float32, torch.float64) else rows.detach().to(torch.float32)
    n, d = rows.shape
    yield from Search(rows.to(device), batch, blocks_for(device, n, d, memory), exhaustive).events()


@dataclass(frozen=True)
class Remains:
    """What a level has left of a tile: rows (a,), partners (b,), and the level's product (a, b) for them, of which
    the squared distances are at most slack - 2 product."""

    rows: Tensor
    partners: Tensor
    product: Tensor
    slack: float


class Search:
    """One search's state: what is needed, what may still win, which rows are walked, and what has been counted.

    With `most` it looks for that many farthest pairs of all instead of for every batch's own: then copies are not
    merged and ties not collapsed, and `contenders` holds the pairs once `events` has ended.
    """

    def __init__(
        self, rows: Tensor, batch: int, blocks: Blocks, exhaustive: bool = False, most: int | None = None
    ) -> None:
        self.began = time.perf_counter()
        self.n, self.d = rows.shape
        self.batch, self.blocks, self.exhaustive = batch, blocks, exhaustive
        self.space = centre_rows(rows)
        self.every_pair_counts = most is not None
        self.bounds = Bounds(self.n, self.d) if most is None else Bounds(self.n, self.d, most, batches=False)
        self.dense = Dense(self.space, blocks.dense, collapse=most is None)
        self.merge(torch.arange(self.n))
        self.contenders = Contenders(rows, self.space.shift, self.places)
        batches = self.places.batches
        self.evaluated = torch.zeros(batches, dtype=torch.int64)
        self.walked = torch.zeros(batches, dtype=torch.bool)
        self.verified = torch.zeros(batches, dtype=torch.bool)
        self.open = torch.ones(batches, dtype=torch.bool)
        self.open_rows = self.n
        self.order = torch.arange(batches)
        self.rank = torch.arange(self.n) // batch
        self.shown: dict[int, float] = {}
        self.aside: list[tuple[Tensor, Tensor]] = []
        self.aside_pairs = 0
        self.all_dense = False
        self.total = self.left = self.n * (self.n - 1) // 2
        self.ladder = only_full_level(self.space)
        self.workspace = rows.new_empty(blocks.tile_rows * blocks.tile_columns, dtype=torch.float32)

    def events(self) -> Generator[SearchEvent]:
        yield self.progress()
        alive = self.take_pivots()
        if alive is None:
            yield from self.end_without_distance()
            return
        alive = self.merge_copies(alive)
        self.left = len(alive) * (len(alive) - 1) // 2
        idle = self.without(alive)
        self.rank_batches(idle)
        self.count(self.pivots, torch.arange(self.n))
        yield from self.lower_bounds()
        yield from self.settle(idle)
        if len(alive):
            yield from self.walk(alive)
        yield self.progress()
        yield self.certificate()

    def take_pivots(self) -> Tensor | None:
        """Decide all pairs with a pivot; the rows that may still matter in other pairs, ascending.

        None where all rows are equal.
        """
        found = pivot_pairs(self.space, self.space.farthest_out(self.blocks.pivots))
        self.pivots = found.pivots
        self.learn(*found.likeliest(self.batch))
        if not self.bounds.any_distance:
            other = first_unequal(self.space.rows)
            if other is None:
                return None
            self.learn(torch.tensor([0]), torch.tensor([other]))
        rest = torch.ones(self.n, dtype=torch.bool)
        rest[found.pivots] = False
        others = rest.nonzero().flatten()
        i, j = found.candidates(self.needed)
        if len(i) > _FEW_PAIRS:
            self.take_dense(found.pivots, found.pivots)
            self.take_dense(found.pivots, others)
            self.all_dense = self.dense.collapses
        else:
            self.take(i, j)
        self.verified.zero_()
        return others if self.exhaustive else others[self.within_reach(others)]

    def within_reach(self, rows: Tensor) -> Tensor:
        """For which of `rows` (m,) the radii allow a pair among them that matters, as booleans (m,).

        In order of what they need, a row's pairs with later rows need what it needs itself, and the largest radius
        among these decides; its pairs with earlier ones need what those need, and the least that one lacks.
        """
        needed, order = self.needed[rows].sqrt().sort()
        radius = self.space.radius[rows][order]
        lacking = needed - radius
        largest_later = radius.flip(0).cummax(dim=0).values.flip(0)
        least_earlier = lacking.cummin(dim=0).values
        reached = torch.empty(len(rows), dtype=torch.bool)
        reached[order] = (largest_later >= lacking) | (radius >= least_earlier)
        return reached

    def rank_batches(self, idle: Tensor) -> None:
        """Fix the order in which batches are settled: the `idle` ones, then by what they need, least first."""
        needed = self.bounds.by_batch(self.places)
        needed[idle] = -1.0
        self.order = needed.argsort(stable=True)
        rank = torch.empty_like(self.order)
        rank[self.order] = torch.arange(len(rank))
        self.rank = rank[torch.arange(self.n) // self.batch]

    def merge_copies(self, alive: Tensor) -> Tensor:
        """Search copies among the rows `alive` as one row, where equal radii show that there are many."""
        radii = self.space.radius[alive].sort().values
        repeated = int((radii[1:] == radii[:-1]).sum())
        if self.exhaustive or self.every_pair_counts or repeated < _MANY_COPIES * len(alive):
            return alive
        original = torch.arange(self.n)
        original[alive] = first_equal(self.space.rows, alive)
        self.bounds.merge(original)
        self.merge(original)
        self.contenders.places = self.places
        return alive[original[alive] == alive]

    def merge(self, original: Tensor) -> None:
        self.places = Places(original, self.batch)
        self.needed = self.bounds.needed(self.places)

    def walk(self, alive: Tensor) -> Iterator[SearchEvent]:
        """Settle the open batches strip by strip: the rows `alive` standing in them against all not walked yet."""
        if not self.exhaustive:
            self.ladder = choose_ladder(self.space, alive, self.needed, self.blocks.projected)
        unwalked = torch.zeros(self.n, dtype=torch.bool)
        unwalked[alive] = True
        while bool(self.open.any()):
            batches = self.next_strip(unwalked)
            stands = torch.zeros(self.places.batches, dtype=torch.bool)
            stands[batches] = True
            rows = torch.unique(self.places.group[stands[self.places.batch]])
            strip = rows[unwalked[rows]]
            rest = unwalked.clone()
            rest[strip] = False
            before = self.contenders.copy(), self.evaluated.clone(), self.left
            try:
                yield from self.walk_strip(strip, rest.nonzero().flatten())
            except torch.cuda.OutOfMemoryError:
                if self.blocks.strip <= LEAST_STRIP // 4:
                    raise
                self.contenders, self.evaluated, self.left = before
                yield self.back_off()
                continue
            unwalked = rest
            self.walked[batches] = True
            self.contenders.keep(self.needed)
            yield from self.settle(batches)
            yield from self.lower_bounds()

    def back_off(self) -> Warned:
        """Work on half as much at once, after the device's memory ran out."""
        self.aside.clear()
        self.aside_pairs = 0
        self.blocks = self.blocks.halved()
        self.workspace = self.workspace[: self.blocks.tile_rows * self.blocks.tile_columns].clone()
        self.dense = Dense(self.space, self.blocks.dense, self.dense.may_collapse)
        return Warned(
            kind="memory",
            message=f"The device ran out of memory; the search goes on with {self.blocks.strip} rows at a time.",
        )

    def walk_strip(self, strip: Tensor, rest: Tensor) -> Iterator[Progress]:
        """Decide the pairs of the rows `strip` among themselves and with the rows `rest`."""
        strip = strip[self.space.radius[strip].argsort(descending=True)]
        for start in range(0, len(strip), self.blocks.strip):
            end = start + self.blocks.strip
            walk = self.walk_densely if self.all_dense else self.walk_rows
            yield from walk(strip[start:end], torch.cat([strip[end:], rest]))

    def walk_rows(self, rows: Tensor, rest: Tensor) -> Iterator[Progress]:
        """Decide the pairs of `rows` (a strip's worth, by falling radius) among themselves and with the `rest`."""
        starts = range(0, len(rows), self.blocks.tile_rows)
        tiles = [Factors(rows[start : start + self.blocks.tile_rows]) for start in starts]
        lowest = float(self.needed[rows].min())
        right = Factors(rows)
        for start, left in zip(starts, tiles, strict=True):
            self.take_tile(left, right, start, lowest)
            yield self.progress()
        self.left -= len(rows) * (len(rows) - 1) // 2
        self.take_aside()
        rest = rest[self.space.radius[rest].argsort(descending=True)]
        for part in torch.split(rest, self.blocks.tile_columns) if len(rest) else ():
            right = Factors(part)
            lowest = float(self.needed[rest].min())
            for left in tiles:
                self.take_tile(left, right, 0, lowest)
                yield self.progress()
            self.left -= len(rows) * len(part)
        self.take_aside()

    def walk_densely(self, rows: Tensor, rest: Tensor) -> Iterator[Progress]:
        """The same for rows of which masses tie, and exactly: bounds that leave nearly all pairs are skipped."""
        tiles = torch.split(rows.sort().values, self.blocks.tile_rows)
        later = torch.split(rest.sort().values, self.blocks.tile_rows) if len(rest) else ()
        for at, left in enumerate(tiles):
            for right in (*tiles[at:], *later):
                self.take_dense(left, right)
                yield self.progress()
            self.count(left, torch.cat([*tiles[at:], *later]))
        self.left -= len(rows) * (len(rows) - 1) // 2 + len(rows) * len(rest)

    def next_strip(self, unwalked: Tensor) -> Tensor:
        """The open batches to be settled next: as many as fill a strip with unwalked rows, and one at least."""
        counts = torch.bincount(self.places.batch[unwalked[self.places.group]], minlength=self.places.batches)
        waiting = self.order[self.open[self.order]]
        fitting = int((counts[waiting].cumsum(0) <= self.blocks.strip).sum())
        return waiting[: max(1, fitting)]

    def take_tile(self, left: Factors, right: Factors, start: int, lowest: float) -> None:
        """Decide the pairs of `left` rows with those of the `right` rows, by falling radius, from `start` on.

        No `right` row needs less than `lowest`, a squared distance.
        """
        radius = self.space.radius[right.rows[start:]]
        lacking = self.needed[left.rows].clamp_max(lowest).sqrt() - self.space.radius[left.rows]
        within = len(radius) if self.exhaustive else int((radius >= lacking.min()).sum())
        if not within:
            return
        partners = right.rows[start : start + within]
        level = self.ladder.choose(left.rows, partners, self.needed)
        remains = self.sift(level, left, right, slice(start, start + within))
        pairs = self.mattering(remains)
        full = self.ladder.levels[-1]
        if level is full:
            self.count(left.rows, partners)
            self.take_remains(remains, pairs)
        elif pairs is not None:
            self.set_aside(*pairs)
        else:
            self.count(remains.rows, remains.partners)
            remains = self.sift(full, Factors(remains.rows), Factors(remains.partners), slice(None))
            self.take_remains(remains, self.mattering(remains))

    def sift(self, level: Level, left: Factors, right: Factors, part: slice) -> Remains:
        """What a level leaves of the pairs of `left` rows with a `part` of the `right` rows."""
        rows, partners = left.rows, right.rows[part]
        product = self.workspace[: len(rows) * len(partners)].view(len(rows), len(partners))
        torch.mm(left.left(level), right.right(level)[part].T, out=product)
        slack = level.slack_for(float(self.space.radius[rows].max() + self.space.radius[partners].max()))
        need, partners_need = self.needed[rows], self.needed[partners]
        row = _reaching(product.amin(dim=1), slack, need.clamp_max(float(partners_need.min())))
        if row.numel() == 0:
            return Remains(rows[row], partners[row], product[:0, :0], slack)
        column = _reaching(product.amin(dim=0), slack, partners_need.clamp_max(float(need[row].min())))
        at = row.to(product.device)[:, None], column.to(product.device)
        return Remains(rows[row], partners[column], product[at], slack)

    def mattering(self, remains: Remains) -> tuple[Tensor, Tensor] | None:
        """The pairs (m,), i < j, of a tile's remains that still matter, each once; None where they are many."""
        found = 0
        pairs = [(torch.empty(0, dtype=torch.int64),) * 2]
        step = max(1, _CHECKED // max(1, len(remains.partners)))
        for start in range(0, len(remains.rows), step):
            rows = remains.rows[start : start + step]
            reach = remains.product[start : start + step].to("cpu", torch.float64).mul_(-2).add_(remains.slack)
            needed = torch.minimum(self.needed[rows][:, None], self.needed[remains.partners])
            row, column = (reach >= needed).nonzero(as_tuple=True)
            found += len(row)
            if found > _FEW_PAIRS:
                return None
            pairs.append((rows[row], remains.partners[column]))
        i, j = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        return self.once(i, j)

    def take_remains(self, remains: Remains, pairs: tuple[Tensor, Tensor] | None) -> None:
        """Decide what the full level left of a tile: its mattering `pairs`, or None where they are many."""
        if pairs is None:
            self.learn(remains.rows, remains.partners[remains.product.argmin(dim=1).cpu()])
            pairs = self.mattering(remains)
        if pairs is not None:
            self.take(*pairs)
            return
        rows, partners = remains.rows.sort().values, remains.partners.sort().values
        others = partners[~torch.isin(partners, rows)]
        if len(others) < len(partners):
            self.take_dense(rows, rows)
        self.take_dense(rows, others)

    def once(self, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
        """The pairs (m,) with i < j, each once."""
        keys = torch.unique(torch.minimum(i, j) * self.n + torch.maximum(i, j))
        i, j = keys // self.n, keys % self.n
        return i[i != j], j[i != j]

    def learn(self, i: Tensor, j: Tensor) -> None:
        """Evaluate pairs (m,) only to raise the bounds."""
        i, j = self.once(i, j)
        self.bounds.evaluated(i, j, squared_distances(self.space.rows, i, j, self.space.shift))
        self.needed = self.bounds.needed(self.places)

    def set_aside(self, i: Tensor, j: Tensor) -> None:
        """Keep pairs (m,), i < j, to be evaluated together with others."""
        self.aside.append((i, j))
        self.aside_pairs += i.numel()
        if self.aside_pairs > _FEW_PAIRS:
            self.take_aside()

    def take_aside(self) -> None:
        """Evaluate the pairs that were set aside."""
        if self.aside:
            i, j = (torch.cat(parts) for parts in zip(*self.aside, strict=True))
            self.aside.clear()
            self.aside_pairs = 0
            self.evaluated += torch.bincount(
                torch.minimum(self.rank[i], self.rank[j]), minlength=len(self.evaluated)
            )
            self.take(i, j)

    def take(self, i: Tensor, j: Tensor) -> None:
        """Evaluate pairs (m,), i < j, for good."""
        if not len(i):
            return
        squares = squared_distances(self.space.rows, i, j, self.space.shift)
        self.bounds.evaluated(i, j, squares)
        self.needed = self.bounds.needed(self.places)
        self.contenders.add(i, j, squares)
        self.verified[i // self.batch] = True
        self.verified[j // self.batch] = True

    def take_dense(self, left: Tensor, right: Tensor) -> None:
        """Decide a tile of which too many pairs are left, at once in float64; rows as `Dense.tiles` asks."""
        for tile in self.dense.tiles(left, right, self.places.copies, self.raise_to):
            if tile.square is None or tile.ties is None:
                for part in torch.split(torch.arange(len(tile.i)), _FEW_PAIRS) if len(tile.i) else ():
                    self.take(tile.i[part], tile.j[part])
            elif len(tile.i):
                self.bounds.evaluated(tile.i, tile.j, tile.square)
                self.needed = self.bounds.needed(self.places)
                self.contenders.add_exact(tile.i, tile.j, tile.square, tile.ties)
            self.contenders.keep(self.needed)

    def raise_to(self, rows: Tensor, squares: Tensor) -> Tensor:
        self.bounds.at_least(rows, squares)
        self.needed = self.bounds.needed(self.places)
        return self.needed

    def count(self, left: Tensor, right: Tensor) -> None:
        """Count each pair of `left` (a,) and `right` (b,) as evaluated, in that of its batches settled first."""
        ranks = [self.rank[left], self.rank[right]]
        if int(ranks[0].max()) < int(ranks[1].min()):
            self.evaluated += torch.bincount(ranks[0], minlength=len(self.evaluated)) * len(right)
            return
        batches, at = torch.unique(torch.cat(ranks), return_inverse=True)
        held = [torch.bincount(part, minlength=len(batches)) for part in (at[: len(left)], at[len(left) :])]
        both = torch.bincount(at[: len(left)][torch.isin(left, right)], minlength=len(batches))
        ordered = held[0][:, None] * held[1]
        twice = both[:, None] * both
        pairs = (ordered + ordered.T - twice).triu(1)
        pairs += torch.diag(ordered.diagonal() - both * (both + 1) // 2)
        self.evaluated.index_add_(0, batches, pairs.sum(dim=1))

    def without(self, alive: Tensor) -> Tensor:
        """The open batches in which none of the rows `alive` stands: nothing is left to decide in them."""
        busy = torch.zeros(self.n, dtype=torch.bool)
        busy[alive] = True
        open_ = self.open.clone()
        open_[self.places.batch[busy[self.places.group]]] = False
        return open_.nonzero().flatten()

    def settle(self, batches: Tensor) -> Iterator[BatchDone]:
        """Close `batches` (k,), all of whose pairs are decided, in order."""
        winners = self.contenders.winners(batches)
        for b in batches.tolist():
            self.open[b] = False
            yield self.done(b, winners[b])

    def done(self, b: int, winner: Winner) -> BatchDone:
        start, end = b * self.batch, min((b + 1) * self.batch, self.n)
        self.open_rows -= end - start
        return BatchDone(
            batch=b,
            start=start,
            end=end,
            maximum=self.distance(winner.square),
            i=winner.i,
            j=winner.j,
            pairs=(end - start) * self.open_rows + (end - start) * (end - start - 1) // 2,
            evaluated=int(self.evaluated[self.rank[start]]),
            seconds=self.seconds(),
            settled=self.settled_by(b),
        )

    def settled_by(self, b: int) -> Settled:
        if self.exhaustive:
            return "exhaustive"
        if not self.walked[b]:
            return "bounds"
        return "float64" if self.verified[b] else "screen"

    def lower_bounds(self) -> Iterator[BatchBound]:
        """The open batches' maxima so far, where they have changed since they were last said."""
        for b, leader in self.contenders.leaders(self.open.nonzero().flatten()).items():
            if self.shown.get(b) != leader.square:
                self.shown[b] = leader.square
                lower = self.distance(leader.square) * (1 - float64_error(self.d))
                yield BatchBound(batch=b, lower=lower, i=leader.i, j=leader.j)

    def certificate(self) -> PairFound:
        farthest, ties, runner_up = self.contenders.farthest()
        distance = self.distance(farthest.square)
        return PairFound(
            i=farthest.i,
            j=farthest.j,
            distance=distance,
            error=2 * math.ulp(distance),
            ties=ties,
            runner_up=self.distance(runner_up.square) if runner_up else None,
            runner_up_i=runner_up.i if runner_up else None,
            runner_up_j=runner_up.j if runner_up else None,
            pairs=self.total,
            evaluated=int(self.evaluated.sum()),
            seconds=self.seconds(),
        )

    def end_without_distance(self) -> Iterator[SearchEvent]:
        """All rows are equal: every pair is a farthest pair, at distance 0."""
        for b in range(self.places.batches):
            yield self.done(b, Winner(0.0, 0, max(1, b * self.batch)))
        self.left = 0
        yield self.progress()
        yield PairFound(
            i=0,
            j=1,
            distance=0.0,
            error=0.0,
            ties=self.total,
            runner_up=None,
            runner_up_i=None,
            runner_up_j=None,
            pairs=self.total,
            evaluated=0,
            seconds=self.seconds(),
        )

    def distance(self, square: float) -> float:
        """The distance behind a scaled square, off by less than two units in its last place."""
        try:
            return math.ldexp(math.sqrt(square), -self.space.shift)
        except OverflowError:
            raise InputError(
                "The rows lie farther apart than float64 can say (1.8e308): scale them down."
            ) from None

    def seconds(self) -> float:
        return time.perf_counter() - self.began

    def progress(self) -> Progress:
        settled, seconds = self.total - self.left, self.seconds()
        return Progress(
            settled=settled, pairs=self.total, seconds=seconds, pairs_per_second=settled / max(seconds, 1e-9)
        )


def _reaching(lowest: Tensor, slack: float, needed: Tensor) -> Tensor:
    """Where -2 `lowest` + slack reaches `needed` (m,) float64, as indices on the CPU."""
    return (lowest.cpu().to(torch.float64) * -2 + slack >= needed).nonzero().flatten()
