"""A run's JSON object: its structs, its schema and the printed text agree."""

import json
import re
import socket

import jsonschema
import msgspec
import pytest
from engine.report.test_text_report import ENGINE, HOSTILE, STARTED, finished, record_of
from farpair.engine.events import AnyEvent, BatchBound, RunEnded, Verified
from farpair.engine.journal.reader import read_record
from farpair.engine.journal.record import RunRecord
from farpair.engine.report import json_schema
from farpair.engine.report.export import text_of
from farpair.engine.report.json_report import as_json, run_report
from support.notebook_numbers import BATCH_MAXIMA as MAXIMA
from support.published import TEXTS, done, named, pair_found, settled
from support.recorded_runs import FOLDER, RECORDED

VALIDATOR = jsonschema.Draft202012Validator(json_schema.json_schema())
STOPPED = RunEnded(outcome="cancelled", reason="Stopped after 1 of 9 batches.", advice="Run it again.")
FAILED = RunEnded(outcome="failed", reason="W.safetensors is truncated.", cause="input")
CHECKED = Verified(confirmed=False, refutations=("No.",), pairs=3, batches=1, sample=2)


def test_the_json_object_holds_every_number_and_goes_through_json_unchanged() -> None:
    found = as_json(finished(TEXTS | {14: HOSTILE}))
    read = json.loads(json.dumps(found, ensure_ascii=True, allow_nan=False))
    assert read == found
    assert read["schema"] == 2
    assert (read["program"], read["run"], read["state"]) == ("0.1.0", "by hand", "done")
    assert read["host"] == socket.gethostname()
    assert read["model"]["name"] == "Qwen3-4B-Instruct-2507"
    assert read["files"] == [{"path": "/nowhere/W.safetensors", "size": 777_912_320, "mtime_ns": 10**18}]
    assert (read["rows"]["n"], read["rows"]["d"], read["device"]["name"]) == (2248, 2560, "NVIDIA H100 80GB HBM3")
    assert [batch["maximum"] for batch in read["batches"]] == list(MAXIMA)
    assert read["batches"][8]["j"] == {"index": 2048, "id": 70_008, "text": "unused8"}
    assert read["pair"]["i"] == {"index": 14, "id": 48494, "text": HOSTILE}
    assert (read["pair"]["distance"], read["certificate"]["runner_up_j"]["id"]) == (pair_found().distance, 99_999)
    assert read["analysis"]["outlier"]["token"]["id"] == 71473
    assert read["analysis"]["outlier"]["norm_ratio"] == 1.21912193 / 0.37091014
    assert read["analysis"]["triangle"]["at_centroid"] == 90.16
    assert read["analysis"]["duplicates"]["sizes"][:2] == [814, 704]
    assert read["analysis"]["norms_beyond"] == "both"
    assert read["analysis"]["other"]["is_outlier"] is True
    assert [one["token"]["id"] for one in read["outliers"]][:2] == [71473, 48494]
    assert [one["rank"] for one in read["outliers"]] == list(range(1, 10))
    assert read["ended"] == {"outcome": "done", "reason": done().reason, "advice": "", "cause": None}


@pytest.mark.parametrize("events", [(), (ENGINE,), (ENGINE, STARTED)])
def test_the_json_object_has_all_its_keys_from_the_start(events: tuple[AnyEvent, ...]) -> None:
    found = as_json(record_of(*events))
    assert found.keys() == as_json(finished()).keys()
    assert (found["pair"], found["certificate"], found["analysis"], found["ended"]) == (None, None, None, None)


@pytest.mark.parametrize(
    "record",
    [
        RunRecord(),
        record_of(ENGINE, FAILED),
        record_of(ENGINE, STARTED, named(), BatchBound(batch=1, lower=1.0, i=14, j=300), settled(0), STOPPED),
        record_of(ENGINE, STARTED, *map(settled, range(9)), pair_found()),
        record_of(*(ENGINE, STARTED, pair_found(), done(), CHECKED)),
        finished(TEXTS | {14: HOSTILE}),
    ],
    ids=["nothing", "failed", "stopped", "analysing", "checked", "done"],
)
def test_the_json_object_of_any_run_keeps_to_the_schema_and_is_its_structs(record: RunRecord) -> None:
    read = json.loads(text_of(record, "json"))
    VALIDATOR.validate(read)
    if not re.search(r"[\ud800-\udfff]", json.dumps(read, ensure_ascii=False)):  # which no UTF-8 can hold
        assert msgspec.json.decode(text_of(record, "json"), type=json_schema.RunReport) == run_report(record)


@pytest.mark.parametrize("name", RECORDED)
def test_the_json_object_of_a_recorded_journal_keeps_to_the_schema(name: str) -> None:
    VALIDATOR.validate(json.loads(text_of(read_record(FOLDER / f"{name}.jsonl"), "json")))


def test_the_schema_is_a_schema_and_refuses_an_object_that_is_none() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema.json_schema())
    whole = as_json(finished())
    for key in whole:
        lacking = {name: value for name, value in whole.items() if name != key}
        assert not VALIDATOR.is_valid(lacking), key
    assert not VALIDATOR.is_valid(whole | {"another": 1})
    assert not VALIDATOR.is_valid(whole | {"state": "asleep"})


def test_every_key_of_the_json_object_is_documented_in_the_schema() -> None:
    definitions = json_schema.json_schema()["$defs"]
    assert isinstance(definitions, dict)
    for name, part in definitions.items():
        words = set(re.findall(r"\w+", part.get("description", "")))
        assert set(part["properties"]) - words - {"type"} == set(), name
