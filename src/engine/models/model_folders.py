"""Finds the folders of models: in the user's folders, two levels deep, and in the cache of huggingface_hub.

It lists folders and reads only small JSON files of a model. Neither torch nor numpy is imported here.
"""

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from ..errors import InputError
from ..files import read_regular
from ..text.escape import visible
from .checkpoint import MODEL_FILES, file_of
from .header import unreadable

HUB_PREFIX: Final = "models--"
TEXT_ENCODER: Final = "text_encoder"
_PIPELINE_FILE: Final = "model_index.json"  # of diffusers, whose text encoders are models
_MODULES_FILE: Final = "modules.json"  # of sentence-transformers
_LONGEST_JSON: Final = 1 << 20  # bytes
_MODEL_FILES: Final = frozenset(MODEL_FILES)


class Found(msgspec.Struct, frozen=True):
    """A model's folder and the name by which the user refers to it; `problem` is a sentence that says why the
    model is not complete. `name`, like every path, is untrusted text."""

    name: str
    folder: Path
    problem: str | None = None


def models_found(tensors: Path) -> list[Found]:
    """The models in the folder `tensors`, two levels deep, and `tensors` itself if it is one, by name.

    `tensors` may be a hub cache, whose models are named ORG/NAME. Raises InputError if `tensors` is not a folder
    that can be listed.
    """
    name = visible(str(tensors))
    try:
        entries = os.listdir(tensors)
    except FileNotFoundError:
        raise InputError(
            f"There is no folder {name}; the setting tensors or $FARPAIR_TENSORS says where the models are."
        ) from None
    except NotADirectoryError:
        raise InputError(f"{name} is a file; a folder of models is needed.") from None
    except OSError as error:
        raise unreadable(tensors, error) from error
    found = list(_models_of(tensors, os.path.basename(os.path.abspath(tensors)), entries))
    for entry in entries:
        folder = tensors / entry
        if entry.startswith(HUB_PREFIX):
            found += _cached(folder)
        elif os.path.isdir(folder) and not (found and _is_part(entry)):
            found += _below(folder, entry)
    return sorted(found, key=lambda model: (model.name.casefold(), model.name))


def hub_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of huggingface_hub's downloads, by the environment variables that it reads, in the same order."""
    for variable, below in (
        ("HF_HUB_CACHE", ()),
        ("HUGGINGFACE_HUB_CACHE", ()),
        ("HF_HOME", ("hub",)),
        ("XDG_CACHE_HOME", ("huggingface", "hub")),
    ):
        if folder := environment.get(variable):
            return Path(os.path.expandvars(os.path.expanduser(folder)), *below)
    return Path(os.path.expanduser("~"), ".cache", "huggingface", "hub")


def cached_models(cache: Path) -> list[Found]:
    """The models in the hub `cache`, by name; an empty list where the folder is missing or cannot be listed."""
    try:
        entries = os.listdir(cache)
    except OSError:
        return []
    found = [model for entry in entries if entry.startswith(HUB_PREFIX) for model in _cached(cache / entry)]
    return sorted(found, key=lambda model: (model.name.casefold(), model.name))


def cached_model(cache: Path, name: str) -> Found | None:
    """The model called `name`, "ORG/NAME" or "ORG/NAME@HASH7", in the hub `cache`; None where it is not there."""
    repository = cache / (HUB_PREFIX + name.partition("@")[0].replace("/", "--"))
    return next((model for model in _cached(repository) if model.name == name), None)


def folder_of_modules(folder: Path, entries: Collection[str]) -> Path:
    """The folder of the first module of a sentence-transformers model: `folder`, or a folder in it."""
    if _MODULES_FILE not in entries:
        return folder
    try:
        modules = msgspec.json.decode(read_regular(folder / _MODULES_FILE, _LONGEST_JSON), type=list[_Module])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return folder
    path = modules[0].path if modules else ""
    return folder / path if path not in ("", ".", "..") and "/" not in path and "\0" not in path else folder


class _Module(msgspec.Struct):
    """The part of modules.json that is read."""

    path: str = ""


def _below(folder: Path, name: str) -> Iterator[Found]:
    """The models in a folder of the first level: the folder itself, or the folders in it."""
    try:
        entries = os.listdir(folder)
    except PermissionError:
        yield Found(name, folder, f"There is no permission to read {visible(str(folder))}.")
        return
    except OSError:
        return
    models = list(_models_of(folder, name, entries))
    yield from models
    if models or (os.path.islink(folder) and _leads_up(folder)):
        return
    for entry in entries:
        inner = folder / entry
        try:
            yield from _models_of(inner, f"{name}/{entry.replace('___', '.')}", os.listdir(inner))
        except OSError:
            continue


def _leads_up(folder: Path) -> bool:
    """Whether the link `folder` leads to a folder that contains it."""
    return Path(os.path.realpath(folder)) in Path(os.path.realpath(folder.parent), "here").parents


def _models_of(folder: Path, name: str, entries: list[str]) -> Iterator[Found]:
    """The model that `folder`, with these `entries`, holds; for a diffusers model its text encoders."""
    if _PIPELINE_FILE in entries:
        for entry in sorted(filter(_is_part, entries)):
            yield Found(f"{name}/{entry}", folder / entry)
    elif not _MODEL_FILES.isdisjoint(entries) or folder_of_modules(folder, entries) != folder:
        yield Found(name, folder)


def _is_part(entry: str) -> bool:
    return entry.startswith(TEXT_ENCODER)


def _cached(repository: Path) -> Iterator[Found]:
    """The snapshots of a model in the hub cache. The snapshot of refs/main, else the newest, has the model's plain
    name."""
    name = repository.name.removeprefix(HUB_PREFIX).replace("--", "/")
    snapshots = repository / "snapshots"
    try:
        hashes = [entry for entry in os.listdir(snapshots) if os.path.isdir(snapshots / entry)]
    except OSError:
        return
    main = _main_of(repository, hashes) or max(hashes, key=lambda entry: _age(snapshots / entry), default="")
    for entry in sorted(hashes, key=lambda entry: (entry != main, entry)):
        called = name if entry == main else f"{name}@{entry[:7]}"
        yield from _snapshot(repository, snapshots / entry, called)


def _snapshot(repository: Path, folder: Path, name: str) -> Iterator[Found]:
    """The models in one snapshot, with a problem where the download is not complete."""
    try:
        entries = os.listdir(folder)
    except OSError as error:
        yield Found(name, folder, str(unreadable(folder, error)))
        return
    models = list(_models_of(folder, name, entries))
    yield from models
    if models:
        return
    if unfinished := _unfinished(repository):
        yield Found(name, folder, f"{visible(name)} is not fully downloaded: {visible(unfinished, 100)}.")
        return
    try:
        file_of(folder, entries)
    except InputError as error:
        if any(entry.endswith((".safetensors", ".bin", ".pt", ".pth", ".gguf")) for entry in entries):
            yield Found(name, folder, str(error))


def _unfinished(repository: Path) -> str | None:
    """A file whose download is not complete, if there is one."""
    try:
        return next((entry for entry in os.listdir(repository / "blobs") if entry.endswith(".incomplete")), None)
    except OSError:
        return None


def _main_of(repository: Path, hashes: Collection[str]) -> str | None:
    """The snapshot that refs/main names, if it exists."""
    try:
        named = read_regular(repository / "refs" / "main", 1 << 10).decode("ascii", "replace").strip()
    except OSError:
        return None
    return named if named in hashes else None


def _age(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
