"""One attack: a kind of rows, a way to search them, and what was wrong with the answer.

A case is written as one line, `kind/seed/n/d/dtype/precision/batch/blocks/mode/surroundings`, and such a line is
all that it takes to try it again.
"""

import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import cycle, zip_longest
from typing import Any

import torch
from adversary.kinds import rows_of
from adversary.reference import Truth, is_root, top_pairs, truth_of
from adversary.subject import (
    BatchBound,
    BatchDone,
    Checkpoint,
    FarPair,
    PairFound,
    ResumePoint,
    blocks_called,
    eccentricities,
    farthest_pair,
    farthest_pairs,
    search,
    verify,
)
from adversary.surroundings import surrounded, untouched
from farpair.engine.run_settings import RunSettings

# "interleaved": another search goes on between any two steps; "abandoned": one was left half done before;
# "passed-on": each step is taken in another thread.
MODES = (
    "search",
    "exhaustive",
    "resume",
    "pair",
    "pairs",
    "eccentricities",
    "interleaved",
    "abandoned",
    "passed-on",
)
_MOST_CHECKED = 1500  # rows whose answers the checker judges too
_MOST_LISTED = 90  # rows of which all pairs are listed
_ULP_OF_0 = Fraction(2) ** -1074


@dataclass(frozen=True)
class Case:
    """`batch` 0 is all rows in one; `surroundings` are the caller's settings of torch (see `surroundings`)."""

    kind: str
    seed: int
    n: int
    d: int
    dtype: str = "float32"
    precision: str = "float32"
    batch: int = 64
    blocks: str = "default"
    mode: str = "search"
    around: str = "plain"

    def __str__(self) -> str:
        return "/".join(str(part) for part in astuple(self))


def case_of(line: str) -> Case:
    """The case that is written so."""
    kind, seed, n, d, dtype, precision, batch, blocks, mode, around = line.split("/")
    return Case(kind, int(seed), int(n), int(d), dtype, precision, int(batch), blocks, mode, around)


def wrong_in(case: Case) -> list[str]:
    """What is wrong with the answer to a case, in sentences; an exception is one.

    Raises TooManyNearTies where the truth cannot be found out in good time.
    """
    rows, truth = _judged(case.kind, case.seed, case.n, case.d, case.dtype)
    before = rows.detach().clone().contiguous()
    try:
        with surrounded(case.around) as wrong:
            found = _answers(case, rows)
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        said = " ".join(str(error).split())[:160]
        return [f"{type(error).__name__} at {at.name}, line {at.lineno}: {said}"]
    wrong = [*_wrong_in(case, rows, truth, found), *wrong]
    if not torch.equal(rows.detach().contiguous().view(torch.uint8), before.view(torch.uint8)):
        wrong.append("the rows were written to")
    return wrong


@lru_cache(maxsize=4)
def _judged(kind: str, seed: int, n: int, d: int, dtype: str) -> tuple[torch.Tensor, Truth]:
    rows = rows_of(kind, seed, n, d, dtype)
    return rows, truth_of(rows)


