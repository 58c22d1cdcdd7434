"""A full disk, a missing or read-only state folder: an error in a sentence, and a journal that can be read."""

import shutil
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from farpair.engine.errors import RunError
from farpair.engine.events import RunRequest
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.listing import listed
from farpair.engine.runs.request import request_for
from support.fixtures import as_nobody, build_small_model
from support.running import ended, long_request, read_until, searching, wait_until_gone

# A run on a file system of its own of 300 kB, filled up to the last byte while the run goes.
ON_A_TINY_DISK = """
    import os, sys
    from pathlib import Path
    import msgspec
    from farpair.engine.runs import control, folders
    from farpair.engine.events import RunRequest
    from farpair.engine.journal.reader import read_record
    from support.running import ended, read_until, searching, wait_until_gone

    run = control.start(msgspec.json.decode(sys.argv[1], type=RunRequest))
    read_until(run, searching)
    with open(folders.state_folder() / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass
    record = read_until(run, ended)
    wait_until_gone(run, record)
    again = read_record(run.journal)
    print(record.ended.outcome, record.ended.cause, again.ended == record.ended)
    print(record.ended.reason)
    print(record.ended.advice)
"""


def test_a_full_disk_ends_the_run_with_a_sentence_in_its_own_journal(tmp_path: Path, state: Path) -> None:
    request = long_request(tmp_path / "long")
    mounted = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=300k tmpfs "$0" && exec "$@"', str(state)]
    if subprocess.run([*mounted, "true"], capture_output=True).returncode:
        pytest.skip("this system lets no user mount a file system of their own")
    import msgspec

    program = [sys.executable, "-c", textwrap.dedent(ON_A_TINY_DISK), msgspec.json.encode(request).decode()]
    tests = Path(__file__).parents[1]
    said = subprocess.run([*mounted, *program], capture_output=True, text=True, cwd=tests)
    assert said.returncode == 0, said.stderr
    first, reason, advice = said.stdout.splitlines()
    assert first == "failed disk True"
    assert "journal.jsonl cannot be written: " in reason
    assert advice == "Make room and resume it; what was settled is kept."


def test_a_size_limit_that_is_reached_is_a_sentence_for_whoever_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    run = control.start(request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu")))
    record = read_until(run, ended)
    wait_until_gone(run, record)
    control._children.pop(run.id)  # as another app sees it
    sentence = control.crash_sentence(run, record)
    assert sentence is not None
    assert sentence.startswith("The engine ended: ")
    assert "journal.jsonl cannot be written: " in sentence
    assert read_record(run.journal).ended is None


@pytest.fixture
def at_work(tmp_path: Path) -> tuple[folders.Run, RunRequest]:
    request = long_request(tmp_path / "long")
    run = control.start(request)
    read_until(run, searching)
    return run, request


def test_a_state_folder_that_is_removed_ends_the_engine_and_leaves_room_for_the_next(
    at_work: tuple[folders.Run, RunRequest], tmp_path: Path
) -> None:
    run, _ = at_work
    record = read_record(run.journal)
    shutil.rmtree(folders.state_folder())
    wait_until_gone(run, record)
    assert control._children[run.id].returncode == 3
    assert folders.all_runs() == []
    next_run = control.start(
        request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu"))
    )
    assert read_until(next_run, ended).state == "done"


def test_a_state_folder_that_is_made_read_only_does_not_disturb_a_run_at_work(
    at_work: tuple[folders.Run, RunRequest],
) -> None:
    run, _ = at_work
    for folder in (run.folder, run.folder.parent, folders.state_folder()):
        folder.chmod(0o500)
    record = read_until(run, lambda now: now.checkpoint is not None)
    assert listed(run).place == "going"
    control.stop(run, record)
    assert read_until(run, ended).state == "stopped"


def test_a_state_folder_that_cannot_be_written_is_a_sentence(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (open_folder / "state").mkdir()
    (open_folder / "state").chmod(0o555)
    monkeypatch.setenv("XDG_STATE_HOME", str(open_folder / "state"))
    with as_nobody(), pytest.raises(RunError, match=r"The run could not be started: .*Permission denied"):
        control.start(
            RunRequest(
                model="m", weights="/nowhere/W.safetensors", cluster="all", settings=RunSettings(device="cpu")
            )
        )
    assert stat.S_IMODE((open_folder / "state").stat().st_mode) == 0o555
