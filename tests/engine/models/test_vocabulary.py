"""The texts of tokens, from tokenizers of each kind that models come with."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from farpair.engine.errors import InputError
from farpair.engine.models.discovery import demo_model
from farpair.engine.models.tokenizer_process import TokenizerProcess
from farpair.engine.models.tokenizer_reader import LONGEST_TOKEN
from farpair.engine.models.vocabulary import Vocabulary
from support.fixtures import HOSTILE_TEXTS, as_nobody, token_texts, write_tokenizer, write_vocabulary
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


def test_byte_level_tokens_are_decoded_and_bytes_that_are_no_character_are_told(tmp_path: Path) -> None:
    # " hello", "取", two of its three bytes, one that is in no text, what stands for such, and " a" before one
    tokens = {"Ġhello": 0, "åıĸ": 1, "åı": 2, "À": 3, "ï¿½": 4, "Ġaå": 5}
    tokenizer = Tokenizer(models.BPE(tokens, []))
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    vocabulary = Vocabulary(tmp_path / "tokenizer.json")

    assert [vocabulary.text(id) for id in range(6)] == [" hello", "取", "<0xE5><0x8F>", "<0xC0>", "�", " a<0xE5>"]
    assert vocabulary.ids_in_script("Latin", 6) == [0, 5]


def test_bytes_that_a_tokenizer_falls_back_to_are_characters_where_they_are_any(tmp_path: Path) -> None:
    tokens = {"<0x41>": 0, "<0xC0>": 1, "<0xE5>": 2, "<0x0A>": 3, "�": 4}
    write_vocabulary(tmp_path / "tokenizer.json", tokens, {"type": "ByteFallback"})
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    assert [vocabulary.text(id) for id in range(5)] == ["A", "<0xC0>", "<0xE5>", "\n", "�"]


LLAMA = decoders.Sequence(
    [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
)


@pytest.mark.parametrize("decoder", [decoders.Metaspace(), decoders.Metaspace("▁", "never"), LLAMA])
def test_every_space_of_a_token_is_kept(tmp_path: Path, decoder: decoders.Decoder) -> None:
    tokens = ("<unk>", "▁hello", "lo", "▁", "▁▁", "▁▁a▁b▁")
    tokenizer = Tokenizer(models.Unigram([(token, -1.0) for token in tokens], unk_id=0))
    tokenizer.decoder = decoder
    tokenizer.save(str(tmp_path / "tokenizer.json"))

    vocabulary = Vocabulary(tmp_path / "tokenizer.json")

    assert [vocabulary.text(id) for id in range(6)] == ["<unk>", " hello", "lo", " ", "  ", "  a b "]


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


@pytest.mark.parametrize(
    "decoder",
    [
        decoders.ByteLevel(),
        decoders.WordPiece("##", cleanup=True),
        decoders.WordPiece("+", cleanup=False),
        decoders.Metaspace("_", "always"),
        decoders.Metaspace("▁", "never"),
        decoders.BPEDecoder("</w>"),
        LLAMA,
    ],
    ids=lambda decoder: type(decoder).__name__,
)
def test_tokens_are_decoded_as_the_library_does(tmp_path: Path, decoder: decoders.Decoder) -> None:
    texts = ["Ġhello", "åıĸ", "##ing", "+ing", "_a_b", "▁a▁b", "low</w>", "<0x41>", "do n't", " .", "a", "  ", "█"]
    tokenizer = Tokenizer(models.WordLevel({text: id for id, text in enumerate(texts)}, "a"))
    tokenizer.decoder = decoder
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    for id in range(len(texts)):
        alone, after_a = tokenizer.decode([id]), tokenizer.decode([texts.index("a"), id]).removeprefix("a")
        assert vocabulary.text(id) in (alone, after_a)


def test_of_a_token_longer_than_any_its_beginning_is_read(tmp_path: Path) -> None:
    write_vocabulary(tmp_path / "tokenizer.json", {"a" * 10_000_000: 0})
    assert Vocabulary(tmp_path / "tokenizer.json").text(0) == "a" * LONGEST_TOKEN


def test_a_tokenizer_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    slow = {"type": "Sequence", "decoders": [{"type": "Fuse"}] * 1_000_000}
    write_vocabulary(tmp_path / "tokenizer.json", {f"{id}": id for id in range(1_000)}, slow)
    with pytest.raises(InputError, match="the tokenizers library takes more than 1 seconds to read it"):
        TokenizerProcess(tmp_path / "tokenizer.json", seconds=1).texts()


def test_the_process_that_reads_a_tokenizer_opens_no_file(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "tokenizer.json", 20)
    reader = "import sys, farpair.engine.models.tokenizer_reader as reader; reader.main(['9']); open('/dev/null')"
    with (tmp_path / "tokenizer.json").open("rb") as file:
        done = subprocess.run([sys.executable, "-c", reader], stdin=file, capture_output=True)
    assert b"Too many open files" in done.stderr
    assert b"word19" in done.stdout


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
    ],
)
def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"tokenizer.json is not a tokenizer: .*\.$"):
        Vocabulary(path).text(0)


def test_a_tokenizer_that_cannot_be_read_is_refused(open_folder: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        Vocabulary(open_folder / "tokenizer.json").text(0)
    write_tokenizer(open_folder / "tokenizer.json", 20)
    (open_folder / "tokenizer.json").chmod(0)
    with as_nobody(), pytest.raises(InputError, match="no permission to read"):
        Vocabulary(open_folder / "tokenizer.json").text(0)


@pytest.mark.parametrize(
    "decoder",
    [decoders.ByteLevel(), decoders.Metaspace(), decoders.WordPiece(), decoders.BPEDecoder(), LLAMA],
    ids=lambda decoder: type(decoder).__name__,
)
@pytest.mark.parametrize(
    "content", ["đem", "č", "Ãļ", "Ġword", "▁▁", "##x", "end</w>", "<0x0A>", "Ċ", " x ", "can 't"]
)
def test_added_tokens_are_what_they_say_whatever_the_decoder(
    tmp_path: Path, decoder: decoders.Decoder, content: str
) -> None:
    steps = json.loads(decoder.__getstate__())
    added = {content: 2, content + content: 3}
    write_vocabulary(tmp_path / "tokenizer.json", {"a": 0, "b": 1}, steps, added)
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    assert [vocabulary.text(id) for id in range(5)] == ["a", "b", content, content + content, None]
    assert vocabulary.ids_matching("^" + re.escape(content) + "$", 4) == [2]


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
    more = {f"<{k}>": tokens + k for k in range(added)}
    write_vocabulary(tmp_path / "tokenizer.json", {f"t{id}": id for id in range(tokens)}, added=more)
    vocabulary = Vocabulary(tmp_path / "tokenizer.json")
    misfit = vocabulary.misfit(rows)
    assert fits == (misfit is None)
    assert fits or (f"{tokens:,} tokens" in str(misfit) and f"{rows:,} rows" in str(misfit))
    if fits:
        assert (said or "") in (vocabulary.left_over(rows) or "")
        assert bool(said) == bool(vocabulary.left_over(rows))
