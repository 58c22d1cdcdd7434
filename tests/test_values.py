"""Settings have limits: beyond them there is a sentence that says what is allowed."""

import json
from pathlib import Path

import pytest
import torch
from farpair import values
from farpair.cli import parse
from farpair.engine.errors import InputError
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings, from_text
from farpair.engine.runs.request import request_for
from farpair.engine.search.search import search
from farpair.settings import read_settings
from farpair.tui.screens.run_prompts import batch_problem, device_problem
from support.fixtures import build_small_model

DIALOGS = {"batch": batch_problem, "device": device_problem}


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("threads", "100000"),
        ("threads", "0"),
        ("threads", "-1"),
        ("memory", "5"),
        ("memory", "999999"),
        ("memory", "0.5K"),
        ("memory", "0"),
        ("batch", "2147483648"),
        ("batch", "99999999999999999999"),
    ],
)
def test_a_number_beyond_its_limits_is_refused_with_what_is_allowed(setting: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"from 1 to [0-9,]+$|less than the 1 MB"):
        from_text(setting, text)


@pytest.mark.parametrize("text", ["0.000001", "0", "9999999"])
def test_a_speed_beyond_its_limits_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"from [0-9.]+ to [0-9,]+$"):
        values.speed(text)


def test_numbers_within_their_limits_are_what_they_say() -> None:
    assert from_text("threads", "1024") == 1024
    assert from_text("memory", "1MB") == from_text("memory", "1000000") == 10**6
    assert from_text("memory", "999999TB") == 999_999 * 10**12
    assert values.speed("0.01") == 0.01


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (RunSettings(batch=0), "batch: 0 is not a whole number from 1 to 2,147,483,647."),
        (RunSettings(device="gpu"), "device: 'gpu' is not a device; it is auto, cpu, cuda, cuda:N, mps or xpu."),
        (
            RunSettings(memory=5),
            "memory: 5 is less than the 1 MB that a search needs; write it as 256MB or 1.5GB.",
        ),
        (
            RunSettings(precision="fp4"),
            "precision: 'fp4' is not a format; it is auto, float32, tf32, bfloat16 or int8.",
        ),
        (RunSettings(threads=2000), "threads: 2000 is not a whole number from 1 to 1,024."),
    ],
)
def test_the_library_the_flag_and_the_settings_file_refuse_a_setting_in_the_same_sentence(
    wrong: RunSettings, said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as library:
        next(search(torch.eye(3), wrong))
    assert str(library.value) == said
    ((name, value),) = wrong.changed.items()
    with pytest.raises(InputError) as flag:
        parse([f"--{name}", str(value)])
    sentence = said.removeprefix(f"{name}: ").removesuffix(".")
    assert sentence in str(flag.value)
    file = tmp_path / "settings.toml"
    file.write_text(f"{name} = {json.dumps(value)}")
    with pytest.raises(InputError) as setting:
        read_settings(file)
    assert sentence in str(setting.value)
    if name in DIALOGS:
        assert DIALOGS[name](str(value)) == f"{sentence}."


def test_the_library_and_the_flag_refuse_a_cluster_in_the_same_sentence(tmp_path: Path) -> None:
    build_small_model(tmp_path)
    with pytest.raises(InputError) as library:
        request_for(model_at(tmp_path), cluster="most")
    with pytest.raises(InputError) as flag:
        parse(["run", "--cluster", "most"])
    assert str(library.value).removeprefix("cluster: ").removesuffix(".") in str(flag.value)
