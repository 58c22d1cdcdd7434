"""Journals and requests that older programs have written still read: they called the number format "screen"."""

import json
from pathlib import Path

import msgspec
import pytest
from farpair.engine.events import BatchDone, EngineStarted, PairFound, RunRequest, RunStarted
from farpair.engine.journal.line import decode_line
from farpair.engine.journal.reader import JournalTail, read_record
from farpair.engine.runs.folders import Run
from farpair.engine.runs.request import request_of

RECORDED = sorted((Path(__file__).parents[2] / "tui" / "recorded").glob("*.jsonl"))


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
                assert request.precision == line["request"].get("screen", "auto")
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
    assert event.tokens[0].text == text


def test_an_older_request_says_its_number_format(tmp_path: Path) -> None:
    asked = {"model": "m", "weights": "/w", "tensor": "W", "cluster": "all", "batch": 256, "device": "cpu"}
    now = msgspec.to_builtins(RunRequest(**asked, cluster_file=None, tokenizer=None, precision="tf32"))
    now["screen"] = now.pop("precision")
    run = Run("20261122-120000-m-0000", tmp_path)
    run.request.write_bytes(msgspec.json.encode(now))
    assert request_of(run).precision == "tf32"
