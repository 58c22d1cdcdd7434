"""A replay gives every event of a journal, in order, by a clock, and reports where the journal is damaged."""

import time
from pathlib import Path

import msgspec
import pytest
from farpair.engine.errors import JournalError
from farpair.engine.events import AnyEvent, Continued, Paused, Progress, Queued, RunEnded
from farpair.engine.journal.replay import ReplayTail

END = RunEnded(outcome="done", reason="Found.")


class Clock:
    """A clock that is set by hand."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    return clock


def journal(folder: Path, *lines: tuple[float, AnyEvent]) -> Path:
    path = folder / "journal"
    path.write_bytes(b"".join(msgspec.json.encode({"time": t, "event": event}) + b"\n" for t, event in lines))
    return path


def at(settled: int) -> Progress:
    return Progress(settled=settled, pairs=9, seconds=1.0, pairs_per_second=1.0)


def test_events_come_when_they_came_and_as_much_faster_as_asked(tmp_path: Path, clock: Clock) -> None:
    path = journal(tmp_path, (50.0, at(0)), (50.0, at(1)), (54.0, at(2)), (60.0, END))
    tail = ReplayTail(path, 2.0)
    assert tail.read() == [(50.0, at(0)), (50.0, at(1))]
    clock.now += 1.9
    assert tail.read() == []
    clock.now += 0.1
    assert tail.read() == [(54.0, at(2))]
    assert not tail.at_the_end
    clock.now += 100
    assert tail.read() == [(60.0, END)]
    assert tail.at_the_end
    assert tail.read() == []


def test_a_paused_replay_stands_still(tmp_path: Path, clock: Clock) -> None:
    tail = ReplayTail(journal(tmp_path, (1.0, at(0)), (3.0, END)), 1.0)
    tail.read()
    clock.now += 1.5
    tail.read()
    tail.pause_or_go_on()
    assert tail.paused
    clock.now += 1000
    assert tail.read() == []
    tail.pause_or_go_on()
    clock.now += 0.4
    assert tail.read() == []
    clock.now += 0.2
    assert tail.read() == [(3.0, END)]


def test_pauses_and_waits_are_cut_short_and_times_that_step_back_take_none(tmp_path: Path, clock: Clock) -> None:
    waits = Queued(ahead=1, behind="r")
    path = journal(tmp_path, (9.0, waits), (9999.0, Paused()), (99999.0, Continued()), (5.0, at(0)), (6.0, END))
    tail = ReplayTail(path, 1.0)
    told = tail.read()
    for _ in range(31):
        clock.now += 0.1
        told += tail.read()
    assert [event for _, event in told] == [waits, Paused(), Continued(), at(0), END]


def test_a_line_that_is_no_event_is_an_error_after_all_before_it_was_played(tmp_path: Path, clock: Clock) -> None:
    path = journal(tmp_path, (1.0, at(0)), (3.0, at(1)))
    with path.open("a") as file:
        file.write("nonsense\n")
    tail = ReplayTail(path, 1.0)
    assert tail.read() == [(1.0, at(0))]
    assert tail.read() == []
    clock.now += 5
    assert tail.read() == [(3.0, at(1))]
    with pytest.raises(JournalError, match="line 3"):
        tail.read()


def test_a_run_that_is_going_is_played_on_as_it_is_written(tmp_path: Path, clock: Clock) -> None:
    path = journal(tmp_path, (1.0, at(0)))
    tail = ReplayTail(path, 1.0)
    assert tail.read() == [(1.0, at(0))]
    with path.open("ab") as file:
        file.write(msgspec.json.encode({"time": 2.0, "event": END}) + b"\n")
    tail.read()
    clock.now += 1.1
    assert tail.read() == [(2.0, END)]
