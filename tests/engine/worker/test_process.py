"""The engine process: what it writes and in which order, how it is stopped and paused, and how it fails."""

import itertools
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest
import torch
from farpair.engine.errors import InputError
from farpair.engine.events import (
    Analysed,
    BatchBound,
    BatchDone,
    EngineStarted,
    Ladder,
    Named,
    PairFound,
    Progress,
    RunEnded,
    RunRequest,
    RunStarted,
    Warned,
)
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.folders import Run
from farpair.engine.runs.request import request_for, request_of
from farpair.engine.worker.pipeline import run_events
from safetensors.torch import load_file, save_file
from support.fixtures import build_small_model, token_texts
from support.running import all_events, ended, long_request, read_until, with_settings


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> RunRequest:
    return long_request(tmp_path_factory.mktemp("models") / "long")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    """A small model and a run of it to its end, 150 rows in batches of 16."""
    folder = tmp_path_factory.mktemp("whole")
    build_small_model(folder / "small", n=150, d=24, vocabulary=400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder / "state"))
        run = control.start(request_for(model_at(folder / "small"), RunSettings(batch=16, device="cpu")))
        read_until(run, ended)
    return folder / "small", run


def test_more_batches_than_a_journal_can_tell_of_are_refused(tmp_path: Path) -> None:
    save_file({"W": torch.ones(300_001, 1)}, tmp_path / "W.safetensors")
    with pytest.raises(
        InputError, match=r"^batch: 1 makes 300,001 batches of 300,001 rows, and a run has at most 300,000; "
    ):
        next(run_events(request_for(model_at(tmp_path), RunSettings(batch=1, device="cpu"))))


def test_a_run_is_told_from_the_engines_start_to_the_end(whole: tuple[Path, Run]) -> None:
    kinds = [type(event) for _, event in all_events(whole[1])]
    assert kinds[:2] == [EngineStarted, RunStarted]
    assert kinds[-1] is RunEnded
    assert [kinds.count(kind) for kind in (PairFound, Analysed, Ladder, RunEnded)] == [1, 1, 1, 1]
    assert kinds.index(PairFound) < kinds.index(Analysed) < kinds.index(Ladder)
    record = read_record(whole[1].journal)
    assert record.state == "done"
    assert record.batches_done == len(record.batches) == 10
    assert record.ended is not None
    assert record.ended.reason == "The farthest pair of 150 tokens is found."


def test_the_pair_and_its_distance_are_those_of_exact_arithmetic(whole: tuple[Path, Run]) -> None:
    folder, run = whole
    W = load_file(folder / "W.safetensors")["W"].to(torch.float64)
    ids = load_file(folder / "1.6a_cluster_mask.safetensors")["cluster_token_ids"].tolist()
    rows = W[ids]
    distances = (rows[:, None] - rows[None]).norm(dim=2)
    i, j = divmod(int(distances.argmax()), len(ids))
    record = read_record(run.journal)
    assert record.pair is not None
    assert (record.pair.i, record.pair.j) == (i, j)
    assert record.pair.distance == pytest.approx(float(distances[i, j]), rel=1e-14)
    assert (record.tokens[i].id, record.tokens[j].id) == (ids[i], ids[j])
    assert record.tokens[i].text == token_texts(400)[ids[i]]


def test_what_was_asked_for_is_in_the_first_line_and_what_was_read_in_the_second(whole: tuple[Path, Run]) -> None:
    folder, run = whole
    record = read_record(run.journal)
    assert record.engine is not None
    assert record.engine.request == request_of(run)
    started = record.started
    assert started is not None
    assert (started.n, started.d, started.vocabulary, started.dtype) == (150, 24, 400, "BF16")
    assert (started.batch, started.batches, started.centroid) == (16, 10, "stored")
    assert {Path(file.path).name for file in started.files} == {"W.safetensors", "1.6a_cluster_mask.safetensors"}
    for file in started.files:
        status = (folder / Path(file.path).name).stat()
        assert (file.size, file.mtime_ns) == (status.st_size, status.st_mtime_ns)


