"""A run told in sentences as it happens, for screen readers, dumb terminals and logs. No torch here."""

from collections.abc import Iterator

from ..events import (
    Analysed,
    AnyEvent,
    BatchDone,
    Continued,
    EngineStarted,
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
from .sentences import label


def told(record: RunRecord, event: AnyEvent) -> Iterator[str]:
    """What there is to say of `event`, which `record` has just taken; nothing of bounds, names and progress."""
    match event:
        case EngineStarted():
            yield f"{visible(event.request.model)}: the engine has started, as run {visible(event.run)}."
        case RunStarted():
            yield _started(event)
        case Warned():
            yield f"Warning: {visible(event.message)}"
        case BatchDone():
            yield f"{count(record.batches_done)} of {count(len(record.batches))} batches: {batch(record, event)}"
        case Queued(ahead=0):
            yield "Its turn on the device has come."
        case Queued():
            yield f"Waiting for its turn on the device, with {count(event.ahead)} ahead."
        case Paused():
            yield "Paused."
        case Continued():
            yield "The search goes on."
        case PairFound():
            yield farthest(record, event)
            yield from sentences.certificate(record, event)
        case Analysed():
            yield from _analysed(record, event)
        case Ladder():
            yield from sentences.ladder(event)
        case RunEnded():
            done = {"done": "Done. ", "failed": "Failed. "}.get(event.state, "")
            yield f"{done}{sentences.ending(event)}"
        case Verified():
            yield from sentences.checked(event, record.verified_time if record.verified is event else None)


def batch(record: RunRecord, done: BatchDone) -> str:
    """A settled batch: its rows, its maximum and the pair that attains it."""
    return (
        f"rows {count(done.start)}–{count(done.end)} have the maximum {distance(done.maximum)}, "
        f"{_pair(record, done.i, done.j)}; {share(done.evaluated, done.pairs)} of the pairs were evaluated."
    )


def farthest(record: RunRecord, pair: PairFound) -> str:
    """The farthest pair and how far apart it is."""
    apart = distance(pair.distance, pair.error)
    return f"The farthest pair is {apart} apart, {_pair(record, pair.i, pair.j)}."


def progress(record: RunRecord, now: Progress) -> str:
    """How far the search is."""
    left = f", {duration(record.seconds_left)} left" if record.seconds_left is not None else ""
    return f"{share(now.settled, now.pairs)} of the pairs are settled{left}."


def _started(event: RunStarted) -> str:
    device = visible(event.device)
    name = f" ({visible(event.device_name)})" if event.device_name != event.device else ""
    return (
        f"{count(event.n)} of {count(event.vocabulary)} tokens, of dimension {count(event.d)}, "
        f"{visible(event.dtype)}, in {count(event.batches)} batches of {count(event.batch)} on {device}{name}."
    )


def _analysed(record: RunRecord, found: Analysed) -> Iterator[str]:
    yield _measured(record, "The outlier is", found.outlier)
    yield _measured(record, "The other outlier is", found.other)
    yield f"The centroid's norm is {distance(found.centroid_norm)}. {sentences.centroid(found)}"
    yield f"Both tokens are far from the centroid: {'yes' if found.both_far else 'no'}. {sentences.verdict(found)}"
    yield sentences.apart(found)
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
        yield f"By dot product, the angle at the centroid is {degrees(shape.at_centroid_dot)}."
    yield _summary("Norms", found.norms)
    yield _summary("Distances from the centroid", found.distances)
    yield sentences.copies(found)


def _measured(record: RunRecord, role: str, measure: TokenMeasure) -> str:
    times = f", {ratio(measure.norm_ratio)} the centroid's" if measure.norm_ratio is not None else ""
    return (
        f"{role} token {label(record, measure.index)}: its norm is {distance(measure.norm)}{times}, "
        f"its distance from the centroid {distance(measure.distance)}."
    )


def _summary(name: str, summary: Summary) -> str:
    return (
        f"{name}: minimum {distance(summary.minimum)}, maximum {distance(summary.maximum)}, "
        f"median {distance(summary.median)}, mean {distance(summary.mean)}."
    )


def _pair(record: RunRecord, i: int, j: int) -> str:
    return f"between tokens {label(record, i)} and {label(record, j)}"
