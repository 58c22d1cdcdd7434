"""Following a run: no event is missed or given twice, and nothing is waited for that cannot come."""

import asyncio
from pathlib import Path

import pytest
from farpair.engine.errors import JournalError
from farpair.engine.events import AnyEvent, BatchDone, EngineStarted, RunEnded
from farpair.engine.runs.follower import Follower, has_ended
from support.published import HandWritten, a_model, named, published, settled, started


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_each_event_comes_once_it_is_in_the_record() -> None:
    written = HandWritten(a_model())
    written.write(*started(), named(), settled(0), settled(1))
    follower, seen = Follower(written.run), []
    for event in follower.news():
        if isinstance(event, BatchDone):
            seen.append((event.batch, follower.record.batches_done))
    assert seen == [(0, 1), (1, 2)]
    assert list(follower.news()) == []
    written.write(settled(2))
    assert list(follower.news()) == [settled(2)]


def test_it_stops_at_the_event_that_is_waited_for_and_goes_on_from_there() -> None:
    written = HandWritten(a_model())
    written.write(*published())
    follower = Follower(written.run)
    assert follower.follow(lambda record: record.batches_done == 3)
    assert follower.record.batches_done == 3
    assert follower.record.pair is None
    assert follower.follow()
    assert follower.record.state == "done"


def test_what_an_engine_that_is_gone_did_not_write_is_not_waited_for() -> None:
    written = HandWritten(a_model())
    written.write(*started(), named(), settled(0))
    follower = Follower(written.run)
    taken: list[AnyEvent] = []
    assert not follower.follow(take=taken.append)
    assert len(taken) == 4
    assert not follower.alive
    assert "is no longer there" in (follower.crash() or "")


def test_waiting_ends_when_the_seconds_are_over() -> None:
    written = HandWritten(a_model())
    written.write(*started(alive=True))
    follower = Follower(written.run)
    assert not follower.follow(seconds=0.05, period=0.01)
    assert follower.alive
    assert follower.crash() is None


def test_a_replay_goes_on_until_its_journal_is_played() -> None:
    written = HandWritten(a_model())
    written.write(*published())
    follower = Follower(written.run, 1e9)
    assert follower.alive
    assert follower.follow(period=0.001)
    assert follower.record.state == "done"


def test_what_came_before_a_broken_line_is_in_the_record() -> None:
    written = HandWritten(a_model())
    written.write(*started(), named(), settled(0))
    with written.run.journal.open("a") as journal:
        journal.write("this is no event\n")
    follower = Follower(written.run)
    with pytest.raises(JournalError, match="line 5"):
        follower.follow(has_ended)
    assert follower.record.batches_done == 1


async def test_what_was_being_read_when_the_reader_was_cancelled_comes_next() -> None:
    written = HandWritten(a_model())
    written.write(*published())
    follower = Follower(written.run)
    reading = asyncio.create_task(follower.read())
    await asyncio.sleep(0)  # the thread has begun
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    read: tuple[AnyEvent, ...] = ()
    while events := await follower.read():
        read += events
    assert read == tuple(published())


async def test_two_who_read_at_once_get_every_event_in_order_and_none_twice() -> None:
    written = HandWritten(a_model())
    written.write(*published())
    follower = Follower(written.run)
    first, second = await asyncio.gather(follower.read(), follower.read())
    assert isinstance(first[0], EngineStarted)
    assert isinstance((*first, *second)[-1], RunEnded)
    assert (*first, *second) == tuple(published())
    assert await follower.read() == ()