def test_every_row_is_named_once_before_the_first_event_that_mentions_it(whole: tuple[Path, Run]) -> None:
    named: Counter[int] = Counter()
    for _, event in all_events(whole[1]):
        match event:
            case Named(tokens=tokens):
                named.update(token.index for token in tokens)
            case BatchBound(i=i, j=j) | BatchDone(i=i, j=j) | PairFound(i=i, j=j) | Analysed(i=i, j=j):
                assert {i, j} <= named.keys()
            case Ladder(rungs=rungs):
                assert {row for rung in rungs for row in (rung.removed or 0, rung.i, rung.j)} <= {0, *named}
    assert set(named.values()) == {1}


def test_a_stored_centroid_beside_the_mean_and_copies_of_rows_are_warned_of(whole: tuple[Path, Run]) -> None:
    folder, run = whole
    W = load_file(folder / "W.safetensors")["W"]
    stored = load_file(folder / "1.6a_cluster_mask.safetensors")
    rows = W[stored["cluster_token_ids"].long()]
    offset = float((stored["centroid"].double() - rows.double().mean(0)).norm())
    warnings = {warning.kind: warning.message for warning in read_record(run.journal).warnings}
    assert f"{offset:.8f} from the rows' true mean" in warnings["centroid"]
    groups = [number for number in Counter(map(tuple, rows.tolist())).values() if number > 1]
    assert f"{sum(groups)} of 150 rows are duplicates, bit for bit, in {len(groups)} group" in warnings["copies"]


def test_rows_that_are_their_own_centroid_are_not_warned_of(tmp_path: Path) -> None:
    rows = torch.randn(30, 8, generator=torch.Generator().manual_seed(3))
    (tmp_path / "plain").mkdir()
    save_file({"W": rows}, tmp_path / "plain" / "W.safetensors")
    record = read_until(control.start(request_for(model_at(tmp_path / "plain"), RunSettings(device="cpu"))), ended)
    assert record.state == "done"
    assert record.warnings == []
    assert record.started is not None
    assert record.started.centroid == "mean"


def test_one_row_has_no_pair_and_the_run_is_done(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    save_file({"W": torch.ones(1, 4)}, tmp_path / "one" / "W.safetensors")
    record = read_until(control.start(request_for(model_at(tmp_path / "one"), RunSettings(device="cpu"))), ended)
    assert record.ended == RunEnded(outcome="done", reason="The cluster has one token, so there is no pair.")
    assert record.pair is None


def test_a_file_that_cannot_be_used_is_a_failed_run_with_a_sentence(tmp_path: Path) -> None:
    rows = torch.ones(5, 4)
    rows[3, 1] = torch.nan
    (tmp_path / "nan").mkdir()
    save_file({"W": rows}, tmp_path / "nan" / "W.safetensors")
    run = control.start(request_for(model_at(tmp_path / "nan"), RunSettings(device="cpu")))
    record = read_until(run, ended)
    assert record.ended is not None
    assert (record.ended.outcome, record.ended.cause) == ("failed", "input")
    assert "W.safetensors" in record.ended.reason
    assert "NaN" in record.ended.reason
    assert run.log.read_text() == ""


def test_a_device_that_is_not_there_is_a_failed_run_with_a_sentence(tmp_path: Path) -> None:
    request = request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cuda:999"))
    record = read_until(control.start(request), ended)
    assert record.ended is not None
    assert record.ended.cause == "input"
    assert "cuda:999" in record.ended.reason


def test_a_torch_that_does_not_load_is_a_failed_run_whose_log_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "torch.py").write_text("raise OSError('libcudart.so.99: no such file\\nmore')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    run = control.start(request_for(model_at(build_small_model(tmp_path / "small"))))
    record = read_until(run, ended)
    assert record.engine is not None  # it said that it lives before it loaded torch
    assert record.ended is not None
    assert record.ended.cause == "program"
    assert record.ended.reason == "The engine failed (OSError): libcudart.so.99: no such file."
    assert "Traceback" in run.log.read_text()


def test_progress_comes_at_most_ten_times_a_second_and_the_last_is_never_lost(long: RunRequest) -> None:
    run = control.start(with_settings(long, batch=1000))

    def has_told_often(_: object) -> bool:  # not for a second: a busy machine gets less done in it
        return sum(isinstance(event, Progress) for _, event in all_events(run)) > 5

    control.stop(run, read_until(run, has_told_often))
    read_until(run, ended)
    events = all_events(run)
    times = [when for when, event in events if isinstance(event, Progress)]
    assert len(times) >= 5
    gaps = [after - before for before, after in itertools.pairwise(times)]
    assert min(gaps) > 0.095  # the last may follow at once
    last_batch = max(place for place, (_, event) in enumerate(events) if isinstance(event, Progress | RunEnded))
    assert isinstance(events[last_batch][1], RunEnded)


def test_the_progress_of_a_whole_run_ends_at_all_of_its_pairs(whole: tuple[Path, Run]) -> None:
    progress = read_record(whole[1].journal).progress
    assert progress is not None
    assert progress.settled == progress.pairs == 150 * 149 // 2


def test_an_engine_that_cannot_read_or_write_its_folder_says_so_and_exits_with_3(tmp_path: Path) -> None:
    engine = [sys.executable, "-m", "farpair.engine.worker.process", str(tmp_path)]
    refused = subprocess.run(engine, capture_output=True, text=True)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert str(tmp_path / "request.json") in refused.stderr
    (tmp_path / "request.json").write_bytes(msgspec.json.encode(RunRequest(model="m", weights="/w")))
    (tmp_path / "journal.jsonl").mkdir()
    refused = subprocess.run(engine, capture_output=True, text=True)
    assert refused.returncode == 3
    assert refused.stderr.startswith(f"farpair: {tmp_path / 'journal.jsonl'} cannot be opened for writing")


def test_an_engine_that_dies_of_a_full_disk_says_so_in_its_death_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_at(build_small_model(tmp_path / "small"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))\n"
    )
    run = control.start(request_for(model, RunSettings(device="cpu")))
    record = read_until(run, ended)
    assert record.ended is None
    sentence = control.crash_sentence(run, record)
    assert sentence is not None
    assert "exit code 3" in sentence
    assert "the disk is full or a size limit is reached" in sentence


