"""The results of a search as events: lower bounds, settled batches, checkpoints, the certificate.

Every distance that is settled is the float64 nearest to the exact one.
"""

import math
from collections.abc import Callable, Iterator

from torch import Tensor

from ..errors import ProofError
from ..events import BatchBound, BatchDone, Checkpoint, PairFound, Settled
from .centered_rows import CenteredRows
from .pair_counts import PairCounts
from .rounding import float64_error
from .tiles import Tiles

_MOST_KEPT = 1 << 14  # pairs in a checkpoint, 250 KB of journal; with more near ties there is none


class Results:
    """The events of a search of `centered`, from what its `tiles` have shown and its `pair_counts` has counted."""

    def __init__(self, centered: CenteredRows, tiles: Tiles, pair_counts: PairCounts) -> None:
        self._centered, self._tiles, self._pair_counts = centered, tiles, pair_counts
        self._by_batches = tiles.thresholds.by_batches
        self._said: dict[int, float] = {}
        self._largest = 0.0

    def lower_bounds(self) -> Iterator[BatchBound]:
        """The open batches' maxima so far that have changed since the last call."""
        if not self._by_batches:
            return
        error = float64_error(self._centered.rows.shape[1])
        for b, leader in self._tiles.candidates.leaders(self._pair_counts.waiting).items():
            if self._said.get(b) != leader.distance:
                self._said[b] = leader.distance
                lower = max(0.0, leader.distance * (1 - error) - 2 * math.ulp(leader.distance))
                yield BatchBound(batch=b, lower=lower, i=leader.i, j=leader.j)

    def settled(self, batches: Tensor, how: Callable[[int], Settled]) -> Iterator[BatchDone]:
        """Close `batches` (k,), all of whose pairs are decided, in order; `how` says for each what that took.

        Raises ProofError where none of a batch's pairs was evaluated.
        """
        if not self._by_batches:
            self._pair_counts.open[batches] = False
            return
        winners = self._tiles.candidates.winners(batches)
        for b in batches.tolist():
            winner = winners.get(b)
            if winner is None:
                raise ProofError(f"no pair is left for the maximum of batch {b}")
            self._largest = max(self._largest, winner.distance)
            yield self._pair_counts.close(b, winner.distance, (winner.i, winner.j), how(b))

    def checkpoint(self, grouping: int) -> Iterator[Checkpoint]:
        """The point from which the search can be resumed, where it is short enough for the journal."""
        if not self._by_batches:
            return
        pairs = self._tiles.candidates.pairs
        if len(pairs) <= _MOST_KEPT:
            yield Checkpoint(
                batches=int((~self._pair_counts.open).sum()),
                pairs=tuple((i, j, ties) for i, j, ties in pairs.tolist()),
                grouping=grouping,
            )

    def certificate(self) -> PairFound:
        """The farthest pair, once every pair is decided. Raises ProofError where it contradicts the batches."""
        farthest, ties, runner_up = self._tiles.candidates.farthest()
        lacks_runner_up = ties == 1 and runner_up is None and self._pair_counts.total > 1
        if lacks_runner_up or ties < 1 or farthest.distance < self._largest:
            raise ProofError(
                f"the farthest pair, {farthest} with {ties} ties before {runner_up}, contradicts a batch's maximum"
            )
        distance = farthest.distance
        return PairFound(
            i=farthest.i,
            j=farthest.j,
            distance=distance,
            error=max(math.ulp(distance) / 2, math.ulp(0.0)),
            ties=ties,
            runner_up=runner_up.distance if runner_up else None,
            runner_up_i=runner_up.i if runner_up else None,
            runner_up_j=runner_up.j if runner_up else None,
            runner_up_gap=self._tiles.candidates.gap(farthest, runner_up) if runner_up else None,
            pairs=self._pair_counts.total,
            evaluated=self._pair_counts.evaluated,
            seconds=self._pair_counts.seconds(),
            precision=self._tiles.choice.name,
        )

    def no_distance(self) -> PairFound:
        """The certificate of rows that are all equal: every pair is a farthest pair, at distance 0."""
        return PairFound(
            i=0,
            j=1,
            distance=0.0,
            error=0.0,
            ties=self._pair_counts.total,
            runner_up=None,
            runner_up_i=None,
            runner_up_j=None,
            pairs=self._pair_counts.total,
            evaluated=self._pair_counts.evaluated,
            seconds=self._pair_counts.seconds(),
            precision=self._tiles.choice.name,
        )

    def farthest(self, count: int) -> list[tuple[int, int, float]]:
        """The `count` farthest pairs i < j and their distances, once they are decided."""
        return [(pair.i, pair.j, pair.distance) for pair in self._tiles.candidates.top(count)]
