"""A clock that steps back, many engines at the same moment, many stop requests for one: everything stays in
order."""

import itertools
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from farpair.engine.events import PairFound, RunRequest
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.request import request_for
from faults.conftest import Of
from support.fixtures import build_small_model
from support.running import PATIENCE_SECONDS, all_events, ended, long_request, read_until, searching

# In the engine alone, the clock goes back an hour a moment after it started.
STEPPING_BACK = """
import sys, time
if "farpair.engine.worker.process" in " ".join(sys.orig_argv):
    real, real_ns, began = time.time, time.time_ns, time.monotonic()
    back = lambda: 3600 if time.monotonic() - began > 0.5 else 0
    time.time = lambda: real() - back()
    time.time_ns = lambda: real_ns() - back() * 10**9
"""


def test_a_clock_that_steps_back_while_a_run_goes_leaves_its_times_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(STEPPING_BACK)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    run = control.start(request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu")))
    assert read_until(run, ended).state == "done"
    times = [when for when, _ in all_events(run)]
    assert times == sorted(times)
    assert times[-1] - times[0] < 1800
    assert all(event.seconds >= 0 for _, event in all_events(run) if isinstance(event, PairFound))


def test_engines_that_start_at_the_same_moment_have_folders_of_their_own_and_take_turns(
    tmp_path: Path, of: Of
) -> None:
    small = request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu"))
    starting = (
        "import sys, msgspec\nfrom farpair.engine.runs import control\n"
        "from farpair.engine.events import RunRequest\n"
        "request = msgspec.json.decode(sys.argv[1], type=RunRequest)\nsys.stdin.read()\n"
        "print(control.start(request).id)\n"
    )
    command = [sys.executable, "-c", starting, msgspec.json.encode(small).decode()]
    together = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(of(2, 12))
    ]
    for process in together:
        assert process.stdin is not None
        process.stdin.close()
    ids = {process.stdout.read().strip() for process in together if process.stdout}
    assert len(ids) == len(together)
    assert {run.id for run in folders.all_runs()} == ids
    spans = []
    for run in folders.all_runs():
        assert read_until(run, ended).state == "done"
        events = all_events(run)
        begun = next(when for when, event in events if type(event).__name__ == "RunStarted")
        spans.append((begun, events[-1][0]))
    for (_, end), (begin, _) in itertools.pairwise(sorted(spans)):
        assert end <= begin


def test_many_who_ask_a_run_to_stop_at_once_are_all_told_that_it_did(tmp_path: Path, of: Of) -> None:
    request: RunRequest = long_request(tmp_path / "long")
    run = control.start(request)
    read_until(run, searching)
    stopping = [
        subprocess.Popen([sys.executable, "-m", "farpair", "stop", run.id], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
        for _ in range(of(3, 20))
    ]  # fmt: skip
    said = [(*process.communicate(timeout=PATIENCE_SECONDS), process.returncode) for process in stopping]
    reason = read_record(run.journal).ended
    assert reason is not None
    for out, err, code in said:
        assert (code == 0 and out.startswith(reason.reason)) or (code == 2 and "was stopped, so there is" in err)
    assert any(code == 0 for _, _, code in said)
