"""Describes a run in progress in sentences, for screen readers, dumb terminals and logs. Torch is not imported."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ..events import (
    Analysed,
    AnyEvent,
    BatchDone,
    Continued,
    EngineStarted,
    FarthestPairs,
    Ladder,
    PairFound,
    Paused,
    Progress,
    Queued,
    RunEnded,
    RunStarted,
    Summary,
    TokenMeasure,
    Verified,
    Warned,
)
from ..journal.record import RunRecord
from ..text.escape import visible
from ..text.numbers import count, degrees, distance, duration, ratio, share
from . import sentences
from .outliers import outliers
from .sentences import label


def told(record: RunRecord, event: AnyEvent) -> Iterator[str]:
    """The sentences about `event`, which is the last in `record`; none about bounds, names and progress."""
    tell = _TOLD.get(type(event))
    return tell(record, event) if tell else iter(())


def batch(record: RunRecord, done: BatchDone) -> str:
    """A clause about a settled batch: its rows, its maximum and the pair that attains it."""
    return (
        f"rows {sentences.rows(done.start, done.end)} have the maximum {distance(done.maximum)}, "
        f"{_pair(record, done.i, done.j)}; {share(done.evaluated, done.pairs)} of the pairs were evaluated."
    )


def farthest(record: RunRecord, pair: PairFound) -> str:
    """The farthest pair and its distance."""
    return f"The largest distance is {distance(pair.distance, pair.error)}, {_pair(record, pair.i, pair.j)}."


def progress(record: RunRecord, now: Progress) -> str:
    """The progress of the search."""
    left = f", {duration(record.seconds_left)} left" if record.seconds_left is not None else ""
    return f"{share(now.settled, now.pairs)} of the pairs are settled{left}."


def _engine_started(_: RunRecord, event: EngineStarted) -> Iterator[str]:
    yield f"{visible(event.request.model)}: the engine has started, as run {visible(event.run)}."


def _run_started(_: RunRecord, event: RunStarted) -> Iterator[str]:
    device = visible(event.device)
    name = f" ({visible(event.device_name)})" if event.device_name != event.device else ""
    yield (
        f"{count(event.n)} of {count(event.vocabulary)} tokens, of dimension {count(event.d)}, "
        f"{visible(event.dtype)}, in {count(event.batches)} batches of {count(event.batch)} on {device}{name}."
    )


def _warned(_: RunRecord, event: Warned) -> Iterator[str]:
    yield f"Warning: {visible(event.message)}"


def _batch_done(record: RunRecord, event: BatchDone) -> Iterator[str]:
    yield f"{count(record.batches_done)} of {count(len(record.batches))} batches: {batch(record, event)}"


def _queued(_: RunRecord, event: Queued) -> Iterator[str]:
    if event.ahead:
        yield f"Waiting for its turn on the device, with {count(event.ahead)} ahead."
    else:
        yield "Its turn on the device has come."


def _paused(_: RunRecord, event: Paused | Continued) -> Iterator[str]:
    yield "Paused." if isinstance(event, Paused) else "Resumed."


def _pair_found(record: RunRecord, event: PairFound) -> Iterator[str]:
    yield farthest(record, event)
    yield from sentences.certificate(record, event)


def _ladder(record: RunRecord, event: Ladder) -> Iterator[str]:
    yield from sentences.ladder(event)
    yield from _outliers(record)


def _farthest_pairs(record: RunRecord, event: FarthestPairs) -> Iterator[str]:
    for rank, pair in enumerate(event.pairs, 1):
        yield f"Farthest pair {count(rank)}: {_pair(record, pair.i, pair.j)}, {distance(pair.distance)}."


def _run_ended(_: RunRecord, event: RunEnded) -> Iterator[str]:
    done = {"done": "Done. ", "failed": "Failed. "}.get(event.state, "")
    yield f"{done}{sentences.ending(event)}"


def _verified(record: RunRecord, event: Verified) -> Iterator[str]:
    yield from sentences.checked(event, record.verified_time if record.verified is event else None)


def _analysed(record: RunRecord, found: Analysed) -> Iterator[str]:
    yield _measured(record, found.outlier)
    yield _measured(record, found.other)
    yield f"The centroid's norm is {distance(found.centroid_norm)}. {sentences.centroid(found)}"
    yield sentences.norm_test(found.outlier, found.other, found.centroid_norm)
    yield sentences.mean_distance(found)
    shape = found.triangle
    if shape.degenerate:
        yield visible(shape.degenerate)
    if shape.angle_sum is not None:
        i, j = label(record, found.i, width=0), label(record, found.j, width=0)
        yield (
            f"The triangle's angles are {degrees(shape.at_centroid)} at the centroid, {degrees(shape.at_i)} at "
            f"{i} and {degrees(shape.at_j)} at {j}, {degrees(shape.angle_sum)} together."
        )
    if shape.at_centroid_dot is not None:
        yield f"Angle at the centroid (dot product): {degrees(shape.at_centroid_dot)}."
    yield _summary("Norms", found.norms)
    yield _summary("Distances from the centroid", found.distances)
    yield sentences.duplicates(found)


def _measured(record: RunRecord, measure: TokenMeasure) -> str:
    times = f", {ratio(measure.norm_ratio)} the centroid's" if measure.norm_ratio is not None else ""
    return (
        f"Token {label(record, measure.index)}: its norm is {distance(measure.norm)}{times}, "
        f"its distance from the centroid {distance(measure.distance)}."
    )


def _outliers(record: RunRecord) -> Iterator[str]:
    """Whether each token of the pair is an outlier, then all outliers, the farthest first."""
    if record.analysis:
        for one in (record.analysis.outlier, record.analysis.other):
            yield sentences.distance_test(record, one.index, one.distance)
    for outlier in outliers(record) or ():
        far = f", {distance(outlier.distance)} from the centroid" if outlier.distance is not None else ""
        yield f"Outlier {count(outlier.rank)}: {label(record, outlier.index)}{far}."


def _summary(name: str, summary: Summary) -> str:
    return (
        f"{name}: minimum {distance(summary.minimum)}, maximum {distance(summary.maximum)}, "
        f"median {distance(summary.median)}, mean {distance(summary.mean)}."
    )


def _pair(record: RunRecord, i: int, j: int) -> str:
    return f"between tokens {label(record, i)} and {label(record, j)}"


_TOLD: Final[Mapping[type[AnyEvent], Callable[[RunRecord, Any], Iterator[str]]]] = {
    EngineStarted: _engine_started,
    RunStarted: _run_started,
    Warned: _warned,
    BatchDone: _batch_done,
    Queued: _queued,
    Paused: _paused,
    Continued: _paused,
    PairFound: _pair_found,
    Analysed: _analysed,
    Ladder: _ladder,
    FarthestPairs: _farthest_pairs,
    RunEnded: _run_ended,
    Verified: _verified,
}
