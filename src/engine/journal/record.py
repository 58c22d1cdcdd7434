"""The fold of a run's events into one record, which the screen, the report and a resumed run read."""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

import msgspec

from ..events import (
    Analysed,
    AnyEvent,
    BatchBound,
    BatchDone,
    Checkpoint,
    Climbing,
    Continued,
    DuplicateRows,
    Ending,
    EngineStarted,
    FarthestPairs,
    Ladder,
    Measured,
    Named,
    PairFound,
    Paused,
    Progress,
    Queued,
    ResumePoint,
    RunEnded,
    RunStarted,
    Token,
    TokenMeasure,
    Triangle,
    Verified,
    Warned,
)

State = Literal["queued", "starting", "searching", "paused", "analysing"] | Ending

MOST_WARNINGS: Final = 1000  # a run has a few, but each event of a newer version adds one


class BatchRecord(msgspec.Struct):
    """A batch of the rows start ≤ i < end: its lower bound and the pair that attains it, and `done` once
    settled."""

    batch: int
    start: int
    end: int
    lower: float | None = None
    i: int | None = None
    j: int | None = None
    done: BatchDone | None = None

    @property
    def value(self) -> float | None:
        """The maximum if it is proved, else the lower bound, else None."""
        return self.done.maximum if self.done else self.lower


class RunRecord(msgspec.Struct):
    """The state of one run after the events read so far; `apply` takes the events in order."""

    engine: EngineStarted | None = None
    engine_time: float | None = None
    started: RunStarted | None = None
    tokens: dict[int, Token] = {}
    warnings: list[Warned] = []
    batches: list[BatchRecord] = []
    touched: list[int] = []  # the batches of all BatchBound and BatchDone events, in order
    settled: list[BatchDone] = []
    checkpoint: Checkpoint | None = None
    progress: Progress | None = None
    pair: PairFound | None = None
    analysis: Analysed | None = None
    measures: dict[int, TokenMeasure] = {}  # by row, for the rows in the pairs of settled batches
    triangles: dict[tuple[int, int], Triangle] = {}  # by pair (i, j), for those pairs
    centroid_norm: float | None = None
    climbing: Climbing | None = None
    ladder: Ladder | None = None
    farthest: FarthestPairs | None = None
    duplicates: DuplicateRows | None = None
    ended: RunEnded | None = None
    verified: Verified | None = None  # the last check of all rows or with a refutation, else the last check
    verified_time: float | None = None
    paused: bool = False
    queued: Queued | None = None
    last_time: float | None = None

    def apply(self, time: float, event: AnyEvent) -> None:
        """Fold one more event, written at `time` (seconds since the epoch)."""
        if not isinstance(event, Verified):  # a check is not a part of the run
            self.last_time = time
        if name := _KEPT.get(type(event)):
            setattr(self, name, event)
        elif apply := _APPLIED.get(type(event)):
            apply(self, time, event)

    def _engine_started(self, time: float, event: EngineStarted) -> None:
        self.engine, self.engine_time = event, time

    def _queued(self, _: float, event: Queued) -> None:
        self.queued = event if event.ahead else None

    def _run_started(self, _: float, event: RunStarted) -> None:
        self.started, self.queued = event, None
        self.batches = [
            BatchRecord(b, b * event.batch, min((b + 1) * event.batch, event.n))
            for b in range(event.batches if event.n > 1 else 0)  # one row has no pair
        ]
        self.touched, self.settled, self.checkpoint = [], [], None

    def _named(self, _: float, event: Named) -> None:
        self.tokens.update((token.index, token) for token in event.tokens)

    def _warned(self, _: float, event: Warned) -> None:
        if len(self.warnings) < MOST_WARNINGS and event not in self.warnings[-1:]:
            self.warnings.append(event)

    def _batch_bound(self, _: float, event: BatchBound) -> None:
        row = self.batches[event.batch]
        if row.done is None:
            row.lower, row.i, row.j = event.lower, event.i, event.j
            self.touched.append(event.batch)

    def _batch_done(self, _: float, event: BatchDone) -> None:
        row = self.batches[event.batch]
        if row.done is None:
            self.settled.append(event)
        row.done, row.i, row.j = event, event.i, event.j
        self.touched.append(event.batch)

    def _paused(self, _: float, event: Paused | Continued) -> None:
        self.paused = isinstance(event, Paused)

    def _measured(self, _: float, event: Measured) -> None:
        self.measures.update((token.index, token) for token in event.tokens)
        self.triangles.update(((pair.i, pair.j), pair.triangle) for pair in event.pairs)
        self.centroid_norm = event.centroid_norm

    def _run_ended(self, _: float, event: RunEnded) -> None:
        self.ended, self.paused = event, False

    def _verified(self, time: float, event: Verified) -> None:
        before = self.verified
        if before is None or before.sample is not None or event.sample is None or not event.confirmed:
            self.verified, self.verified_time = event, time

    @property
    def batches_done(self) -> int:
        """The number of settled batches."""
        return len(self.settled)

    @property
    def resume_point(self) -> ResumePoint | None:
        """The point from which a search of the same rows can be resumed; None where there is no checkpoint with a
        settled batch."""
        point = self.checkpoint
        if point is None or not 0 < point.batches <= len(self.settled):
            return None
        return ResumePoint(tuple(self.settled[: point.batches]), point)

    @property
    def state(self) -> State:
        """The state of the run by its journal. A killed engine writes no end, so that its run seems in
        progress."""
        if self.ended:
            return self.ended.state
        if self.paused:
            return "paused"
        if self.queued:
            return "queued"
        if self.started is None:
            return "starting"
        return "searching" if self.pair is None else "analysing"

    @property
    def seconds_left(self) -> float | None:
        """The seconds that the search still needs at its present rate; None while that is unknown."""
        if self.progress is None or self.progress.pairs_per_second <= 0 or self.state != "searching":
            return None
        return (self.progress.pairs - self.progress.settled) / self.progress.pairs_per_second


# The attribute that holds the newest event of each type, and the methods that apply the events of other types.
_KEPT: Final[Mapping[type[AnyEvent], str]] = {
    Checkpoint: "checkpoint",
    Progress: "progress",
    PairFound: "pair",
    Analysed: "analysis",
    Climbing: "climbing",
    Ladder: "ladder",
    FarthestPairs: "farthest",
    DuplicateRows: "duplicates",
}
_APPLIED: Final[Mapping[type[AnyEvent], Callable[[RunRecord, float, Any], None]]] = {
    EngineStarted: RunRecord._engine_started,
    Queued: RunRecord._queued,
    RunStarted: RunRecord._run_started,
    Named: RunRecord._named,
    Warned: RunRecord._warned,
    BatchBound: RunRecord._batch_bound,
    BatchDone: RunRecord._batch_done,
    Paused: RunRecord._paused,
    Continued: RunRecord._paused,
    Measured: RunRecord._measured,
    RunEnded: RunRecord._run_ended,
    Verified: RunRecord._verified,
}
