"""A search that was cut short is resumed from any of its checkpoints to the answer that it would have had."""

from collections.abc import Iterator

import pytest
import torch
from farpair.engine.events import BatchBound, BatchDone, Checkpoint, PairFound, ResumePoint, Warned
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.block_sizes import Blocks
from farpair.engine.search.search import Search, SearchEvent, search
from support.inputs import circle, copies, normal
from torch import Tensor

SMALL = Blocks(pivots=4, strip=64, tile_rows=32, tile_columns=64, float64_tile=64, projected=4, few=0)


INPUTS = {
    "Gaussian": normal(700, 40).to(torch.float32),
    "copies": copies(normal(120, 40), 700).to(torch.float32),
    "a circle": circle(500).to(torch.float32),
    "one-hot": torch.eye(120),
    "a grid, with ties": torch.cartesian_prod(*[torch.arange(5.0)] * 4),
    "float64": normal(400, 30),
}


def events_of(rows: Tensor, exhaustive: bool, resume: ResumePoint | None = None) -> list[SearchEvent]:
    return list(Search(rows, RunSettings(batch=32, exhaustive=exhaustive), SMALL, resume=resume).events())


def answer(events: list[SearchEvent]) -> list[object]:
    """What a search found, without the times it took."""
    told: list[object] = []
    for event in events:
        match event:
            case BatchDone():
                told.append((event.batch, event.maximum, event.i, event.j))
                told.append((event.pairs, event.evaluated, event.settled))
            case PairFound():
                told.append((event.i, event.j, event.distance, event.error, event.ties, event.runner_up))
                told.append((event.runner_up_i, event.runner_up_j, event.pairs, event.evaluated))
    return told


def resume_points(events: list[SearchEvent]) -> Iterator[ResumePoint]:
    settled: list[BatchDone] = []
    for event in events:
        match event:
            case BatchDone():
                settled.append(event)
            case Checkpoint():
                yield ResumePoint(tuple(settled[: event.batches]), event)


@pytest.mark.parametrize("exhaustive", [False, True])
@pytest.mark.parametrize("name", INPUTS)
def test_the_answer_is_the_same_from_every_checkpoint(name: str, exhaustive: bool) -> None:
    rows = INPUTS[name]
    whole = events_of(rows, exhaustive)
    points = list(resume_points(whole))
    assert points
    for point in points[:: max(1, len(points) // 4)]:
        resumed = events_of(rows, exhaustive, point)
        assert not any(isinstance(event, Warned) for event in resumed)
        assert answer(resumed) == answer(whole)
        later = [event for event in resumed if isinstance(event, Checkpoint)]
        assert later == [other.checkpoint for other in points[points.index(point) + 1 :]]


def test_what_was_settled_is_told_first_and_as_it_was() -> None:
    rows = INPUTS["Gaussian"]
    point = list(resume_points(events_of(rows, False)))[1]
    resumed = [event for event in events_of(rows, False, point) if isinstance(event, BatchBound | BatchDone)]
    assert tuple(resumed[: len(point.settled)]) == point.settled
    told = {event.batch for event in resumed[len(point.settled) :] if isinstance(event, BatchDone)}
    assert told.isdisjoint(done.batch for done in point.settled)


def test_time_counts_on_from_where_it_was() -> None:
    rows = INPUTS["Gaussian"]
    point = next(resume_points(events_of(rows, False)))
    earlier = tuple(
        BatchDone(**{name: getattr(done, name) for name in done.__struct_fields__} | {"seconds": 1000.0})
        for done in point.settled
    )
    *_, found = events_of(rows, False, ResumePoint(earlier, point.checkpoint))
    assert isinstance(found, PairFound)
    assert 1000 < found.seconds < 2000


def test_rows_that_are_grouped_otherwise_are_searched_anew() -> None:
    rows = INPUTS["copies"]
    whole = events_of(rows, False)
    point = next(resume_points(whole))
    other = Checkpoint(batches=point.checkpoint.batches, pairs=point.checkpoint.pairs, grouping=1)
    resumed = events_of(rows, False, ResumePoint(point.settled, other))
    assert [event.kind for event in resumed if isinstance(event, Warned)] == ["resumed"]
    assert answer(resumed) == answer(whole)


def test_a_search_of_its_own_takes_a_resume_point() -> None:
    rows = normal(3000, 60).to(torch.float32)
    whole = list(search(rows, RunSettings(batch=100)))
    for point in resume_points(whole):
        assert answer(list(search(rows, RunSettings(batch=100), resume=point))) == answer(whole)
