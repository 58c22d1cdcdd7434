"""Old runs are removed, living ones and results are not, and the state folder has a limit."""

import os
import time
from pathlib import Path

import msgspec
import psutil
import pytest
from farpair.engine.events import EngineStarted, Paused, RunEnded, RunRequest
from farpair.engine.journal.writer import JournalWriter
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import folders
from farpair.engine.runs.cleanup import clean, trim
from farpair.engine.runs.folders import Run, new_run
from support.running import with_settings

REQUEST = RunRequest(
    model="m", weights="/nowhere/W.safetensors", cluster="all", settings=RunSettings(device="cpu")
)
DONE = RunEnded(outcome="done", reason="Found.")
STOPPED = RunEnded(outcome="cancelled", reason="Stopped.")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_what_is_old_goes_but_for_the_newest_result_of_each_rows_and_settings() -> None:
    older, newest = kept(DONE, days=90), kept(DONE, days=60)
    other_batch = kept(DONE, days=80, batch=7)
    other_rows = kept(DONE, days=80, cluster="tokens:x")
    stopped, interrupted = kept(STOPPED, days=31), kept(None, days=31)
    young = kept(STOPPED, days=29)
    removed = clean()
    assert removed.runs == 3
    assert removed.bytes > 300
    assert removed.left == 4
    assert set(folders.all_runs()) == {newest, other_batch, other_rows, young}
    for run in (older, stopped, interrupted):
        assert not run.folder.exists()


def test_a_run_that_goes_and_the_one_that_it_resumes_are_kept_however_old() -> None:
    resumed = kept(STOPPED, days=400)
    going = kept(None, days=300, alive=True, resumes=resumed.id)
    elsewhere = kept(None, days=5, host="elsewhere")
    long_gone = kept(None, days=50, host="elsewhere")
    clean()
    assert set(folders.all_runs()) == {resumed, going, elsewhere}
    assert not long_gone.folder.exists()
    trim(most_runs=1)
    assert set(folders.all_runs()) == {resumed, going, elsewhere}


def test_a_clock_that_stepped_back_makes_nothing_old() -> None:
    tomorrow = kept(STOPPED, days=-1)
    assert clean().runs == 0
    assert folders.all_runs() == [tomorrow]


def test_a_full_state_folder_loses_its_oldest_runs_first_and_results_last() -> None:
    result = kept(DONE, days=9)
    stopped = [kept(STOPPED, days=8 - n / 10) for n in range(20)]
    assert trim(most_runs=21).runs == 0
    removed = trim(most_runs=10)
    assert removed.left == 9
    assert folders.all_runs() == [*reversed(stopped[-8:]), result]
    trim(most_bytes=1)
    assert folders.all_runs() == []


def test_what_a_killed_cleaner_left_is_removed_in_time() -> None:
    remnant, fresh = kept(STOPPED, days=3), kept(STOPPED, days=0)
    for run in (remnant, fresh):
        run.request.unlink()
    os.utime(remnant.folder, (time.time() - 3 * 86400,) * 2)
    clean()
    assert not remnant.folder.exists()
    assert fresh.folder.exists()
    assert folders.all_runs() == []


def test_an_unreadable_run_is_removed_when_it_is_old() -> None:
    run = kept(STOPPED, days=40)
    run.request.write_text("{")
    run.journal.write_text("nonsense\n")
    for path in (run.request, run.journal):
        os.utime(path, (time.time() - 40 * 86400,) * 2)
    assert clean().runs == 1


def kept(
    end: RunEnded | None,
    *,
    days: float,
    alive: bool = False,
    host: str | None = None,
    batch: int = 256,
    **changes: str,
) -> Run:
    """A run that was last written to so many days ago."""
    request = msgspec.structs.replace(with_settings(REQUEST, batch=batch), **changes)
    run = new_run(request)
    me = psutil.Process()
    writer = JournalWriter(run.journal)
    writer.append(
        EngineStarted(
            run=run.id,
            pid=me.pid if alive else 2**22 - 1,
            pid_created=me.create_time() if alive else 1.0,
            host=host or os.uname().nodename,
            program="0",
            request=request,
            queue="cpu",
        )
    )
    writer.append(end or Paused())
    writer.close()
    when = time.time() - 86400 * days
    for path in (run.request, run.journal):
        os.utime(path, (when, when))
    return run
