"""tokenizer.json files that are none, or whose tokens would do something to a terminal, a parser or a machine."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from support.fixtures import MASK_FILE, build_small_model
from support.hostile.case import BIDI, CONTROLS, ESCAPES, MARKUP, Case

NOT_ONE = "is not a tokenizer"


def stored(name: str, content: object | Callable[[Path], None], says: str = NOT_ONE) -> Case:
    """A good model of twelve tokens, its tokenizer.json this JSON, these bytes, or what a function makes of it."""

    def write(folder: Path) -> None:
        path = build_small_model(folder, n=12, d=4, vocabulary=12) / "tokenizer.json"
        (folder / MASK_FILE).unlink()
        path.unlink()
        if callable(content):
            content(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())

    return Case(name, write, says)


def model(vocab: object, **more: object) -> dict[str, object]:
    return {"version": "1.0", "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "x"}, **more}


def numbered(*texts: str) -> dict[str, int]:
    return {text: id for id, text in enumerate(texts)}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
FAILS = "the tokenizers library fails on it"


def decoder(*steps: object) -> dict[str, object]:
    vocab = numbered(*("a" * n for n in range(1, 12)), "a" * 60 + "b")
    return model(vocab, decoder={"type": "Sequence", "decoders": list(steps)})


def _huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


VOCABULARIES = [
    stored("tokenizer: empty file", b""),
    stored("tokenizer: not JSON", b"hello"),
    stored("tokenizer: NULs", bytes(1000)),
    stored("tokenizer: not UTF-8", b'{"model":{"vocab":{"\xff":0}}}'),
    stored("tokenizer: a surrogate", b'{"model":{"vocab":{"\\ud83d":0}}}'),
    stored("tokenizer: a raw control character", b'{"model":{"vocab":{"\x1b":0}}}'),
    stored("tokenizer: lists 100,000 deep", b"[" * 100_000),
    stored("tokenizer: objects 100,000 deep", b'{"model":' * 100_000),
    stored("tokenizer: 100,000 deep beside it", b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    stored("tokenizer: 10 million commas", b"[" + b"0," * 10_000_000 + b"0]"),
    stored("tokenizer: a list", []),
    stored("tokenizer: no model", {}),
    stored("tokenizer: no vocabulary", {"model": {"type": "BPE"}}),
    stored("tokenizer: a number for a vocabulary", model(7)),
    stored("tokenizer: null for a vocabulary", model(None)),
    stored("tokenizer: a list of texts", model(["a", "b"])),
    stored("tokenizer: an id that is a text", model({"a": "0"})),
    stored("tokenizer: an id that is a fraction", model({"a": 0.5})),
    stored("tokenizer: an id that is true", model({"a": True})),
    stored("tokenizer: negative ids", model({"a": -1})),
    stored("tokenizer: ids of 2^64", model({"a": 2**64})),
    stored("tokenizer: ids of 10^5000", b'{"model":{"vocab":{"a":' + b"9" * 5000 + b"}}}"),
    stored("tokenizer: added tokens without ids", model({}, added_tokens=[{"content": "a"}])),
    stored("tokenizer: added tokens of numbers", model({}, added_tokens=[{"id": 1, "content": 7}])),
    stored("tokenizer: an unknown decoder", model({}, decoder={"type": ESCAPES})),
    stored("tokenizer: a decoder's pattern that searches for ever",
           decoder({"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""})),
    stored("tokenizer: a decoder that doubles 30 times",
           decoder(*[{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}] * 30), FAILS),
    stored("tokenizer: a decoder that spaces out 30 times",
           decoder(*[{"type": "CTC", "pad_token": "", "word_delimiter_token": "", "cleanup": False}] * 30),
           ""),
    stored("tokenizer: a decoder that strips what is not there",
           decoder({"type": "Strip", "content": "b", "start": 0, "stop": 9}), ""),
    stored("tokenizer: a decoder of a million steps", decoder(*[{"type": "Fuse"}] * 1_000_000), ""),
    stored("tokenizer: decoders in decoders",
           model({}, decoder=json.loads('{"type":"Sequence","decoders":[' * 100 + "]}" * 100))),
    stored("tokenizer: a pipe", lambda path: os.mkfifo(path), "it is not a regular file"),
    stored("tokenizer: a folder", lambda path: path.mkdir(), "it is a folder"),
    stored("tokenizer: a device", lambda path: path.symlink_to("/dev/zero"), "it is not a regular file"),
    stored("tokenizer: a loop", lambda path: path.symlink_to(path), "cannot be read"),
    stored("tokenizer: a terabyte", _huge, "has 1.1 TB"),
    # Strange, and usable.
    stored("tokenizer: ids beyond the vocabulary", model({"a": 0, "b": 2**32 - 1}), ""),
    stored("tokenizer: one id twice", model({"a": 0, "b": 0}), ""),
    stored("tokenizer: no tokens", model({}), ""),
    stored("tokenizer: empty texts", model({"": 3}), ""),
    stored("tokenizer: texts that escape", model(numbered(*(f"{n}{ESCAPES}" for n in range(12)))), ""),
    stored("tokenizer: control characters", model(numbered(*(f"{CONTROLS}{n}" for n in range(12)))), ""),
    stored("tokenizer: bidirectional overrides", model(numbered(*(f"{BIDI}{n}" for n in range(12)))), ""),
    stored("tokenizer: markup", model(numbered(*(f"{MARKUP}{n}" for n in range(12)))), ""),
    stored("tokenizer: tokens of 10 MB", model(numbered(*(f"{n:2}" + "x" * 10**7 for n in range(2)))), ""),
    stored("tokenizer: bytes, not text", model(numbered("\u0122", "åı"), decoder=BYTE_LEVEL), ""),
    stored("tokenizer: patterns that search for ever", model(
        numbered("a" * 60 + "b"),
        pre_tokenizer={"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": False},
        normalizer={"type": "Replace", "pattern": {"Regex": "(a*)*$"}, "content": "b"}), ""),
]  # fmt: skip
