"""The farthest pair of n rows, and every batch's own maximum: exact, streamed, and proved.

A pair (i, j) matters while an upper bound of its distance reaches its threshold: the smaller of its two
batches' maxima so far, or the second largest distance so far where that is less (it is the runner-up that the
certificate names). Bounds go from cheap to expensive, and a pair that no bound discards is evaluated in float64:

1. pivots     A few rows of largest radius against all rows. In practice this finds every batch's maximum; what
              is left is to prove it.                                                           (`pivots`)
2. radii      |x_i - x_j| <= r_i + r_j. Rows that reach no other row this way are done.         (`centered_rows`)
3. copies     Rows with the same bits are searched as one.                                      (`duplicates`)
4. levels     Tiles of the remaining pairs, by matrix products of the width that pays.
                                                   (`tiles`, `screening_levels`, `level_selection`)
5. float64    The survivors by direct differences; they raise the thresholds.                  (`rounding`)

Batches are walked by threshold, lowest first, several at a time (a strip), each against itself and all rows not
walked yet; a batch is settled for good with its strip. In this order a pair's threshold is that of the strip's
row, so that by decreasing radius a row's partners are a prefix.
"""

from collections.abc import Generator, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ..device import choose_device
from ..events import BatchBound, BatchDone, Checkpoint, PairFound, Progress, ResumePoint, Settled, Warned
from ..memory import Shortage
from ..run_settings import AUTO, DEFAULTS, RunSettings, checked
from ..stopwatch import Stopwatch
from .block_sizes import Blocks, blocks_for
from .centered_rows import center_rows
from .duplicates import DuplicateGroups, first_equal, first_unequal
from .isolation import events_apart
from .level_selection import only_full_level, select_levels
from .pair_counts import PairCounts
from .pivots import pivot_pairs
from .precision import choose_precision
from .pruning import (
    farthest_out_of_each,
    may_have_many_duplicates,
    others,
    partners_in_reach,
    with_a_pair_that_matters,
)
from .results import Results
from .rounding import check_float64
from .screening_levels import Factors
from .thresholds import Thresholds
from .tiles import FEW_PAIRS, Tiles

SearchEvent = BatchBound | BatchDone | Checkpoint | Progress | PairFound | Warned


def search(
    rows: Tensor,
    settings: RunSettings = DEFAULTS,
    *,
    blocks: Blocks | None = None,
    resume: ResumePoint | None = None,
) -> Generator[SearchEvent]:
    """Search rows (n, d), n >= 2, finite, of any float dtype; see `events` for what is yielded, PairFound last.

    The device "auto" is the one that holds the rows. `settings.threads` is left to the caller: torch's threads
    belong to the process. `blocks` are the block sizes, which by default follow from
    `settings.memory` (see `block_sizes.blocks_for`). `resume` is the point at which an earlier search of the same
    rows, in batches of the same size, was cut short: its settled batches are repeated as events, and the answer is
    the one that it would have given.

    It runs in a thread of its own, a few events ahead, so that no torch setting of the caller's reaches it;
    closing the generator stops it. Raises InputError where a setting is not allowed, where this machine has no
    such device, or where a distance exceeds float64, and ProofError where it cannot prove its answer.
    """
    yield from events_apart(lambda: search_here(rows, settings, blocks=blocks, resume=resume))


def search_here(
    rows: Tensor,
    settings: RunSettings = DEFAULTS,
    *,
    blocks: Blocks | None = None,
    resume: ResumePoint | None = None,
    stopwatch: Stopwatch | None = None,
) -> Generator[SearchEvent]:
    """The same in the caller's thread, step by step; each step between two events is a few milliseconds of work.

    It is for a process of the search's own, in which nothing has changed how torch computes. The seconds in events
    are those of `stopwatch`, which has to be paused with the search.
    """
    rows = rows.detach() if rows.dtype in (torch.float32, torch.float64) else rows.detach().to(torch.float32)
    n, d = rows.shape
    settings = checked(settings)
    device = rows.device if settings.device == AUTO else choose_device(settings.device)
    sizes = blocks or blocks_for(device, n, d, settings.memory)
    yield from Search(rows.to(device), settings, sizes, resume=resume, stopwatch=stopwatch).events()


