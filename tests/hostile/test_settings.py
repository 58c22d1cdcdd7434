"""Hostile settings files: each is a sentence and exit code 2, before anything else is done."""

import os
from pathlib import Path

import pytest
from farpair.engine.errors import InputError
from farpair.settings import Settings, read_settings
from hypothesis import given
from hypothesis import strategies as st
from support.hostile.case import BIDI, CONTROLS, ESCAPES, MARKUP
from support.hostile.checks import check_harmless, check_sentence, farpair, in_time
from support.hostile.mutations import fuzzed, spoiled_bytes

VALID = b"""\
tensors = "~/tensors"
batch = 256
device = "cuda:1"
threads = 4
memory = "256MB"
theme = "dark"
mouse = true
ascii = false

[keys]
run = "r"
stop = ["x", "ctrl+x"]
"""

SETTINGS = {
    "not UTF-8": b'theme = "\xff"',
    "UTF-16": 'theme = "dark"'.encode("utf-16"),
    "NULs": bytes(1000),
    "a raw escape": b'theme = "\x1b[41mOWNED"',
    "an escaped escape": rb'theme = "\u001b[41mOWNED"',
    "an escape in a key": rb'"\u001b[41mOWNED" = 1',
    "an escape in an action": b'[keys]\n"\\u001b[41mOWNED" = "r"',
    "hostile texts": f"tensors = {[ESCAPES, CONTROLS, BIDI, MARKUP]!a}".replace("\\x", "\\u00").encode(),
    "not TOML": b"hello",
    "JSON": b'{"theme": "dark"}',
    "a number of 5,000 digits": b"batch = " + b"9" * 5000,
    "a number of 5,000 hexadecimal digits": b"batch = 0x" + b"f" * 5000,
    "a negative number": b"batch = -1",
    "2^64": b"batch = 18446744073709551616",
    "NaN": b"batch = nan",
    "infinity": b"memory = inf",
    "a date": b"threads = 2026-11-22",
    "lists 10,000 deep": b"theme = " + b"[" * 10_000,
    "lists 300 deep": b"theme = " + b"[" * 300 + b"]" * 300,
    "names 5,000 deep": b"theme" + b".a" * 5000 + b" = 1",
    "tables 5,000 deep": b"[keys" + b".a" * 5000 + b"]\na = 1",
    "a setting twice": b"batch = 1\nbatch = 2",
    "a name of 60,000 letters": b"x" * 60_000 + b" = 1",
    "a value of 60,000 letters": b'theme = "' + b"x" * 60_000 + b'"',
    "100,000 bytes": b"#" * 100_000,
    "60,000 lines and then a wrong value": b"\n" * 60_000 + b"batch = 0",
    "a NUL in a path": rb'tensors = "a\u0000b"',
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file, not made yet."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("FARPAIR_CONFIG", str(tmp_path / "settings.toml"))
    return tmp_path / "settings.toml"


@pytest.mark.parametrize("content", SETTINGS.values(), ids=list(SETTINGS))
def test_hostile_settings_are_a_sentence(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    check_sentence(farpair("models"), str(file))


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop", "terabyte"])
def test_what_is_no_settings_file_is_a_sentence(file: Path, kind: str) -> None:
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "device":
            file.symlink_to("/dev/zero")
        case "loop":
            file.symlink_to(file)
        case _:
            file.touch()
            os.truncate(file, 2**40)
    check_sentence(farpair("models"), "cannot be read")


@fuzzed
@given(st.one_of(spoiled_bytes(VALID), st.binary(max_size=40)))
def test_spoiled_settings_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "spoiled.toml"
    file.write_bytes(content)
    try:
        with in_time():
            assert isinstance(read_settings(file), Settings)
    except InputError as error:
        said = str(error)
    else:
        said = ""
    check_harmless(said)