def test_threads_are_as_many_as_asked_for(tmp_path: Path) -> None:
    from farpair.engine.worker.pipeline import run_events

    before = torch.get_num_threads()
    model = model_at(build_small_model(tmp_path / "small"))
    try:
        kinds = [type(event) for event in run_events(request_for(model, RunSettings(device="cpu", threads=1)))]
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    assert kinds[-1] is RunEnded


def test_more_threads_than_there_are_cores_are_capped_and_said_to_be(tmp_path: Path) -> None:
    from farpair.engine.worker.pipeline import run_events

    before, threads = torch.get_num_threads(), 1024
    model = model_at(build_small_model(tmp_path / "small"))
    try:
        events = list(run_events(request_for(model, RunSettings(device="cpu", threads=threads))))
        assert torch.get_num_threads() == os.cpu_count()
    finally:
        torch.set_num_threads(before)
    assert any(isinstance(event, Warned) and f"{threads:,}" in event.message for event in events)


def test_less_memory_than_the_search_needs_is_warned_of(tmp_path: Path) -> None:
    from farpair.engine.worker.pipeline import run_events

    model = model_at(build_small_model(tmp_path / "small", n=2500, d=24, vocabulary=3000))
    for memory, kinds in ((1_000_000, ["memory"]), (10**9, []), (0, [])):
        events = list(run_events(request_for(model, RunSettings(device="cpu", memory=memory))))
        warnings = [event for event in events if isinstance(event, Warned)]
        assert [warned.kind for warned in warnings if warned.kind == "memory"] == kinds
        if kinds:
            assert warnings[0].message.startswith("At most 1.0 MB of memory is requested, and the search needs ")
        (started,) = (event for event in events if isinstance(event, RunStarted))
        assert (0 < memory < started.memory) == bool(kinds)


def test_a_tokenizer_that_cannot_be_read_costs_the_texts_and_not_the_run(tmp_path: Path) -> None:
    from farpair.engine.worker.pipeline import run_events

    folder = build_small_model(tmp_path / "small")
    (folder / "tokenizer.json").write_text("{}")
    events = list(run_events(request_for(model_at(folder), RunSettings(device="cpu"))))
    warnings = [event.message for event in events if isinstance(event, Warned) and event.kind == "tokenizer"]
    assert len(warnings) == 1
    assert "tokenizer.json" in warnings[0]
    assert {token.text for event in events if isinstance(event, Named) for token in event.tokens} == {None}
    assert isinstance(events[-1], RunEnded)
