"""A stopwatch counts work and no pauses."""

import pytest
from farpair.engine import stopwatch
from farpair.engine.events import BatchDone, Progress
from farpair.engine.search.search import search_here
from farpair.engine.stopwatch import Stopwatch
from support import inputs


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(stopwatch, "time", clock)
    return clock


def test_pauses_are_left_out_also_while_they_last(clock: Clock) -> None:
    watch = Stopwatch()
    clock.now += 2
    watch.pause()
    clock.now += 50
    assert watch.seconds == 2
    watch.pause()  # it is paused already
    watch.go_on()
    watch.go_on()
    clock.now += 3
    assert watch.seconds == 5


def test_the_seconds_of_a_search_leave_out_the_pauses_of_its_stopwatch(clock: Clock) -> None:
    watch, paused = Stopwatch(), 0
    for event in search_here(inputs.normal(600, 16).float(), stopwatch=watch):
        if isinstance(event, Progress | BatchDone):
            assert event.seconds == paused  # a second of work for each pause of an hour
            clock.now += 1
            paused += 1
            watch.pause()
            clock.now += 3600
            watch.go_on()
    assert paused > 3