def _answers(case: Case, rows: torch.Tensor) -> list[Any]:
    """What the program says, to be judged once the caller's settings are out of the way."""
    match case.mode:
        case "pair":
            return [farthest_pair(rows, precision=case.precision)]
        case "pairs":
            few = rows[:_MOST_LISTED]
            return [farthest_pairs(few, _how_many(case, few)), farthest_pairs(rows, 1)]
        case "eccentricities":
            return [eccentricities(rows)]
    blocks = blocks_called(case.blocks, *rows.shape)

    def steps(resume: ResumePoint | None = None) -> Iterator[object]:
        return search(
            rows,
            RunSettings(
                batch=case.batch or len(rows), precision=case.precision, exhaustive=case.mode == "exhaustive"
            ),
            blocks=blocks,
            resume=resume,
        )

    match case.mode:
        case "interleaved":
            both = list(zip_longest(steps(), steps()))
            return [[step for step in told if step is not None] for told in zip(*both, strict=True)]
        case "abandoned":
            half = steps()
            for _ in range(4):
                next(half, None)
            del half
            return [list(steps())]
        case "passed-on":
            return [list(_in_threads(steps()))]
    told = [list(untouched(steps()))]
    if case.mode == "resume":
        points = _resume_points(told[0])
        told += [list(steps(point)) for point in points[:: max(1, len(points) // 3)]]
    return told


def _in_threads(steps: Iterator[object]) -> Iterator[object]:
    """Each step taken in one of two threads in turn."""
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        for thread in cycle((one, other)):
            step = thread.submit(next, steps, None).result()
            if step is None:
                return
            yield step


def _wrong_in(case: Case, rows: torch.Tensor, truth: Truth, found: list[Any]) -> Iterator[str]:
    match case.mode:
        case "pair":
            yield from _wrong_in_pair(found[0], truth)
            yield from _refuted(rows, found)
        case "pairs":
            few = rows[:_MOST_LISTED]
            yield from _wrong_in_pairs(found[0], top_pairs(few, _how_many(case, few)))
            yield from _wrong_in_pairs(found[1], [truth.farthest])
        case "eccentricities":
            yield from _wrong_in_eccentricities(found[0].distance.tolist(), found[0].partner.tolist(), truth)
        case _:
            yield from wrong_in_events(found[0], case.batch or len(rows), truth)
            yield from _refuted(rows, found[0])
            for again in found[1:]:
                yield from (f"again: {said}" for said in wrong_in_events(again, case.batch or len(rows), truth))
                if _named(again) != _named(found[0]):
                    yield "again: the answer or its counts are others than the first time"


def _refuted(rows: torch.Tensor, events: Sequence[object]) -> tuple[str, ...]:
    """What the program's own independent checker says against a search's events."""
    pair = events[-1]
    if len(rows) > _MOST_CHECKED or not isinstance(pair, PairFound):
        return ()
    return verify(rows, pair, [event for event in events if isinstance(event, BatchDone)]).refutations


def _how_many(case: Case, rows: torch.Tensor) -> int:
    count = len(rows) * (len(rows) - 1) // 2
    return (1, 2, 10, count // 2, count, count + 5)[case.seed % 6] or 1


def _resume_points(events: Sequence[object]) -> list[ResumePoint]:
    settled: list[BatchDone] = []
    points = []
    for event in events:
        if isinstance(event, BatchDone):
            settled.append(event)
        elif isinstance(event, Checkpoint):
            points.append(ResumePoint(tuple(settled[: event.batches]), event))
    return points


def _named(events: Sequence[object]) -> list[object]:
    """What does not depend on time."""
    return [
        (event.batch, event.maximum, event.i, event.j, event.pairs, event.evaluated)
        if isinstance(event, BatchDone)
        else (event.i, event.j, event.distance, event.error, event.ties, event.runner_up, event.evaluated)
        for event in events
        if isinstance(event, BatchDone | PairFound)
    ]


def wrong_in_events(events: Sequence[object], batch: int, truth: Truth) -> Iterator[str]:
    """What a search's events say that is not so, or contradict."""
    done = {event.batch: event for event in events if isinstance(event, BatchDone)}
    n, found = truth.n, events[-1]
    if not isinstance(found, PairFound):
        yield f"the last event is {type(found).__name__}"
        return
    yield from _wrong_in_pair(found, truth)
    if sorted(done) != list(range(-(-n // batch))) or sum(isinstance(e, BatchDone) for e in events) != len(done):
        yield "not every batch was settled once"
        return
    for b in sorted(done):
        yield from _wrong_in_batch(done[b], b * batch, min((b + 1) * batch, n), truth)
    if sum(said.pairs for said in done.values()) != found.pairs:
        yield "the batches' pairs do not add up to all pairs"
    if sum(said.evaluated for said in done.values()) != found.evaluated:
        yield "the batches' evaluated pairs do not add up to what is said of all"
    if max(said.maximum for said in done.values()) != found.distance:
        yield "the largest batch maximum is not the farthest distance"
    for event in events:
        if isinstance(event, BatchBound):
            yield from _wrong_in_bound(event, batch, truth)


def _wrong_in_batch(said: BatchDone, start: int, end: int, truth: Truth) -> Iterator[str]:
    square, pair = truth.batch(start, end)
    if (said.start, said.end) != (start, end):
        yield f"batch {said.batch} is said to be rows {said.start} to {said.end}"
    if (said.i, said.j) != pair:
        yield f"batch {said.batch} names {said.i, said.j}, and the pair is {pair}"
    if not is_root(said.maximum, square):
        yield f"batch {said.batch} says {said.maximum!r}, and the distance is {_root(square)!r}"
    if not 0 <= said.evaluated <= said.pairs:
        yield f"batch {said.batch} evaluated {said.evaluated} of {said.pairs} pairs"


def _wrong_in_bound(said: BatchBound, batch: int, truth: Truth) -> Iterator[str]:
    square, _ = truth.batch(said.batch * batch, min((said.batch + 1) * batch, truth.n))
    if max(Fraction(0), Fraction(said.lower) - _ULP_OF_0) ** 2 > square:
        yield f"batch {said.batch} is said to reach {said.lower!r}, and reaches {_root(square)!r}"
    if said.batch not in (said.i // batch, said.j // batch):
        yield f"batch {said.batch} has a bound of rows {said.i, said.j}, none of them its own"


def _wrong_in_pair(found: PairFound, truth: Truth) -> Iterator[str]:
    square, pair = truth.farthest
    if (found.i, found.j) != pair:
        yield f"the pair named is {found.i, found.j}, and the farthest is {pair}"
    if not is_root(found.distance, square):
        yield f"the distance is said to be {found.distance!r}, and is {_root(square)!r}"
    low, high = (Fraction(found.distance) + sign * Fraction(found.error) for sign in (-1, 1))
    if not max(low, Fraction(0)) ** 2 <= square <= high**2:
        yield f"the error is said to be {found.error!r}, and is larger"
    if found.ties != truth.ties:
        yield f"{found.ties} pairs are said to tie, and {truth.ties} do"
    yield from _wrong_in_runner_up(found, truth)
    if found.pairs != truth.n * (truth.n - 1) // 2:
        yield f"{found.pairs} pairs are counted"
    if not 0 <= found.evaluated <= found.pairs:
        yield f"{found.evaluated} of {found.pairs} pairs are said to be evaluated"


def _wrong_in_runner_up(found: PairFound, truth: Truth) -> Iterator[str]:
    second = truth.second
    named = (found.runner_up_i, found.runner_up_j)
    if second is None:
        if found.ties == 1 and (found.runner_up, *named) != (None, None, None):
            yield f"a runner-up is named where there is none: {named}"
    elif found.runner_up is None:
        yield f"no runner-up is named, and {second[1]} is"
    else:
        if named != second[1]:
            yield f"the runner-up named is {named}, and is {second[1]}"
        if not is_root(found.runner_up, second[0]):
            yield f"the runner-up's distance is said to be {found.runner_up!r}, and is {_root(second[0])!r}"


def _wrong_in_pairs(found: Sequence[FarPair], true: Sequence[tuple[Fraction, tuple[int, int]]]) -> Iterator[str]:
    if len(found) != len(true):
        yield f"{len(found)} pairs are listed of {len(true)}"
    for rank, (said, (square, pair)) in enumerate(zip(found, true, strict=False)):
        if (said.i, said.j) != pair:
            yield f"of {len(true)} pairs number {rank} is said to be {said}, and is {pair}"
            return
        if not is_root(said.distance, square):
            yield f"number {rank}, {said}, is {_root(square)!r} apart"
            return


def _wrong_in_eccentricities(distance: list[float], partner: list[int], truth: Truth) -> Iterator[str]:
    for i in range(truth.n):
        square = truth.square[i] * truth.unit
        if partner[i] != truth.partner[i] or not is_root(distance[i], square):
            yield f"row {i} is said to reach {partner[i]} at {distance[i]!r}, and reaches {truth.partner[i]}"
            return


def _root(square: Fraction) -> float:
    """About the square root, for a sentence."""
    shift = (square.numerator.bit_length() - square.denominator.bit_length()) // 2 if square else 0
    return float(float(square / Fraction(4) ** shift) ** 0.5) * 2.0**shift