class Search:
    """One search, from its pivots to its certificate.

    With `most` it looks for that many farthest pairs of all rows instead of each batch's maximum. Copies are then
    not merged and ties not reduced, and `farthest` gives the pairs once `events` has ended.
    """

    def __init__(
        self,
        rows: Tensor,
        settings: RunSettings,
        blocks: Blocks,
        *,
        most: int | None = None,
        resume: ResumePoint | None = None,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self._n, self._d = rows.shape
        self._batch, self._blocks, self._exhaustive = settings.batch, blocks, settings.exhaustive
        choice = choose_precision(settings, rows.device, terms=self._n**2 * self._d)
        self._by_batches = most is None
        self._resume = resume
        self._pair_counts = PairCounts(self._n, self._batch, stopwatch)
        self._centered = center_rows(rows, far_out=blocks.pivots)
        groups = DuplicateGroups(torch.arange(self._n), self._batch)
        self._thresholds = Thresholds(groups, self._d, most or 2, by_batches=self._by_batches)
        self._tiles = Tiles(self._centered, self._thresholds, self._pair_counts, choice, most)
        self._walked = torch.zeros(groups.batches, dtype=torch.bool)
        self._results = Results(self._centered, self._tiles, self._pair_counts)
        self._all_in_float64 = False

    @property
    def _groups(self) -> DuplicateGroups:
        return self._thresholds.groups

    def events(self) -> Generator[SearchEvent]:
        """The events of the search. Raises ProofError where an answer is not proved."""
        check_float64()
        yield self._pair_counts.progress()
        yield from self._work_on(self._blocks)
        pivots = self._centered.farthest_out(self._blocks.pivots)
        if not self._take_pivots(pivots):
            yield from self._all_equal()
            return
        alive = others(self._n, pivots)
        if not self._exhaustive:
            alive = with_a_pair_that_matters(self._centered, self._thresholds, alive)
        if len(alive) > self._n // 2:
            self._learn_from_every_batch()
        alive = self._merge_duplicates(alive)
        if self._resume and self._resume.checkpoint.grouping != self._groups.mark:
            self._resume = None
            message = "Copies are grouped otherwise than they were: the search starts anew."
            yield Warned(kind="resumed", message=message)
        if not self._are_few(alive):
            yield from self._select_levels(alive)
        settled, idle = self._settled_before(), self._idle(alive)
        alive = self._without_rows_in(settled, alive)
        self._pair_counts.left = len(alive) * (len(alive) - 1) // 2
        self._order_batches(settled, idle)
        self._pair_counts.count_pivots(pivots)
        if self._resume:
            self._pair_counts.reopen(self._resume.settled)
            self._tiles.take_over(torch.tensor(self._resume.checkpoint.pairs, dtype=torch.int64).view(-1, 3))
            yield from self._resume.settled
        if self._are_few(alive):
            self._take_each(alive)
        else:
            yield from self._results.lower_bounds()
            yield from self._results.settled(idle, self._settled_by)
            yield from self._walk(alive)
        yield from self._results.settled(self._pair_counts.waiting, self._settled_by)
        self._tiles.workspace.leave()
        self._pair_counts.check_all_decided()
        yield self._pair_counts.progress()
        if self._by_batches:
            yield self._results.certificate()

    def _all_equal(self) -> Iterator[SearchEvent]:
        """The events where all rows are equal."""
        for b in range(self._groups.batches):
            yield self._pair_counts.close(b, 0.0, (0, max(1, b * self._batch)), self._settled_by(b))
        self._pair_counts.left = 0
        yield self._pair_counts.progress()
        yield self._results.no_distance()

    def farthest(self, count: int) -> list[tuple[int, int, float]]:
        """The `count` farthest pairs i < j and their distances, after a search with `most`."""
        return self._results.farthest(count)

    def _take_pivots(self, pivots: Tensor) -> bool:
        """Decide all pairs with a pivot; False where all rows are equal, so that there is nothing to decide."""
        found = pivot_pairs(self._centered, pivots, self._tiles.workspace)
        self._tiles.learn(*found.likeliest(self._batch))
        if not self._thresholds.any_distance:
            other = first_unequal(self._centered.rows)
            if other is None:
                return False
            self._tiles.learn(torch.tensor([0]), torch.tensor([other]))
        i, j = found.candidates(self._thresholds)
        # Every batch has at least one; nearly all of the few pairs with a pivot may tie.
        if len(i) > min(max(FEW_PAIRS, 4 * self._groups.batches), 2 * self._n):
            self._tiles.take_in_float64(pivots, pivots)
            self._tiles.take_in_float64(pivots, others(self._n, pivots))
            self._all_in_float64 = self._tiles.float64_tiles.are_exact
        else:
            self._tiles.take(i, j)
        return True

    def _learn_from_every_batch(self) -> None:
        """Raise the thresholds by the outermost row of every batch, as the pivots did.

        It costs little beside a walk of most rows, and the farthest partner of a batch need not be a pivot.
        """
        found = pivot_pairs(
            self._centered, farthest_out_of_each(self._centered, self._batch), self._tiles.workspace
        )
        self._tiles.learn(*found.likeliest(self._batch))

    def _merge_duplicates(self, alive: Tensor) -> Tensor:
        """Search copies among the rows `alive` as one row, where equal radii show that there are many."""
        if self._exhaustive or not self._by_batches or not may_have_many_duplicates(self._centered, alive):
            return alive
        first = first_equal(self._centered.rows, alive)
        if torch.equal(first, alive):
            return alive
        original = torch.arange(self._n)
        original[alive] = first
        self._tiles.merge(DuplicateGroups(original, self._batch))
        return alive[original[alive] == alive]

    def _settled_before(self) -> Tensor:
        """The batches that the resumed search had settled, in order."""
        settled = self._resume.settled if self._resume else ()
        return torch.tensor([done.batch for done in settled], dtype=torch.int64)

    def _without_rows_in(self, batches: Tensor, alive: Tensor) -> Tensor:
        """The rows of `alive` that are in none of the `batches` (k,)."""
        return alive[~torch.isin(alive, self._groups.group[torch.isin(self._groups.batch, batches)])]

    def _idle(self, alive: Tensor) -> Tensor:
        """The open batches that hold none of the rows `alive`, so that nothing is left to decide in them."""
        busy = torch.zeros(self._n, dtype=torch.bool)
        busy[alive] = True
        idle = torch.ones(self._groups.batches, dtype=torch.bool)
        idle[self._groups.batch[busy[self._groups.group]]] = False
        idle[self._settled_before()] = False
        return idle.nonzero().flatten()

    def _order_batches(self, settled: Tensor, idle: Tensor) -> None:
        """Order the batches: those `settled` before, then the `idle` ones, then the others by threshold, lowest
        first."""
        threshold = self._thresholds.of_batches()
        threshold[idle] = -1.0
        threshold[settled] = -2.0
        order = threshold.argsort(stable=True)
        order[: len(settled)] = settled
        self._pair_counts.settle_in(order, self._groups)

    def _are_few(self, rows: Tensor) -> bool:
        """Whether the pairs of `rows` among themselves are so few that they are best evaluated one by one."""
        return len(rows) * (len(rows) - 1) // 2 * self._d <= self._blocks.few

    def _take_each(self, rows: Tensor) -> None:
        """Decide every pair of `rows` among themselves."""
        pairs = torch.combinations(torch.arange(len(rows))).T
        self._pair_counts.count_pairs(rows, rows, *pairs)
        self._tiles.take(*rows[pairs])
        self._pair_counts.left -= pairs.shape[1]
        self._walked[self._groups.batch[torch.isin(self._groups.group, rows)]] = True

    def _walk(self, alive: Tensor) -> Iterator[SearchEvent]:
        """Settle the open batches strip by strip: their rows among `alive` against all rows not walked yet."""
        unwalked = torch.zeros(self._n, dtype=torch.bool)
        unwalked[alive] = True
        while bool(self._pair_counts.open.any()):
            batches = self._next_batches(unwalked)
            standing = torch.zeros(self._groups.batches, dtype=torch.bool)
            standing[batches] = True
            rows = torch.unique(self._groups.group[standing[self._groups.batch]])
            strip = rows[unwalked[rows]]
            rest = unwalked.clone()
            rest[strip] = False
            self._tiles.begin_strip()
            before = self._tiles.snapshot(), self._pair_counts.snapshot()
            with Shortage(self._blocks.halvable) as shortage:
                yield from self._walk_strip(strip, rest.nonzero().flatten())
            if shortage.met:
                self._tiles.restore(before[0])
                self._pair_counts.restore(before[1])
                yield from self._back_off(self._blocks)
                yield from self._select_levels(alive)
                continue
            unwalked = rest
            self._walked[batches] = True
            self._tiles.forget()
            yield from self._results.settled(batches, self._settled_by)
            yield from self._results.checkpoint(self._groups.mark)
            yield from self._results.lower_bounds()

    def _next_batches(self, unwalked: Tensor) -> Tensor:
        """The open batches to settle next: as many as fill a strip with unwalked rows, at least one."""
        counts = torch.bincount(self._groups.batch[unwalked[self._groups.group]], minlength=self._groups.batches)
        waiting = self._pair_counts.waiting
        fitting = int((counts[waiting].cumsum(0) <= self._blocks.strip).sum())
        return waiting[: max(1, fitting)]

    def _work_on(self, blocks: Blocks) -> Iterator[Warned]:
        """Use the sizes of `blocks`, or smaller ones where the device has not enough memory."""
        self._blocks = blocks
        with Shortage(blocks.halvable) as shortage:
            self._tiles.use(blocks)
        if shortage.met:
            yield from self._back_off(replace(blocks, projected=blocks.projected // 2))

    def _back_off(self, blocks: Blocks) -> Iterator[Warned]:
        """Use half the sizes of `blocks`, for which there was not enough memory."""
        less = blocks.halved()
        yield Warned(
            kind="memory",
            message=f"The device ran out of memory; the search goes on with {less.strip} rows at a time.",
        )
        yield from self._work_on(less)

    def _select_levels(self, alive: Tensor) -> Iterator[Warned]:
        """Choose the levels for the rows `alive`; only the full level where there is not enough memory for
        that."""
        tiles = self._tiles
        tiles.selection = only_full_level(self._centered, tiles.choice.precision)
        if self._exhaustive:
            return
        with Shortage() as shortage:
            tiles.selection = select_levels(
                self._centered, tiles.choice, alive, self._thresholds, self._blocks, tiles.workspace
            )
        if shortage.met:
            message = "The device ran out of memory; the search goes on without projecting the rows."
            yield Warned(kind="memory", message=message)

    def _walk_strip(self, strip: Tensor, rest: Tensor) -> Iterator[Progress]:
        """Decide the pairs of the rows `strip` among themselves and with the rows `rest`."""
        strip = strip[self._centered.radius[strip].argsort(descending=True)]
        for start in range(0, len(strip), self._blocks.strip):
            end = start + self._blocks.strip
            walk = self._walk_in_float64 if self._all_in_float64 else self._walk_rows
            yield from walk(strip[start:end], torch.cat([strip[end:], rest]))

    def _walk_rows(self, rows: Tensor, rest: Tensor) -> Iterator[Progress]:
        """Decide the pairs of `rows` (at most a strip, by decreasing radius) among themselves and with the
        `rest`."""
        in_reach = partners_in_reach(self._centered, self._thresholds, rows, torch.cat([rows, rest]))
        height = self._blocks.tile_height(in_reach, self._tiles.selection.projects)
        starts, workspace = range(0, len(rows), height), self._tiles.workspace
        tiles = [  # each behind its witness
            Factors(rows[start : start + height], "left", workspace, start + start // height) for start in starts
        ]
        for begin in range(0, len(rows), self._blocks.tile_columns):
            right = Factors(rows[begin : begin + self._blocks.tile_columns], "right", workspace)
            for start, left in zip(starts, tiles, strict=True):
                if start < begin + len(right.rows):
                    self._tiles.take_tile(left, right, max(0, start - begin), self._lowest(rows))
                    yield self._pair_counts.progress()
        self._pair_counts.left -= len(rows) * (len(rows) - 1) // 2
        self._tiles.take_aside()
        rest = rest[self._centered.radius[rest].argsort(descending=True)]
        for part in torch.split(rest, self._blocks.tile_columns) if len(rest) else ():
            right = Factors(part, "right", workspace)
            lowest = self._lowest(rest)
            for left in tiles:
                self._tiles.take_tile(left, right, 0, lowest)
                yield self._pair_counts.progress()
            self._pair_counts.left -= len(rows) * len(part)
        self._tiles.take_aside()

    def _lowest(self, rows: Tensor) -> float:
        """The lowest threshold of `rows`; 0 where every pair is to be evaluated."""
        return 0.0 if self._exhaustive else float(self._thresholds.of(rows).min())

    def _walk_in_float64(self, rows: Tensor, rest: Tensor) -> Iterator[Progress]:
        """The same for rows with masses of exact ties: bounds would leave nearly all pairs and are skipped."""
        tiles = torch.split(rows.sort().values, self._blocks.tile_rows)
        later = torch.split(rest.sort().values, self._blocks.tile_rows) if len(rest) else ()
        for at, left in enumerate(tiles):
            for right in (*tiles[at:], *later):
                self._tiles.take_in_float64(left, right)
                yield self._pair_counts.progress()
            self._pair_counts.count_tile(left, torch.cat([*tiles[at:], *later]))
        self._pair_counts.left -= len(rows) * (len(rows) - 1) // 2 + len(rows) * len(rest)

    def _settled_by(self, b: int) -> Settled:
        if self._exhaustive:
            return "exhaustive"
        if not self._walked[b]:
            return "bounds"
        rows = self._groups.group[self._groups.batch == b]
        return "float64" if bool(self._tiles.verified[rows].any()) else "screening"
