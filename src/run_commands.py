"""The commands that act on a run: stop, pause, resume and verify it; list all runs; remove old ones.

A refusal is raised as InputError: one sentence, exit code 2.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from .engine.errors import InputError, JournalError, RunError
from .engine.journal.record import RunRecord
from .engine.runs import control, folders
from .engine.runs.cleanup import KEPT_DAYS, clean
from .engine.runs.folders import Run
from .engine.runs.follower import Follower, has_ended
from .engine.runs.listing import listed, listed_runs
from .engine.runs.request import request_of
from .engine.text.escape import visible
from .engine.text.numbers import count, date, share, size

_ANSWER_SECONDS: Final = 10.0  # seconds; an engine answers within a fraction of one, unless it is suspended
_ENDINGS: Final = {"done": "is done", "stopped": "was stopped", "terminated": "was terminated", "failed": "failed"}


def list_runs() -> None:
    """Print the runs that are kept, newest first."""
    rows = [(kept.run.id, kept.place, date(kept.began), kept.result, kept.model) for kept in listed_runs()]
    if not rows:
        print(f"There are no runs in {visible(str(folders.state_folder()))} yet.", file=sys.stderr)
        return
    from .engine.report.columns import print_list  # start time

    print_list(("run", "state", "began", "result", "model"), rows)


def clean_runs() -> None:
    """Remove old runs, and print how many and how many bytes."""
    removed = clean()
    kept = f"{_runs(removed.left)} kept in {visible(str(folders.state_folder()))}"
    if not removed.runs:
        print(f"Nothing to remove: {kept}.")
        return
    print(f"Removed {_runs(removed.runs)} older than {KEPT_DAYS} days ({size(removed.bytes)}); {kept}.")


def named_run(word: str) -> Run:
    """The run that `word` means: its id, a part of it, or "last"."""
    try:
        return folders.find(word)
    except RunError as error:
        raise InputError(str(error)) from error


def stop_run(word: str) -> None:
    """Stop a run that is going, queued or paused, and print what it has settled."""
    follower = _going(word, "stop")
    control.stop(follower.run, follower.record)
    _wait(follower, has_ended, "stop")
    if ended := follower.record.ended:
        print(f"{visible(ended.reason)} {visible(ended.advice)}".strip())


def pause_run(word: str) -> None:
    """Pause a run that is going or queued."""
    follower = _going(word, "pause")
    run, record = follower.run, follower.record
    if record.paused:
        raise InputError(f"The run {run.id} is paused already; `farpair resume {run.id}` lets it go on.")
    control.pause(run, record)
    _wait(follower, lambda now: now.paused or has_ended(now), "pause")
    if record.ended:
        raise InputError(
            f"The run {run.id} {_ENDINGS[record.ended.state]} meanwhile, so there is nothing to pause."
        )
    print(f"Paused; `farpair resume {run.id}` lets it go on.")


def resume_run(word: str) -> None:
    """Resume a paused run, or start a new run from what an unfinished one had settled."""
    run = named_run(word)
    place = listed(run).place
    if place == "paused":
        follower = Follower(run)
        _read(follower)
        control.go_on(run, follower.record)
        _wait(follower, lambda now: not now.paused, "go on")
        print(f"The run {run.id} goes on.")
        return
    if place in ("going", "queued"):
        raise InputError(f"The run {run.id} is {place}; `farpair attach {run.id}` follows it.")
    if place == "done":
        raise InputError(f"The run {run.id} is done; `farpair report {run.id}` prints what it found.")
    if place == "elsewhere":
        raise InputError(f"The run {run.id} belongs to another host; resume it there.")
    request = request_of(run)
    new = control.start(msgspec.structs.replace(request, resumes=run.id))
    print(f"{_how_it_goes_on(new)} `farpair attach {new.id}` follows it.")


def verify_run(word: str, *, sample: bool = False) -> int:
    """Check what a run found, print the verdict and keep it; return 0 where it is confirmed, 1 where it is
    refuted."""
    from .engine.events import Verified  # start time
    from .engine.report.sentences import checked  # start time
    from .engine.worker.verifying import SAMPLE, keep, verifying  # start time

    run, told, line = named_run(word), sys.stderr.isatty(), ""
    verdict: Verified | None = None
    for step in verifying(run, SAMPLE if sample else None):
        if isinstance(step, Verified):
            verdict = step
        elif told and (now := f"checked {share(step.done, step.pairs)} of {count(step.pairs)} pairs") != line:
            line = now
            print(f"\r{line}\x1b[K", end="", file=sys.stderr, flush=True)
    if line:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    assert verdict is not None, "a check ends with its verdict"
    for sentence in checked(verdict, None):
        print(sentence)
    sys.stdout.flush()  # before any message about the journal
    try:
        keep(run, verdict)
    except JournalError as error:  # an error is not the exit code of a refutation
        raise InputError(f"The verdict could not be kept: {error}") from error
    return 0 if verdict.confirmed else 1


def _how_it_goes_on(run: Run) -> str:
    """Where the new run resumes, once that is known, or that it waits in the queue."""
    follower = Follower(run)
    record = follower.record
    with _as_input_errors():
        follower.follow(lambda now: _told(now) is not None or now.queued is not None or has_ended(now))
    if (told := _told(record)) is not None:
        return told
    if record.queued:
        return f"The run {run.id} waits for its turn: {_runs(record.queued.ahead)} first."
    if record.ended and record.ended.cause == "input":
        raise InputError(f"{record.ended.reason} {record.ended.advice}")
    if record.ended:
        raise RunError(f"{record.ended.reason} {record.ended.advice}")
    raise RunError(follower.crash() or "The engine is gone.")


def _told(record: RunRecord) -> str | None:
    """What the run reports about the run that it resumes."""
    return next((visible(warned.message) for warned in record.warnings if warned.kind == "resumed"), None)


def _going(word: str, verb: str) -> Follower:
    """The run that `word` names, which must be going, with its journal read as far as it is written."""
    follower = Follower(named_run(word))
    run, record = follower.run, follower.record
    _read(follower)  # the journal names the engine
    alive = follower.alive
    _read(follower)
    if record.ended:
        raise InputError(f"The run {run.id} {_ENDINGS[record.ended.state]}, so there is nothing to {verb}.")
    if not alive:
        raise InputError(follower.crash() or f"There is nothing to {verb}.")
    return follower


def _wait(follower: Follower, met: Callable[[RunRecord], bool], verb: str) -> None:
    """Read the journal until `met` holds. Raises RunError where the engine does not answer, or dies first."""
    run, record = follower.run, follower.record
    with _as_input_errors():
        if follower.follow(met, seconds=_ANSWER_SECONDS):
            return
    if not follower.alive:
        raise RunError(follower.crash() or f"The run {run.id} has ended.")
    pid = record.engine.pid if record.engine else "unknown"
    raise RunError(
        f"The engine (process {pid}) was asked to {verb} and has not answered yet; if it was suspended, "
        f"`kill -CONT {pid}` lets it hear."
    )


def _read(follower: Follower) -> None:
    with _as_input_errors():
        deque(follower.news(), maxlen=0)


@contextmanager
def _as_input_errors() -> Iterator[None]:
    """Raise JournalError as InputError: the run that was named cannot be read."""
    try:
        yield
    except JournalError as error:
        raise InputError(str(error)) from error


def _runs(number: int) -> str:
    return f"{count(number)} {'run' if number == 1 else 'runs'}"
