"""Valid files, damaged at random: each is read, or refused with an escaped sentence. `mutations` sets how many."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
from farpair.engine.errors import FarpairError
from farpair.engine.models.discovery import model_at
from farpair.engine.models.header import Header, read_header
from farpair.engine.models.loader import load_rows
from farpair.engine.models.tokenizer_reader import LONGEST_TOKEN
from farpair.engine.models.vocabulary import Vocabulary
from farpair.engine.runs.request import request_for
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from support.fixtures import MASK_FILE, build_small_model
from support.hostile.case import header_bytes
from support.hostile.checks import check_harmless, in_time
from support.hostile.mutations import fuzzed, spoiled, spoiled_bytes, spoiled_json

T = TypeVar("T")

HEADER = {
    "__metadata__": {"format": "pt"},
    "W": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
    "ids": {"dtype": "I64", "shape": [2], "data_offsets": [24, 40]},
    "none": {"dtype": "F4", "shape": [2, 0], "data_offsets": [40, 40]},
    "one": {"dtype": "BOOL", "shape": [], "data_offsets": [40, 41]},
}
DATA = bytes(range(41))
# What is refused although the library reads it: what another reader might read otherwise, or takes too much.
STRICTER = (
    "more than once",
    "in two ways",
    "does not say where tensor",
    "does not map strings to strings",
    "not a JSON object",
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small_model(tmp_path_factory.mktemp("models") / "model", n=6, d=3, vocabulary=9)


def read(reader: Callable[[], T]) -> T | str:
    """What `reader` returns, or the sentence that it raises, which must be one."""
    try:
        with in_time():
            return reader()
    except FarpairError as error:
        sentence = str(error)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    check_harmless(sentence)
    return sentence


def read_by_the_library(path: Path) -> dict[str, tuple[str, list[int]]] | None:
    """The tensors' dtypes and shapes; None where the library refuses the file."""
    try:
        with safe_open(path, framework="numpy") as file:
            names = file.keys()
            return {name: (file.get_slice(name).get_dtype(), file.get_slice(name).get_shape()) for name in names}
    except SafetensorError:
        return None


@fuzzed
@given(
    st.one_of(
        spoiled(HEADER).map(lambda header: header_bytes(header) + DATA),
        spoiled_json(HEADER).map(lambda header: header_bytes(header + b" " * 7) + DATA),
        spoiled_bytes(header_bytes(HEADER) + DATA),
    )
)
def test_a_spoiled_safetensors_file_is_read_as_the_library_reads_it_or_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "W.safetensors"
        path.write_bytes(content)
        found, by_the_library = read(lambda: read_header(path)), read_by_the_library(path)
        read(lambda: model_at(path).problem)
    if isinstance(found, Header):
        places = {name: (place.dtype, list(place.shape)) for name, place in found.places.items()}
        assert places == by_the_library
    else:
        assert by_the_library is None or any(reason in found for reason in STRICTER), found


@fuzzed
@given(st.data())
def test_a_spoiled_cluster_file_names_a_cluster_or_is_refused(model: Path, data: st.DataObject) -> None:
    whole = (model / MASK_FILE).read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header, tensors = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    content = data.draw(
        st.one_of(
            spoiled_json(header).map(lambda header: header_bytes(header) + tensors),
            spoiled_bytes(tensors).map(lambda tensors: whole[: 8 + length] + tensors[: len(tensors)]),
            spoiled_bytes(whole),
        )
    )
    with TemporaryDirectory() as folder:
        spoilt = Path(folder) / "model"
        shutil.copytree(model, spoilt)
        (spoilt / MASK_FILE).write_bytes(content)
        rows = read(lambda: load_rows(request_for(model_at(spoilt))))
    if not isinstance(rows, str):
        assert rows.token_ids == sorted(set(rows.token_ids))
        assert set(rows.token_ids) <= set(range(9))


TOKENIZER = {
    "version": "1.0",
    "added_tokens": [{"id": 4, "content": "[X]", "special": True}],
    "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a+"}, "behavior": "Isolated", "invert": False},
    "decoder": {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always", "split": True},
            {"type": "WordPiece", "prefix": "##", "cleanup": True},
            {"type": "BPEDecoder", "suffix": "</w>"},
            {"type": "ByteFallback"},
            {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    },
    "model": {"type": "BPE", "vocab": {"▁a": 0, "##b": 1, "<0xFF>": 2, "Ġåı": 3}, "merges": ["a b"]},
}
UNIGRAM = {"model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁a", -1.5]]}}


def _with_decoder(decoder: bytes) -> bytes:
    return b'{"model":{"vocab":{"\xe2\x96\x81a":0,"##b":1,"<0xFF>":2,"":3}},"decoder":' + decoder + b"}"


@fuzzed
@given(st.one_of(spoiled(TOKENIZER), spoiled(TOKENIZER["decoder"]).map(_with_decoder), spoiled(UNIGRAM)))
def test_a_spoiled_tokenizer_says_what_its_tokens_are_or_is_refused(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        path.write_bytes(content)
        vocabulary = Vocabulary(path)
        texts = read(lambda: [vocabulary.text(id) for id in (*range(-1, 9), 2**32 - 1, 2**70)])
    if not isinstance(texts, str):
        assert all(text is None or len(text) <= LONGEST_TOKEN for text in texts)
        assert set(vocabulary.ids_matching(".", 9)) <= set(range(9))
