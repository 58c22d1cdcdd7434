"""A run that was cut short is resumed by a new run with the same answer, or the new run says why it starts
anew."""

import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from farpair.engine.events import AnyEvent, BatchDone, Checkpoint, RunEnded, RunRequest, RunStarted, Warned
from farpair.engine.journal.reader import JournalTail, read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.folders import Run, new_run
from farpair.engine.runs.request import request_for, request_of
from farpair.engine.worker import resume
from farpair.engine.worker.pipeline import run_events
from safetensors.torch import save_file
from support.answers_of_runs import answer
from support.inputs import vocabulary
from support.running import all_events, ended, read_until, wait_until_gone, with_settings


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def request_of_many_strips(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    """A search that settles its batches a few at a time, for want of memory."""
    folder = tmp_path_factory.mktemp("models") / "strips"
    folder.mkdir()
    save_file({"W": vocabulary(2500, 24).to(torch.float32)}, folder / "W.safetensors")
    return request_for(
        model_at(folder), RunSettings(batch=100, device="cpu", threads=1, memory=1_000_000, exhaustive=True)
    )


@pytest.fixture(scope="module")
def whole(request_of_many_strips: RunRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, bytes]:
    """That search to its end: its run, and the bytes of its journal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("whole")))
        run = control.start(request_of_many_strips)
        assert read_until(run, ended).state == "done"
    return run, run.journal.read_bytes()


def test_from_every_checkpoint_and_any_byte_between_the_answer_is_the_same(whole: tuple[Run, bytes]) -> None:
    run, journal = whole
    lines = journal.split(b"\n")
    ends = [len(b"\n".join(lines[: number + 1])) + 1 for number in range(len(lines) - 1)]
    checkpoints = [end for end, line in zip(ends, lines, strict=False) if b'"type":"Checkpoint"' in line]
    assert len(checkpoints) >= 8
    anywhere = random.Random(5).sample(range(ends[1], len(journal)), 6)
    for cut in [*checkpoints, *anywhere]:
        old = cut_short(run, journal[:cut])
        point = read_record(old.journal).resume_point
        events = resumed(old)
        assert answer(events) == answer_of(run)
        (told,) = (event.message for event in events if isinstance(event, Warned) and event.kind == "resumed")
        if point is None:
            assert told == "Starts anew: that run had settled no batch."
            continue
        assert told == f"Resumes from {len(point.settled)} of 25 batches that run {old.id} had settled."
        first = [event for event in events if isinstance(event, BatchDone | Checkpoint)]
        assert tuple(first[: len(point.settled) + 1]) == (*point.settled, point.checkpoint)


def test_a_killed_run_goes_on_in_a_run_of_its_own_and_leaves_the_old_journal_alone(tmp_path: Path) -> None:
    (tmp_path / "longer").mkdir()
    save_file({"W": vocabulary(6000, 64).to(torch.float32)}, tmp_path / "longer" / "W.safetensors")
    request = request_for(
        model_at(tmp_path / "longer"), RunSettings(device="cpu", threads=1, memory=1_000_000, exhaustive=True)
    )
    old = control.start(request)
    record = read_until(old, lambda now: now.checkpoint is not None)
    assert record.engine is not None
    os.kill(record.engine.pid, signal.SIGKILL)
    wait_until_gone(old, record)
    before = old.journal.read_bytes()
    sentence = control.crash_sentence(old, record)
    assert sentence is not None
    assert sentence.endswith("Resume it to continue from there.")
    run = control.start(msgspec.structs.replace(request, resumes=old.id))
    resumed = read_until(run, ended)
    assert answer_of(run) == answer(list(run_events(request)))
    assert old.journal.read_bytes() == before
    assert any(warned.message.startswith("Resumes from") for warned in resumed.warnings)


def test_a_resumed_run_that_is_cut_short_before_its_first_strip_can_be_resumed_itself(
    whole: tuple[Run, bytes],
) -> None:
    run, journal = whole
    middle = journal[: journal.rfind(b'{"time"', 0, journal.rfind(b'"type":"Checkpoint"', 0, len(journal) // 2))]
    first = cut_short(run, middle)
    request = msgspec.structs.replace(request_of(run), resumes=first.id)
    second = control.start(request)
    record = read_until(second, lambda now: now.checkpoint is not None)
    control.stop(second, record)
    read_until(second, ended)
    assert answer(resumed(second)) == answer_of(run)


def test_a_file_that_has_changed_is_named_and_the_search_starts_anew(
    whole: tuple[Run, bytes], tmp_path: Path
) -> None:
    run, journal = whole
    request = request_of(run)
    for rows, told in (
        (vocabulary(2500, 24, seed=9), "W.safetensors has been written since."),
        (vocabulary(2600, 24), "W.safetensors has changed since (249.7 kB; it was 240.1 kB)."),
    ):
        old = cut_short(run, journal[: journal.rfind(b"\n", 0, -1000) + 1])
        copied = shutil.copytree(Path(request.weights).parent, tmp_path / f"{len(rows)}")
        weights = copied / "W.safetensors"
        same = old.journal.read_bytes().replace(request.weights.encode(), str(weights).encode())
        old.journal.write_bytes(without_sums(same))
        save_file({"W": rows.to(torch.float32)}, weights)
        events = list(run_events(msgspec.structs.replace(request, weights=str(weights), resumes=old.id)))
        assert f"Starts anew: {told}" in [event.message for event in events if isinstance(event, Warned)]
        assert isinstance(events[-1], RunEnded)


def test_files_that_were_only_touched_are_the_same_rows(whole: tuple[Run, bytes]) -> None:
    run, journal = whole
    old = cut_short(run, journal[: journal.rfind(b'{"time"', 0, -3000)])
    os.utime(request_of(run).weights)
    events = resumed(old)
    assert answer(events) == answer_of(run)
    assert any(isinstance(event, Warned) and event.message.startswith("Resumes from") for event in events)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"settings": {"batch": 50}}, "batches hold 50 rows, and held 100"),
        ({"settings": {"exhaustive": False}}, "the setting exhaustive is off, and was on"),
        ({"cluster": "tokens:^word1"}, "the request selects other rows than that run"),
        ({"resumes": "20200101-000000-gone-0000"}, "its journal is lost"),
        ({"resumes": "../../etc"}, "'../../etc' is not a run id"),
    ],
)
def test_a_setting_that_differs_is_named_and_the_search_starts_anew(
    whole: tuple[Run, bytes], changes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    from support.fixtures import write_tokenizer

    run, journal = whole
    old = cut_short(run, journal[: journal.rfind(b'{"time"', 0, -3000)])
    write_tokenizer(tmp_path / "tokenizer.json", 2500)
    fields = {"tokenizer": str(tmp_path / "tokenizer.json"), "resumes": old.id} | changes
    settings = fields.pop("settings", {})
    request = msgspec.structs.replace(with_settings(request_of(run), **settings), **fields)
    message = next(event.message for event in run_events(request) if isinstance(event, Warned) and
                   event.kind == "resumed")  # fmt: skip
    assert message.startswith("Starts anew: ")
    assert told in message


def test_a_precision_left_to_the_engine_is_that_of_the_run_before_whatever_it_would_choose_now(
    tmp_path: Path,
) -> None:
    rows = torch.randn(2500, 64, generator=torch.Generator().manual_seed(3))  # of which no pair can be left out
    (tmp_path / "gaussian").mkdir()
    save_file({"W": rows}, tmp_path / "gaussian" / "W.safetensors")
    settings = RunSettings(batch=100, device="cpu", threads=1, memory=1_000_000)  # "auto": float32 for few rows
    request = request_for(model_at(tmp_path / "gaussian"), settings)
    before = control.start(with_settings(request, precision="tf32"))
    assert read_until(before, ended).state == "done"
    asked, chosen = (b'"precision":"%s"' % name for name in (b"tf32", b"auto"))
    journal = without_sums(before.journal.read_bytes()).replace(asked, chosen, 1)  # the first is the request's
    old = new_run(request)
    old.journal.write_bytes(journal[: journal.rfind(b'{"time"', 0, journal.rfind(b'"type":"PairFound"'))])
    record = read_record(old.journal)
    assert record.engine is not None
    assert record.engine.request.settings.precision == "auto"
    assert record.started is not None
    assert record.started.precision == "tf32"
    events = resumed(old)
    (now,) = (event for event in events if isinstance(event, RunStarted))
    assert (now.precision, now.precision_reason) == ("tf32", "as in the run from which this one goes on")
    (told,) = (event.message for event in events if isinstance(event, Warned) and event.kind == "resumed")
    assert told.startswith("Resumes from ")
    assert answer(events) == answer_of(before)


def test_another_version_of_the_program_starts_anew(
    whole: tuple[Run, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, journal = whole
    old = cut_short(run, journal[: journal.rfind(b'{"time"', 0, -3000)])
    monkeypatch.setattr(resume, "__version__", "99.0")
    told = [event.message for event in resumed(old) if isinstance(event, Warned)]
    assert any(message.startswith("Starts anew: farpair is 99.0, and was ") for message in told)


@pytest.mark.parametrize("attempt", range(12))
def test_a_damaged_journal_never_changes_the_answer(whole: tuple[Run, bytes], attempt: int) -> None:
    run, journal = whole
    chance = random.Random(attempt)
    damaged = bytearray(journal[: chance.randrange(len(journal) // 2, len(journal))])
    for _ in range(chance.randrange(1, 4)):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    assert answer(resumed(cut_short(run, bytes(damaged)))) == answer_of(run)


@pytest.mark.parametrize(
    "damage",
    [
        lambda point: msgspec.structs.replace(point, pairs=((0, 9_999_999, 1),)),
        lambda point: msgspec.structs.replace(point, pairs=((5, 5, 1),)),
        lambda point: msgspec.structs.replace(point, grouping=point.grouping + 1),
        lambda point: msgspec.structs.replace(point, batches=0),
    ],
)
def test_a_checkpoint_that_cannot_be_is_not_gone_on_from(
    whole: tuple[Run, bytes], damage: Callable[[Checkpoint], Checkpoint]
) -> None:
    from farpair.engine.journal.writer import JournalWriter

    run, journal = whole
    old = cut_short(run, journal[: journal.rfind(b'{"time"', 0, -3000)])
    record = read_record(old.journal)
    assert record.checkpoint is not None
    writer = JournalWriter(old.journal)
    writer.append(damage(record.checkpoint))
    writer.close()
    events = resumed(old)
    assert answer(events) == answer_of(run)
    assert any(isinstance(event, Warned) and "starts anew" in event.message.lower() for event in events)


def cut_short(run: Run, journal: bytes) -> Run:
    """A run like `run`, whose engine died when it had written so much."""
    copy = new_run(request_of(run))
    copy.journal.write_bytes(journal)
    return copy


def resumed(old: Run) -> list[AnyEvent]:
    """The events of a run of the same request that resumes `old`."""
    return list(run_events(msgspec.structs.replace(request_of(old), resumes=old.id)))


def answer_of(run: Run) -> list[AnyEvent]:
    return answer([event for _, event in all_events(run)])


def without_sums(journal: bytes) -> bytes:
    """A journal that was changed by hand, without the checksums that would say so."""
    lines = journal.splitlines(keepends=True)
    return b"".join(line[: line.rfind(b',"crc":')] + b"}\n" for line in lines)


def test_a_tail_reads_what_the_tests_above_wrote_by_hand(whole: tuple[Run, bytes], tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(without_sums(whole[1]))
    assert JournalTail(tmp_path / "journal").read() == all_events(whole[0])
