"""Collects a search's events, and compares them with the truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from farpair.engine.events import BatchBound, BatchDone, PairFound, Progress
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.block_sizes import Blocks, blocks_for
from farpair.engine.search.search import SearchEvent, search
from support.reference import Truth

ULP_OF_0 = Fraction(2) ** -1074  # the least that float64 can hold


@dataclass(frozen=True)
class Answer:
    """What a search said of `rows` (n, d) in batches of `batch`."""

    rows: torch.Tensor
    batch: int
    events: Sequence[SearchEvent]
    pair: PairFound

    @property
    def n(self) -> int:
        return len(self.rows)

    @property
    def d(self) -> int:
        return self.rows.shape[1]

    @property
    def done(self) -> list[BatchDone]:
        """The batches in order of their numbers."""
        return sorted(
            (event for event in self.events if isinstance(event, BatchDone)), key=lambda done: done.batch
        )

    @property
    def bounds(self) -> list[BatchBound]:
        return [event for event in self.events if isinstance(event, BatchBound)]

    @property
    def progress(self) -> list[Progress]:
        return [event for event in self.events if isinstance(event, Progress)]

    @property
    def named(self) -> tuple[object, ...]:
        """All that does not depend on how the search was carried out."""
        batches = tuple((done.batch, done.maximum, done.i, done.j) for done in self.done)
        pair = self.pair
        runner_up = pair.runner_up, pair.runner_up_i, pair.runner_up_j
        return batches, pair.i, pair.j, pair.distance, pair.error, pair.ties, runner_up


def answer(
    rows: torch.Tensor,
    batch: int = 256,
    *,
    exhaustive: bool = False,
    memory: int = 0,
    walk: bool = True,
    precision: str = "auto",
    blocks: Blocks | None = None,
) -> Answer:
    """Search rows (n, d) to the end; with `walk` not by the short way that there is for few rows."""
    before = rows.clone().contiguous()
    n, d = rows.shape
    blocks = blocks or blocks_for(rows.device, n, d, memory)
    if walk:
        blocks = replace(blocks, few=0)
    events = list(
        search(rows, RunSettings(batch=batch, exhaustive=exhaustive, precision=precision), blocks=blocks)
    )
    assert torch.equal(rows.contiguous().view(torch.uint8), before.view(torch.uint8)), (
        "the search wrote into its rows"
    )
    pair = events[-1]
    assert isinstance(pair, PairFound), "PairFound is not last"
    return Answer(rows, batch, events, pair)


def assert_true(found: Answer, truth: Truth) -> None:
    """Fail where the answer is not the truth, or where its events contradict one another."""
    _assert_batches_are_true(found, truth)
    _assert_pair_is_true(found, truth)
    _assert_events_are_consistent(found)


def within(value: float, square: Fraction, relative: Fraction) -> bool:
    """Whether `value` is the square root of `square` within a relative error or an ulp of 0, decided exactly."""
    low = max(Fraction(0), min(Fraction(value) / (1 + relative), Fraction(value) - ULP_OF_0))
    high = max(Fraction(value) / (1 - relative), Fraction(value) + ULP_OF_0)
    return low**2 <= square <= high**2


def stated_error(d: int) -> Fraction:
    """4 gamma(d + 2) for float64, exactly."""
    ku = Fraction(d + 2, 2**53)
    return 4 * ku / (1 - ku)


def _assert_batches_are_true(found: Answer, truth: Truth) -> None:
    n, batch = found.n, found.batch
    assert [done.batch for done in found.done] == list(range(len(truth.batches))), "not every batch is done once"
    for done, true in zip(found.done, truth.batches, strict=True):
        assert (done.start, done.end) == (done.batch * batch, min((done.batch + 1) * batch, n))
        assert within(done.maximum, true.square, stated_error(found.d)), f"{done}: the square is {true.square}"
        assert (done.i, done.j) == (true.i, true.j), f"{done}: the farthest pair is {true.i, true.j}"
    for bound in found.bounds:
        true = truth.batches[bound.batch]
        lower = max(Fraction(0), Fraction(bound.lower) - ULP_OF_0)
        assert lower**2 <= true.square * (1 + stated_error(found.d)) ** 2, f"{bound}: too high"
        assert 0 <= bound.i < bound.j < n
        assert bound.batch in (bound.i // batch, bound.j // batch), f"{bound}: not a pair of this batch"


def _assert_pair_is_true(found: Answer, truth: Truth) -> None:
    pair = found.pair
    assert (pair.i, pair.j) == (truth.pair.i, truth.pair.j), f"{pair}: the farthest is {truth.pair}"
    assert within(pair.distance, truth.pair.square, stated_error(found.d))
    low, high = (Fraction(pair.distance) + sign * Fraction(pair.error) for sign in (-1, 1))
    assert max(low, Fraction(0)) ** 2 <= truth.pair.square <= high**2, f"{pair}: the error is not a bound"
    assert pair.error <= float(stated_error(found.d) * Fraction(pair.distance) + 4 * ULP_OF_0)
    assert pair.ties == truth.ties, f"{pair}: {truth.ties} pairs are at the largest distance"
    if truth.second is None or truth.ties > 1:
        assert (pair.runner_up, pair.runner_up_i, pair.runner_up_j) == (None, None, None)
    else:
        assert pair.runner_up is not None, f"{pair}: the runner-up is {truth.second}"
        assert within(pair.runner_up, truth.second.square, stated_error(found.d)), f"{pair}: not {truth.second}"
        assert (pair.runner_up_i, pair.runner_up_j) == (truth.second.i, truth.second.j), (
            f"{pair}: not {truth.second}"
        )


def _assert_events_are_consistent(found: Answer) -> None:
    n, pair = found.n, found.pair
    pairs = n * (n - 1) // 2
    maxima = {done.batch: done.maximum for done in found.done}
    settled_at = {event.batch: at for at, event in enumerate(found.events) if isinstance(event, BatchDone)}
    assert sum(isinstance(event, BatchDone) for event in found.events) == len(maxima), "a batch is done twice"
    assert sum(isinstance(event, PairFound) for event in found.events) == 1
    lower: dict[int, float] = {}
    for at, event in enumerate(found.events):
        if isinstance(event, BatchBound):
            assert event.lower <= maxima[event.batch], f"{event} exceeds the maximum {maxima[event.batch]}"
            assert event.lower >= lower.get(event.batch, 0.0), f"{event} takes back a bound"
            assert at < settled_at[event.batch], f"{event} comes after the batch was done"
            lower[event.batch] = event.lower
    assert max(maxima.values()) == pair.distance
    assert pair.pairs == pairs
    assert sum(done.pairs for done in found.done) == pairs
    assert all(0 <= done.evaluated <= done.pairs for done in found.done), "more evaluated than there are pairs"
    assert sum(done.evaluated for done in found.done) == pair.evaluated <= pairs
    settled = [progress.settled for progress in found.progress]
    assert settled == sorted(settled), "progress goes backwards"
    assert settled[-1] == pairs
    assert all(progress.pairs == pairs for progress in found.progress)
    seconds = [event.seconds for event in found.events if isinstance(event, Progress | BatchDone | PairFound)]
    assert seconds == sorted(seconds), "time goes backwards"
