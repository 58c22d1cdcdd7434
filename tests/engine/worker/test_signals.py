"""Signals to an engine are handled between two lines of its journal, never within one."""

import os
import signal
from collections.abc import Iterator

import pytest
from farpair.engine.worker.signals import LISTENED_TO, Signals, Stopped


@pytest.fixture
def signals() -> Iterator[Signals]:
    before = {number: signal.getsignal(number) for number in LISTENED_TO}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    listening = Signals(lambda _event: None)
    listening.listen()
    yield listening
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def test_a_stop_in_the_middle_of_a_line_is_obeyed_when_it_is_written(signals: Signals) -> None:
    written = []

    def write() -> None:
        with signals.undisturbed():
            os.kill(os.getpid(), signal.SIGTERM)
            written.append("whole")

    with pytest.raises(Stopped):
        write()
    assert written == ["whole"]


@pytest.mark.usefixtures("signals")
def test_a_stop_between_lines_is_obeyed_at_once() -> None:
    with pytest.raises(Stopped):
        os.kill(os.getpid(), signal.SIGTERM)


def test_what_comes_after_the_last_word_is_not_heard(signals: Signals) -> None:
    signals.forget()
    with signals.undisturbed():
        os.kill(os.getpid(), signal.SIGTERM)
    signals.obey()
