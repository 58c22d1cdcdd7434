"""What tokens say, from tokenizers of each kind that models come with."""

from pathlib import Path

import pytest
from farpair.engine.sources import demo_model
from farpair.engine.vocabulary import Vocabulary
from farpair.errors import InputError
from fixtures import HOSTILE_TEXTS, as_nobody, token_texts, write_tokenizer
from tokenizers import Tokenizer, decoders, models


def test_every_token_says_its_raw_text(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer.json", 200)

    vocabulary = Vocabulary(tmp_path / "tokenizer.json")

    assert [vocabulary.text(id) for id in range(200)] == token_texts(200)
    assert vocabulary.text(3) == HOSTILE_TEXTS[3] == "\x07bell"


def test_a_token_beyond_the_tokenizers_last_has_no_text(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer.json", 20)
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    assert [vocabulary.text(id) for id in (-1, 20, 2**40)] == [None, None, None]


def test_byte_level_tokens_are_decoded_and_parts_of_characters_stay_as_they_are(tmp_path: Path) -> None:
    tokens = {"Ġhello": 0, "åıĸ": 1, "åı": 2}  # " hello", "取", and two of its three bytes
    tokenizer = Tokenizer(models.BPE(tokens, []))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    vocabulary = Vocabulary(tmp_path / "tokenizer.json")

    assert [vocabulary.text(id) for id in range(3)] == [" hello", "取", "åı"]


def test_the_space_a_word_begins_with_is_kept(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁hello", -1.0), ("lo", -2.0), ("▁", -3.0)], unk_id=0))
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    vocabulary = Vocabulary(tmp_path / "tokenizer.json")

    assert [vocabulary.text(id) for id in range(4)] == ["<unk>", " hello", "lo", "▁"]


def test_special_and_added_tokens_have_text_and_continuations_their_mark() -> None:
    tokenizer = demo_model().tokenizer
    assert tokenizer is not None
    vocabulary = Vocabulary(tokenizer)
    assert [vocabulary.text(id) for id in (0, 1, 101, 2000)] == ["[PAD]", "[unused0]", "[CLS]", "to"]
    assert vocabulary.text(30_521) == "##～"


def test_ids_are_found_by_what_their_tokens_say(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer.json", 200)
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")

    assert vocabulary.ids_matching(r"^\[unused\d+\]$", 200) == list(range(7, 100))
    assert vocabulary.ids_matching(r"[\x00-\x1f]", 200) == [1, 3, 4]
    assert vocabulary.ids_matching("word", 110) == list(range(100, 110))
    assert vocabulary.ids_matching("word", 1_000) == list(range(100, 200))
    assert vocabulary.ids_matching("nothing says this", 200) == []


@pytest.mark.parametrize("pattern", ["[", "(?P<a", "*", "a{99999999999999999999}", "(" * 5_000 + ")" * 5_000])
def test_a_pattern_that_is_none_is_refused(tmp_path: Path, pattern: str) -> None:
    write_tokenizer(tmp_path / "tokenizer.json", 20)
    with pytest.raises(InputError, match=r"is not a regular expression: .*\.$"):
        Vocabulary(tmp_path / "tokenizer.json").ids_matching(pattern, 20)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"model": null}'])
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"tokenizer.json is not a tokenizer: .*\.$"):
        Vocabulary(path)


def test_a_tokenizer_that_cannot_be_read_is_refused(open_folder: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        Vocabulary(open_folder / "tokenizer.json")
    write_tokenizer(open_folder / "tokenizer.json", 20)
    (open_folder / "tokenizer.json").chmod(0)
    with as_nobody(), pytest.raises(InputError, match="no permission to read"):
        Vocabulary(open_folder / "tokenizer.json")
