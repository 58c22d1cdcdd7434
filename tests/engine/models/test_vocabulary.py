"""What tokens say, from tokenizers of each kind that models come with."""

import json
import re
from pathlib import Path

import pytest
from farpair.engine.errors import InputError
from farpair.engine.models.discovery import demo_model
from farpair.engine.models.vocabulary import LONGEST_TOKEN, Vocabulary
from support.fixtures import HOSTILE_TEXTS, as_nobody, token_texts, write_tokenizer
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


def test_where_an_id_is_there_twice_the_added_token_counts(tmp_path: Path) -> None:
    stored = {"model": {"vocab": {"a": 0, "b": 1, "c": 1}}, "added_tokens": [{"id": 0, "content": "[X]"}]}
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    assert [vocabulary.text(id) for id in range(3)] == ["[X]", "c", None]


@pytest.mark.parametrize(
    "decoder",
    [
        decoders.ByteLevel(),
        decoders.WordPiece("##", cleanup=True),
        decoders.WordPiece("+", cleanup=False),
        decoders.Metaspace("_", "always"),
        decoders.Metaspace("▁", "never"),
        decoders.BPEDecoder("</w>"),
        decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        ),
    ],
    ids=lambda decoder: type(decoder).__name__,
)
def test_tokens_are_decoded_as_the_library_does(tmp_path: Path, decoder: decoders.Decoder) -> None:
    texts = ["Ġhello", "åıĸ", "##ing", "+ing", "_a_b", "▁a▁b", "low</w>", "<0x41>", "do n't", " .", "a", "  ", "█"]
    tokenizer = Tokenizer(models.WordLevel({text: id for id, text in enumerate(texts)}, "a"))
    tokenizer.decoder = decoder
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    for id, text in enumerate(texts):
        decoded = tokenizer.decode([id], skip_special_tokens=False)
        assert vocabulary.text(id) in (decoded, f" {decoded}" if text[0] == "▁" else text)


def test_of_a_token_longer_than_any_its_beginning_is_read(tmp_path: Path) -> None:
    stored = {"model": {"vocab": {"a" * 10_000_000: 0}}, "decoder": {"type": "Fuse"}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    assert Vocabulary(tmp_path / "tokenizer.json").text(0) == "a" * LONGEST_TOKEN


@pytest.mark.parametrize(
    "decoder",
    [
        {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""},
        {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"},
        {"type": "Sequence", "decoders": [{"type": "Fuse"}] * 33},
        {"type": "Sequence", "decoders": [{"type": "Sequence", "decoders": []}]},
        {"type": "Strip", "content": " ", "start": 0, "stop": 9},
        "ByteLevel",
    ],
)
def test_a_decoder_that_could_search_for_ever_grow_or_crash_is_refused(tmp_path: Path, decoder: object) -> None:
    stored = {"model": {"vocab": {"a" * 40 + "b": 0}}, "decoder": decoder}
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    with pytest.raises(InputError, match=r"tokenizer.json is not a tokenizer: .*decoder.*\.$"):
        Vocabulary(tmp_path / "tokenizer.json")


def test_what_only_cutting_text_into_tokens_needs_is_passed_over(tmp_path: Path) -> None:
    stored = {
        "model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["nothing here"]},
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated"},
        "normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    assert Vocabulary(tmp_path / "tokenizer.json").text(0) == "a"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"model": null}',
        b'{"model": {"vocab": {"a": -1}}}',
        b'{"model": {"vocab": {"a": 4294967296}}}',
        b'{"model": {"vocab": {"a": "0"}}}',
        b'{"model": {"vocab": {"\\ud800": 0}}}',
        b"," * 4_000_001,
    ],
)
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


@pytest.mark.parametrize("decoder", [{"type": "ByteLevel"}, {"type": "Metaspace"}, {"type": "WordPiece"},
                                     {"type": "BPEDecoder"}, {"type": "ByteFallback"}])  # fmt: skip
@pytest.mark.parametrize(
    "content", ["đem", "č", "Ãļ", "Ġword", "▁▁", "##x", "end</w>", "<0x0A>", "Ċ", " x ", "can 't"]
)
def test_added_tokens_are_what_they_say_whatever_the_decoder(
    tmp_path: Path, decoder: dict[str, str], content: str
) -> None:
    stored = {"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"id": 1, "content": content},
              {"id": 2, "content": content + content}], "decoder": decoder}  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    assert [vocabulary.text(id) for id in range(4)] == ["a", content, content + content, None]
    assert vocabulary.ids_matching("^" + re.escape(content) + "$", 3) == [1]


@pytest.mark.parametrize(("tokens", "added", "rows", "fits", "said"), [
    (5000, 0, 100, False, None),
    (101, 0, 100, False, None),
    (100, 3, 100, True, "3 tokens beyond the embedding's 100 rows"),
    (100, 0, 100, True, None),
    (100, 0, 112, True, None),
    (100, 0, 5000, True, "100 tokens, and the embedding 5,000 rows"),
])  # fmt: skip
def test_tokens_and_rows_of_different_number_are_told_apart(
    tmp_path: Path, tokens: int, added: int, rows: int, fits: bool, said: str | None
) -> None:
    stored = {"model": {"vocab": {f"t{id}": id for id in range(tokens)}},
              "added_tokens": [{"id": tokens + k, "content": f"<{k}>"} for k in range(added)]}  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(stored))
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    misfit = vocabulary.misfit(rows)
    assert fits == (misfit is None)
    assert fits or (f"{tokens:,} tokens" in str(misfit) and f"{rows:,} rows" in str(misfit))
    if fits:
        assert (said or "") in (vocabulary.left_over(rows) or "")
        assert bool(said) == bool(vocabulary.left_over(rows))


def test_a_decoder_of_an_unknown_kind_is_said_and_tokens_are_shown_as_stored(tmp_path: Path) -> None:
    for decoder in ({"type": "CTC", "cleanup": True}, {"type": "Sequence", "decoders": [{"type": "Newest"}]}):
        (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"▁a": 0}}, "decoder": decoder}))
        vocabulary = Vocabulary(tmp_path / "tokenizer.json")
        assert vocabulary.text(0) == "▁a"
        assert "decoder of a kind that is not known here" in (vocabulary.warning or "")
