"""`farpair schema`: what --json prints of real runs, however they end, keeps to it."""

import json
from pathlib import Path
from typing import Any

import jsonschema
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.request import request_for
from support.running import ended, farpair, read_until


def test_what_json_prints_of_runs_that_are_done_stopped_resumed_and_failed_keeps_to_the_schema(
    models: Path,
) -> None:
    schema = json.loads(farpair("schema").stdout)
    found: list[dict[str, Any]] = [json.loads(farpair("run", "first", "--json", "--batch", "16").stdout)]
    long = control.start(
        request_for(model_at(models / "long"), RunSettings(device="cpu", threads=1, exhaustive=True, batch=8192))
    )
    control.stop(long, read_until(long, lambda record: record.checkpoint is not None))
    read_until(long, ended)
    farpair("resume", long.id)
    resumed = folders.all_runs()[0]
    found.append(json.loads(farpair("report", long.id, "--json").stdout))
    read_until(resumed, ended)
    found.append(json.loads(farpair("report", resumed.id, "--json").stdout))
    farpair("run", "nan", "--cluster", "all")
    found.append(json.loads(farpair("report", "last", "--json").stdout))
    assert [one["state"] for one in found] == ["done", "stopped", "done", "failed"]
    assert found[2]["warnings"][0]["kind"] == "resumed"
    for one in found:
        jsonschema.Draft202012Validator(schema).validate(one)
