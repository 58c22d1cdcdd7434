"""The safetensors files of one model, and which tensor is in which of them.

A checkpoint in several files has an index, and only the tensors in the index count. A file's header is read when
it is first needed. Neither torch nor numpy is imported here.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from ..errors import InputError
from ..files import read_regular
from ..text.escape import visible
from .header import NOTEBOOK_HEAD_FILE, Header, listed, read_header, unreadable

NOTEBOOK_FILE: Final = "W.safetensors"
NOTEBOOK_FILES: Final = (NOTEBOOK_FILE, NOTEBOOK_HEAD_FILE)
NOTEBOOK_TENSOR: Final = "W"
INDEX_FILE: Final = "model.safetensors.index.json"
CHECKPOINT_FILE: Final = "model.safetensors"
# The files that a model's folder may hold, in the order in which they are looked for.
MODEL_FILES: Final = (*NOTEBOOK_FILES, INDEX_FILE, CHECKPOINT_FILE, "consolidated.safetensors")

_LONGEST_INDEX: Final = 64 << 20  # bytes; the index of the largest models has some 10 million
_CONFIG_FILE: Final = "config.json"
_LONGEST_CONFIG: Final = 4 << 20  # bytes
_PICKLES: Final = (".bin", ".pt", ".pth")


class Checkpoint:
    """The tensors of a model and the file that holds each; `name` is the escaped path of the file or folder.

    Raises InputError where the file, the index or a file that it names cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._headers: dict[str, Header] = {}
        self._files: Mapping[str, str]  # the name of each tensor's file
        if path.name == INDEX_FILE:
            self.name = visible(str(path.parent))
            self._files = _indexed(path)
        else:
            self.name = visible(str(path))
            self._files = dict.fromkeys(self._header(path.name).places, path.name)

    @property
    def tensors(self) -> Collection[str]:
        """The tensors' names."""
        return self._files.keys()

    def header_with(self, tensor: str) -> Header:
        """The header of the file that holds `tensor`, or of any file where none does, so that an error can list
        its tensors."""
        file = self._files.get(tensor)
        return self._header(file if file is not None else next(iter(self._files.values()), self.path.name))

    def headers(self) -> Iterator[Header]:
        """The header of each of the files."""
        for file in sorted(set(self._files.values())):
            yield self._header(file)

    def _header(self, file: str) -> Header:
        if file not in self._headers:
            self._headers[file] = read_header(self.path.with_name(file))
        return self._headers[file]


class Config(msgspec.Struct, frozen=True):
    """What a model's config.json says about its matrices: the number of tokens in the `vocabulary`, and whether
    one matrix is both embedding and unembedding (`tied`). Each is None where the file does not say."""

    vocabulary: int | None = None
    tied: bool | None = None


def read_config(folder: Path) -> Config:
    """The configuration in config.json in `folder`. A file that cannot be read counts as empty, because it only
    labels the stored tensors."""
    try:
        stored = msgspec.json.decode(read_regular(folder / _CONFIG_FILE, _LONGEST_CONFIG), type=_StoredConfig)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Config()
    parts = list(stored.parts())
    vocabulary = next((part.vocab_size for part in parts if part.vocab_size), None)
    tied = next((part.tie_word_embeddings for part in parts if part.tie_word_embeddings is not None), None)
    generates = any(name.endswith(_GENERATORS) for name in stored.architectures or ())
    # transformers ties by default, and then leaves the setting out of the file.
    return Config(vocabulary, True if tied is None and generates else tied)


def file_of(folder: Path, entries: Collection[str]) -> Path:
    """The file of the model in `folder`, chosen from its `entries`. Where there is none, raises InputError, which
    says what the folder holds."""
    for name in MODEL_FILES:
        if name in entries:
            return folder / name
    raise InputError(_what_else(folder, sorted(entries)))


def check_is_checkpoint(path: Path) -> None:
    """Raise InputError where a file's name shows that it is a model in a format that cannot be read."""
    name = visible(str(path))
    if path.name.endswith(".index.json"):
        raise InputError(f"{name} is the index of a checkpoint in several files; open its folder.")
    if path.suffix in _PICKLES:
        raise InputError(f"{name} is a pickle, which farpair never loads; it must be saved as safetensors.")
    if path.suffix == ".gguf":
        raise InputError(f"{name} is a GGUF file; farpair reads safetensors.")
    if path.name.startswith("adapter_model."):
        raise InputError(f"{name} is a LoRA adapter, which holds no whole matrix; open the model it was made for.")
    if path.name.startswith("model-rank-"):
        raise InputError(
            f"{name} is a part of a sharded_state checkpoint, whose matrices are cut up; open the model itself."
        )


def _what_else(folder: Path, entries: list[str]) -> str:
    """A sentence that says what a folder without a model file holds."""
    for name in entries:
        path = folder / name
        if name != INDEX_FILE and path.suffix in (".safetensors", ".gguf", *_PICKLES):
            try:
                check_is_checkpoint(path)
            except InputError as error:
                return str(error)
            if path.suffix == ".safetensors" and "-of-" in name:
                return f"{visible(str(folder))} holds a checkpoint in several files without {INDEX_FILE}."
    return f"{visible(str(folder))} holds none of {listed(MODEL_FILES)}."


def _indexed(path: Path) -> dict[str, str]:
    """The name of each tensor's file, from the index at `path`. Raises InputError where a file is missing."""
    name = visible(str(path))
    try:
        index = msgspec.json.decode(read_regular(path, _LONGEST_INDEX), type=_Index)
    except OSError as error:
        raise unreadable(path, error) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{name} is not an index: {visible(str(error), 160).rstrip('.')}.") from None
    folder = str(path.parent)
    for shard in sorted(set(index.weight_map.values())):
        if shard in ("", ".", "..") or "/" in shard or "\0" in shard:
            raise InputError(f"{name} names a file that is not in its folder, {visible(repr(shard), 60)}.")
        if not os.path.exists(f"{folder}/{shard}"):
            raise InputError(f"{visible(folder)} is not fully downloaded: {visible(shard, 100)}.")
    return index.weight_map


class _Index(msgspec.Struct):
    """The part of an index that is read: the file of each tensor."""

    weight_map: dict[str, str]


# Suffixes of the names of transformers' classes with an unembedding.
_GENERATORS: Final = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "ForMaskedLM", "ForPreTraining")


class _Part(msgspec.Struct):
    """The fields that are read from the configuration of a model, or of the language model in it."""

    vocab_size: int | None = None
    tie_word_embeddings: bool | None = None


class _Thinker(msgspec.Struct):
    text_config: _Part | None = None


class _StoredConfig(msgspec.Struct):
    """The part of a config.json that is read."""

    vocab_size: int | None = None
    tie_word_embeddings: bool | None = None
    architectures: tuple[str, ...] | None = None
    text_config: _Part | None = None
    llm_config: _Part | None = None
    language_config: _Part | None = None
    thinker_config: _Thinker | None = None

    def parts(self) -> "Iterator[_Part]":
        """The configurations in the file, that of the language model first."""
        thinker = self.thinker_config.text_config if self.thinker_config else None
        for part in (self.text_config, self.llm_config, self.language_config, thinker):
            if part is not None:
                yield part
        yield _Part(self.vocab_size, self.tie_word_embeddings)
