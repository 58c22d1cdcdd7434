"""Hostile model files: each gives one sentence in the list of models and when it is run."""

import os
from collections import deque
from pathlib import Path

import pytest
from farpair.engine.errors import InputError
from farpair.engine.events import Named, RunEnded, Warned
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.request import request_for
from farpair.engine.worker.pipeline import run_events
from support.fixtures import as_nobody, build_small_model
from support.hostile.case import ESCAPES, Case
from support.hostile.checks import check_harmless, check_sentence, farpair, in_time
from support.hostile.clusters import CONTENT, LAYOUT
from support.hostile.headers import HEADERS, ROWS
from support.hostile.places import BROKEN, FILES, NAMES, OTHERS
from support.hostile.vocabularies import VOCABULARIES


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.mark.parametrize("case", HEADERS, ids=str)
def test_a_hostile_header_is_a_sentence(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "model")
    if not case.says:
        assert model_at(tmp_path / "model").problem is None
        return
    check_sentence(farpair("run", str(tmp_path / "model")), case.says)
    listed = farpair("models", "--tensors", str(tmp_path))
    assert listed.code == 0
    assert case.says in listed.out
    check_harmless(listed.out + listed.err)


@pytest.mark.parametrize("case", LAYOUT, ids=str)
def test_a_hostile_cluster_file_is_a_sentence(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "model")
    check_sentence(farpair("run", str(tmp_path / "model")), case.says)
    assert case.says in farpair("models", "--tensors", str(tmp_path)).out


@pytest.mark.parametrize("case", [*ROWS, *CONTENT], ids=str)
def test_tensors_that_cannot_be_used_are_a_sentence(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "model")
    with pytest.raises(InputError) as caught, in_time():
        deque(run_events(request_for(model_at(tmp_path / "model"), RunSettings(device="cpu"))))
    assert case.says in str(caught.value)
    check_harmless(str(caught.value))


@pytest.mark.parametrize("case", VOCABULARIES, ids=str)
def test_a_hostile_tokenizer_is_a_warning_and_tokens_without_text(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "model")
    request = request_for(model_at(tmp_path / "model"), RunSettings(device="cpu"))
    with in_time():
        events = list(run_events(request))
    warnings = [event.message for event in events if isinstance(event, Warned) and event.kind == "tokenizer"]
    warnings = [message for message in warnings if "and the embedding" not in message and "beyond" not in message]
    texts = [token.text for event in events if isinstance(event, Named) for token in event.tokens]
    assert isinstance(events[-1], RunEnded)
    assert events[-1].outcome == "done"
    assert len(warnings) == (1 if case.says else 0)
    for message in warnings:
        assert case.says in message
        check_harmless(message)
        assert texts == [None] * len(texts)
    assert all(len(text) <= 1000 for text in texts if text is not None)


@pytest.mark.parametrize("case", [case for case in VOCABULARIES if case.says], ids=str)
def test_a_cluster_that_a_hostile_tokenizer_should_name_is_a_sentence(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "model")
    request = request_for(model_at(tmp_path / "model"), RunSettings(device="cpu"), cluster="tokens:.")
    with pytest.raises(InputError) as caught, in_time():
        deque(run_events(request))
    assert case.says in str(caught.value)
    check_harmless(str(caught.value))


@pytest.mark.parametrize("case", [*FILES, *BROKEN], ids=str)
def test_what_is_no_file_is_a_sentence(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "model")
    check_sentence(farpair("run", str(tmp_path / "model")), case.says)
    assert case.says in farpair("models", "--tensors", str(tmp_path)).out


@pytest.mark.parametrize("name", NAMES.values(), ids=list(NAMES))
def test_a_folder_of_a_hostile_name_is_listed_escaped_and_can_be_asked_for(tmp_path: Path, name: str) -> None:
    build_small_model(tmp_path / name, n=3, d=2, vocabulary=9)
    (tmp_path / name / "W.safetensors").write_bytes(b"")
    listed = farpair("models", "--tensors", str(tmp_path))
    assert listed.code == 0
    assert "it has only 0 bytes" in listed.out
    check_harmless(listed.out + listed.err)
    check_sentence(farpair("run", "--tensors", str(tmp_path), "--", name), "it has only 0 bytes")
    check_sentence(farpair("run", "--tensors", str(tmp_path), f"./{name}/gone"), "There is no file or folder")


def test_names_that_are_not_text_are_listed_escaped(tmp_path: Path) -> None:
    for name in (b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\x1b[41mOWNED\xff"):
        os.rename(build_small_model(tmp_path / "model"), os.fsencode(tmp_path) + b"/" + name)
    listed = farpair("models", "--tensors", str(tmp_path))
    assert listed.code == 0
    assert listed.out.count("is not UTF-8; rename it.") == 4
    check_harmless(listed.out + listed.err)
    check_sentence(farpair("run", "--tensors", str(tmp_path), "\udcff\udcfe"), "is not UTF-8; rename it.")


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_what_is_no_model_is_not_listed_and_is_a_sentence_where_it_is_named(tmp_path: Path, case: Case) -> None:
    case.write(tmp_path / "other")
    build_small_model(tmp_path / "good")
    assert "other" not in farpair("models", "--tensors", str(tmp_path)).out
    check_sentence(farpair("run", str(tmp_path / "other")), case.says)
    for file in (tmp_path / "other").iterdir():
        assert farpair("run", str(file)).code == 2


def test_folders_in_rings_and_closed_ones_do_not_hide_the_models_beside_them(open_folder: Path) -> None:
    for file in build_small_model(open_folder / "good").iterdir():
        file.chmod(0o644)
    (open_folder / "ring").symlink_to(open_folder / "ring")
    (open_folder / "up").symlink_to(open_folder)
    (open_folder / "closed").mkdir(mode=0)
    with as_nobody():
        listed = farpair("models", "--tensors", str(open_folder))
    assert listed.code == 0
    assert "200 × 16" in listed.out
    check_harmless(listed.out + listed.err)


@pytest.mark.parametrize("word", ["~nobody-of-this-name/x", "\udcff", "x" * 5_000, "a/" * 3_000, ESCAPES, "", " "])
def test_a_word_that_names_nothing_is_a_sentence(tmp_path: Path, word: str) -> None:
    build_small_model(tmp_path / "good")
    said = farpair("run", "--tensors", str(tmp_path), word)
    assert said.code == 2
    assert said.err.count("\n") == 1
    check_harmless(said.out + said.err)
