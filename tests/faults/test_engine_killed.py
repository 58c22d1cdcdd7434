"""SIGKILL of the engine at any moment: the journal can be read, the death is reported, and a resumed run
agrees."""

import random
import time
from typing import NamedTuple

import msgspec
import pytest
from farpair.engine.events import AnyEvent, RunRequest
from farpair.engine.journal.reader import read_record
from farpair.engine.journal.record import RunRecord
from farpair.engine.runs import control
from farpair.engine.runs.listing import listed
from farpair.engine.worker.pipeline import run_events
from faults.conftest import Of
from support.answers_of_runs import answer
from support.running import PATIENCE_SECONDS, all_events, ended, read_until, wait_until_gone


class Whole(NamedTuple):
    """How long a run takes to load, how long to its end, and its answer."""

    loaded: float
    takes: float
    answer: list[AnyEvent]


@pytest.fixture(scope="module")
def whole(seconds_long: RunRequest, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A run from its start to its end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("whole")))
        began = time.monotonic()
        run = control.start(seconds_long)
        read_until(run, lambda now: now.started is not None)
        loaded = time.monotonic() - began
        read_until(run, ended)
        return Whole(loaded, time.monotonic() - began, answer([event for _, event in all_events(run)]))


def test_a_killed_engine_leaves_what_a_resumed_run_brings_to_the_same_answer(
    seconds_long: RunRequest, whole: Whole, of: Of
) -> None:
    chance, resumed, tries = random.Random(1), 0, of(3, 200)
    for number in range(tries):
        run = control.start(seconds_long)
        child = control._children[run.id]
        if number % 2:  # while it searches; else at any time, of which loading torch takes the most
            read_until(run, lambda now: now.started is not None)
        time.sleep(chance.uniform(0, whole.takes - whole.loaded if number % 2 else whole.takes))
        child.kill()
        child.wait(PATIENCE_SECONDS)
        wait_until_gone(run, RunRecord())
        record = read_record(run.journal) if run.journal.exists() else RunRecord()
        if record.ended:
            continue
        assert listed(run).place == "died"
        sentence = control.crash_sentence(run, record)
        assert sentence is not None
        assert sentence.startswith("The engine was killed (SIGKILL)")
        assert sentence.endswith("Resume it to continue from there." if record.resume_point else "Run it again.")
        if record.resume_point:
            events = list(run_events(msgspec.structs.replace(seconds_long, resumes=run.id)))
            assert answer(events) == whole.answer
            resumed += 1
    print(f"\nSIGKILL of the engine: {tries} tries, {resumed} of them resumed to the same answer")


def test_a_run_that_is_killed_again_and_again_comes_to_its_end(
    seconds_long: RunRequest, whole: Whole, of: Of
) -> None:
    chance, resumes = random.Random(2), None
    for _ in range(of(2, 20)):
        run = control.start(msgspec.structs.replace(seconds_long, resumes=resumes))
        record = read_until(run, lambda now: now.checkpoint is not None)
        time.sleep(chance.uniform(0, (whole.takes - whole.loaded) / 2))
        control._children[run.id].kill()
        wait_until_gone(run, record)
        resumes = run.id
    assert answer(list(run_events(msgspec.structs.replace(seconds_long, resumes=resumes)))) == whole.answer
