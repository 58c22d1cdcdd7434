"""Journals and requests of older versions, which called the number format "screen", can still be read."""

import json
from pathlib import Path

import msgspec
import pytest
from farpair.engine.events import BatchDone, EngineStarted, Named, PairFound, RunRequest, RunStarted
from farpair.engine.journal.line import decode_line
from farpair.engine.journal.older import upgraded
from farpair.engine.journal.reader import JournalTail, read_record
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.folders import Run
from farpair.engine.runs.request import request_of

RECORDED = sorted((Path(__file__).parent / "older").glob("*.jsonl"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_journal_reads_to_its_end_with_every_value_that_it_holds(path: Path) -> None:
    lines = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert any("screen" in line for line in lines)
    events = [event for _, event in JournalTail(path).read()]
    assert read_record(path).state == "done"
    assert len(events) == len(lines)
    for line, event in zip(lines, events, strict=True):
        match event:
            case EngineStarted(request=request):
                assert request.settings.precision == line["request"].get("screen", "auto")
            case RunStarted():
                assert (event.precision, event.precision_reason) == (line["screen"], line["screen_reason"])
            case PairFound():
                assert event.precision == line["screen"]
            case BatchDone():
                assert event.settled == {"screen": "screening"}.get(line["settled"], line["settled"])


def test_an_older_line_with_spaces_between_its_parts_reads_too() -> None:
    lines = [json.loads(line) for path in RECORDED for line in path.read_text().splitlines()]
    older = [line for line in lines if line["event"].get("settled") == "screen" or "screen" in line["event"]]
    assert older
    for line in older:
        spread = json.dumps(line, separators=(" , ", " : ")).encode()
        assert decode_line(spread) == decode_line(json.dumps(line, separators=(",", ":")).encode())


def test_a_token_that_spells_an_older_field_is_left_as_it_is() -> None:
    text = '"screen":"settled":"screen"'
    line = {"time": 1.0, "event": {"type": "Named", "tokens": [{"index": 0, "id": 7, "text": text}]}}
    _, event = decode_line(msgspec.json.encode(line))
    assert isinstance(event, Named)
    assert event.tokens[0].text == text


def test_an_older_request_says_its_number_format(tmp_path: Path) -> None:
    asked = {"model": "m", "weights": "/w", "tensor": "W", "cluster": "all", "screen": "tf32", "device": "cpu"}
    run = Run("20261122-120000-m-0000", tmp_path)
    run.request.write_bytes(msgspec.json.encode(asked))
    assert request_of(run).settings == RunSettings(precision="tf32", device="cpu")


@pytest.mark.parametrize("settings", [RunSettings(), RunSettings(7, "cuda:1", 3, 2_000_000, "bfloat16", True)])
def test_an_older_request_whose_settings_stood_among_its_fields_is_read(settings: RunSettings) -> None:
    now = RunRequest(model='a "weights" \u202e', weights="/w", settings=settings, resumes="r")
    older = msgspec.to_builtins(now)
    older.update(older.pop("settings"))
    assert msgspec.json.decode(upgraded(msgspec.json.encode(older)), type=RunRequest) == now
    started = {
        "type": "EngineStarted",
        "run": "r",
        "host": "h",
        "program": "p",
        "pid": 1,
        "pid_created": 1.0,
        "request": older,
    }
    _, event = decode_line(msgspec.json.encode({"time": 1.0, "event": started}))
    assert isinstance(event, EngineStarted)
    assert event.request == now


@pytest.mark.parametrize("broken", [b'{"weights"', b'["weights"]', b'{"event":["weights"]}', b'"weights"'])
def test_what_is_no_request_is_refused_as_any_other_line(broken: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_line(broken)
