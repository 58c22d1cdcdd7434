"""Selects models from the user's folders, the hub cache and the demo package, or one model by name or path."""

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from ..errors import InputError, NoSuchModel
from ..text.escape import visible
from ..text.nearest import nearest
from .discovery import DEMO_INSTALL, Model, demo_model, model_at, model_found, tensors_folders
from .header import listed
from .model_folders import Found, cached_model, cached_models, hub_cache, models_found
from .tensor_names import Matrix


class Wanted(Protocol):
    """What a person asks for: the places to look for models in, one model, and what to search in it."""

    @property
    def model(self) -> str | None:
        """The model: `demo`, a name, a path, or None for the only one."""

    @property
    def tensors(self) -> str | None:
        """The folders of models, or None for the default folders."""

    @property
    def hub(self) -> bool:
        """Whether models in the hub cache are included."""

    @property
    def tensor(self) -> str | None:
        """The name of the tensor to search, or None."""

    @property
    def matrix(self) -> Matrix | None:
        """The matrix to search, or None for the default one."""

    @property
    def cluster(self) -> str | None:
        """The cluster to search, or None for the model's own."""


def found_models(wanted: Wanted) -> list[Model]:
    """The models in the user's folders, sorted by name, those in the hub cache, and the demo model if it is
    installed.

    Raises InputError where a named folder does not exist, or there is no model.
    """
    models = [*own_models(wanted), *installed_demo(wanted)]
    if not models:
        raise InputError(
            f"There are no models in {_where(wanted)}; the setting tensors says where they are, and "
            f"`{DEMO_INSTALL}` brings one to try."
        )
    return models


def own_models(wanted: Wanted) -> list[Model]:
    """The models in the user's folders, sorted by name, then those in the hub cache, if there are any.

    Raises InputError where a named folder does not exist.
    """
    return [_in_cluster(model_found(found, matrix=wanted.matrix), wanted) for found in _own(wanted)]


def installed_demo(wanted: Wanted) -> list[Model]:
    """The demo model, or an empty list where it is not installed."""
    try:
        return [_in_cluster(demo_model(), wanted)]
    except InputError:
        return []


def chosen_model(wanted: Wanted) -> Model:
    """The requested model: `demo`, a name, or a path; where none is requested, the only model.

    Only its files are read. Raises InputError, which lists the known names, where this is not exactly one model.
    """
    if wanted.model == "demo":
        model = demo_model()
        if wanted.tensor is not None or wanted.matrix is not None:
            model = replace(model_at(model.origin, wanted.tensor, wanted.matrix), name=model.name)
            model = replace(model, cluster=demo_model().cluster)
    elif wanted.model is None:
        model = _only_model(wanted)
    else:
        model = _named(wanted.model, wanted)
    return _in_cluster(model, wanted)


def _own(wanted: Wanted) -> list[Found]:
    """The models in the user's folders, then those in the hub cache; of models with one name only the first."""
    first: dict[str, Found] = {}
    for found in chain(_in_folders(wanted), _in_cache(wanted)):
        first.setdefault(found.name, found)
    return list(first.values())


def _in_folders(wanted: Wanted) -> Iterator[Found]:
    named = wanted.tensors is not None or os.environ.get("FARPAIR_TENSORS")
    for folder in tensors_folders(wanted.tensors):
        if named or os.path.exists(folder):
            yield from models_found(folder)


def _in_cache(wanted: Wanted) -> list[Found]:
    return cached_models(hub_cache()) if wanted.hub else []


def _only_model(wanted: Wanted) -> Model:
    """The only model, or the demo model where there is no other."""
    own = _own(wanted)
    if not own:
        (model,) = found_models(wanted)
        return model
    if len(own) > 1:
        raise InputError(f"Which model? There are {_names(wanted, own)}.")
    return model_found(own[0], matrix=wanted.matrix)


def _named(word: str, wanted: Wanted) -> Model:
    """The model called `word`: a name in the user's folders, a path, or a name in the hub cache."""
    path = Path(os.path.expanduser(word))  # leaves the word unchanged for an unknown user
    if os.path.isabs(word) or word.startswith(("./", "../", "~/")) or word in (".", ".."):
        return model_at(path, wanted.tensor, wanted.matrix)
    try:
        own = list(_in_folders(wanted))
    except InputError:
        if wanted.tensors is not None and os.sep not in word:
            raise
        own = []
    for found in own:
        if found.name == word:
            return model_found(found, wanted.tensor, wanted.matrix)
    if there := _on_disk(word, path, wanted):
        return model_at(there, wanted.tensor, wanted.matrix)
    if wanted.hub and (cached := cached_model(hub_cache(), word)):
        return model_found(cached, wanted.tensor, wanted.matrix)
    if word.count("/") > 2 or word.endswith("/"):
        return model_at(path, wanted.tensor, wanted.matrix)
    raise _no_such_model(word, wanted, [*own, *_in_cache(wanted)])


def _on_disk(word: str, path: Path, wanted: Wanted) -> Path | None:
    """The path that `word` is, from the working directory or in a folder of models; None where there is none. It
    also finds models with a problem."""
    if path.suffix == ".safetensors" or os.path.lexists(path):
        return path
    inside = (tensors / word for tensors in tensors_folders(wanted.tensors))
    return next((path for path in inside if os.path.lexists(path)), None)


def _no_such_model(word: str, wanted: Wanted, known: list[Found]) -> NoSuchModel:
    names = _names(wanted, known)
    near = visible(nearest(word, (found.name for found in known)), 60)
    return NoSuchModel(
        f"There is no model {visible(repr(word), 100)} in {_where(wanted)}, and no such file; "
        f"{f'there are {names}' if names else 'there is none'}.{f' Did you mean {near}?' if near else ''}"
    )


def _where(wanted: Wanted) -> str:
    return listed([visible(str(folder)) for folder in tensors_folders(wanted.tensors)])


def _in_cluster(model: Model, wanted: Wanted) -> Model:
    return model if wanted.cluster is None else replace(model, cluster=wanted.cluster)


def _names(wanted: Wanted, found: list[Found]) -> str:
    names = [model.name for model in found] + [model.name for model in installed_demo(wanted)]
    shown = listed([visible(name, 60) for name in names])
    return f"{shown}; `farpair models` lists them" if len(names) > 6 else shown
