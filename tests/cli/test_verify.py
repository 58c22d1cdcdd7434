"""`farpair verify RUN`: what a run found, checked again from its files, and the verdict kept in its journal."""

import json
import subprocess
from pathlib import Path

import msgspec
import pytest
from farpair.engine.events import BatchDone, PairFound, Verified
from farpair.engine.journal.reader import JournalTail, read_record
from farpair.engine.journal.writer import JournalWriter
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.folders import Run
from farpair.engine.runs.listing import listed
from farpair.engine.runs.request import request_for
from support.fixtures import build_small_model
from support.running import FARPAIR, ended, farpair, read_until


@pytest.fixture
def models(tmp_path: Path) -> Path:
    build_small_model(tmp_path / "tensors" / "small")
    return tmp_path / "tensors"


@pytest.fixture
def run(models: Path) -> Run:
    run = control.start(request_for(model_at(models / "small"), RunSettings(device="cpu", batch=16)))
    read_until(run, ended)
    return run


def rewritten(run: Run, **changes: object) -> None:
    """The run's journal, with the pair changed as a wrong program would have written it."""
    events = [event for _, event in JournalTail(run.journal).read()]
    run.journal.unlink()
    writer = JournalWriter(run.journal)
    for event in events:
        writer.append(msgspec.structs.replace(event, **changes) if isinstance(event, PairFound) else event)
    writer.close()


def test_a_run_is_confirmed_and_the_verdict_is_kept_and_shown_everywhere(run: Run) -> None:
    said = farpair("verify", "last")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout == "Checked independently: confirmed.\n"
    record = read_record(run.journal)
    n = record.started.n if record.started else 0
    assert record.verified == Verified(
        confirmed=True, refutations=(), pairs=n * (n - 1) // 2, batches=len(record.batches)
    )
    assert record.state == "done"
    for form in ("--markdown", "--colour", "--plain"):
        assert "Checked independently on 2" in farpair("report", "last", form).stdout
    check = json.loads(farpair("report", "last", "--json").stdout)["check"]
    assert (check["confirmed"], check["sample"]) == (True, None)
    assert listed(run).place == "done"


def test_a_sample_says_that_it_is_one_and_does_not_take_the_place_of_a_whole_check(run: Run) -> None:
    assert farpair("verify", "last").returncode == 0
    said = farpair("verify", "last", "--sample")
    assert said.returncode == 0
    record = read_record(run.journal)
    assert record.verified is not None
    assert record.verified.sample is None


def test_a_wrong_claim_is_refuted_with_exit_code_1_and_stays_refuted_in_the_report(run: Run) -> None:
    rewritten(run, ties=7)
    said = farpair("verify", "last")
    assert said.returncode == 1
    assert said.stdout.startswith("Checked independently: refuted.\nThe ties: the claim is 7 pairs")
    assert "The ties: the claim is 7 pairs" in farpair("report", "last").stdout


def test_a_journal_that_lacks_a_batch_is_refuted(run: Run) -> None:
    events = [event for _, event in JournalTail(run.journal).read()]
    batches = [event for event in events if isinstance(event, BatchDone)]
    run.journal.unlink()
    writer = JournalWriter(run.journal)
    for event in events:
        if event is not batches[1]:
            writer.append(event)
    writer.close()
    said = farpair("verify", "last")
    assert said.returncode == 1
    assert "The maximum of batch 1: none is claimed." in said.stdout


def test_files_that_changed_a_run_without_end_and_no_run_at_all_are_refused(run: Run, models: Path) -> None:
    build_small_model(models / "small", seed=9)
    changed = farpair("verify", "last")
    assert (changed.returncode, changed.stdout) == (2, "")
    assert "cannot be checked: W.safetensors has been written since." in changed.stderr
    lines = run.journal.read_bytes().splitlines(keepends=True)
    run.journal.write_bytes(b"".join(lines[:-1]))
    assert "has not ended" in farpair("verify", "last").stderr
    assert farpair("verify", "nothing").returncode == 2


def test_a_torn_last_line_and_two_checks_at_once_leave_a_whole_journal(run: Run) -> None:
    with run.journal.open("ab") as journal:
        journal.write(b'{"time": 1, "event": {"ty')
    both = [subprocess.Popen([*FARPAIR, "verify", "last"], stdout=subprocess.PIPE) for _ in range(2)]
    assert [(one.communicate()[0], one.returncode) for one in both] == 2 * [
        (b"Checked independently: confirmed.\n", 0)
    ]
    events = [event for _, event in JournalTail(run.journal).read()]
    assert [type(event) for event in events[-2:]] == [Verified, Verified]
    assert any(isinstance(event, BatchDone) for event in events)


@pytest.mark.usefixtures("run")
def test_a_journal_without_a_check_reads_and_says_so_by_null() -> None:
    assert json.loads(farpair("report", "last", "--json").stdout)["check"] is None
    assert "Checked independently" not in farpair("report", "last").stdout
