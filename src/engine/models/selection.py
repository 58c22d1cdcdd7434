"""Which models a person means: those in the tensors folder, the demo model, one named or at a path."""

import os
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from ..errors import InputError, NoSuchModel
from ..text.escape import visible
from ..text.nearest import nearest
from .discovery import DEMO_INSTALL, Model, demo_model, model_at, models_in, tensors_folder
from .header import listed


class Wanted(Protocol):
    """Which models are wanted: of the folder `tensors` (None: the usual one), in `cluster` (None: each in its
    own).

    `model` is one of them: `demo`, a name in the folder, a path, or None for the only one there is; `tensor` is
    its embedding where its file holds several.
    """

    @property
    def model(self) -> str | None: ...

    @property
    def tensors(self) -> str | None: ...

    @property
    def tensor(self) -> str | None: ...

    @property
    def cluster(self) -> str | None: ...


def found_models(wanted: Wanted) -> list[Model]:
    """The models in the tensors folder, by name, then the demo model where it is installed.

    Raises InputError where the folder was named and is not there, or there is no model at all.
    """
    models = [*own_models(wanted), *installed_demo(wanted)]
    if not models:
        raise InputError(
            f"There are no models in {visible(str(tensors_folder(wanted.tensors)))}; --tensors says where they "
            f"are, and `{DEMO_INSTALL}` brings one to try."
        )
    return models


def own_models(wanted: Wanted) -> list[Model]:
    """The models in the tensors folder, by name, if there are any.

    Raises InputError where the folder was named and is not there.
    """
    folder = tensors_folder(wanted.tensors)
    named = wanted.tensors is not None or os.environ.get("FARPAIR_TENSORS")
    models = models_in(folder) if named or os.path.exists(folder) else []
    return [_in_cluster(model, wanted) for model in models]


def installed_demo(wanted: Wanted) -> list[Model]:
    """The demo model, where it is installed."""
    try:
        return [_in_cluster(demo_model(), wanted)]
    except InputError:
        return []


def chosen_model(wanted: Wanted) -> Model:
    """The one model asked for: `demo`, a name in the tensors folder or a path; with none, the only one there is.

    Raises InputError, with the names there are, where that is not one model.
    """
    if wanted.model == "demo":
        model = demo_model()
    elif wanted.model is None:
        model = _only_model(wanted)
    else:
        model = _named(wanted.model, wanted)
    if wanted.tensor is not None and wanted.tensor != model.tensor:
        other = model_at(model.weights, wanted.tensor)
        model = replace(model, tensor=other.tensor, shape=other.shape, dtype=other.dtype, problem=other.problem)
    return _in_cluster(model, wanted)


def _only_model(wanted: Wanted) -> Model:
    """The only model in the tensors folder, or the demo model where there is none."""
    models = found_models(wanted)
    own = own_models(wanted) or models
    if len(own) > 1:
        raise InputError(f"Which model? There are {_names(models)}.")
    return own[0]


def _named(word: str, wanted: Wanted) -> Model:
    if os.sep in word:  # no model in the tensors folder is called so: nothing is looked for there
        return model_at(Path(os.path.expanduser(word)), wanted.tensor)
    try:
        models = found_models(wanted)
    except InputError:
        if wanted.tensors is not None:
            raise
        models = []
    for model in models:
        if model.name == word:
            return model
    path = Path(os.path.expanduser(word))  # of a user whom there is not, the word as it is
    if path.suffix == ".safetensors" or os.path.lexists(path):
        return model_at(path, wanted.tensor)
    tensors = tensors_folder(wanted.tensors)
    if word not in (".", "..") and os.path.lexists(tensors / word):
        return model_at(tensors / word, wanted.tensor)  # a checkpoint's folder, or what is wrong with it
    folder = visible(str(tensors))
    there_are = f"there are {_names(models)}" if models else "there is none"
    near = visible(nearest(word, (model.name for model in models)), 60)
    asked = f" Did you mean {near}?" if near else ""
    raise NoSuchModel(
        f"There is no model {visible(repr(word), 100)} in {folder}, and no such file; {there_are}.{asked}"
    )


def _in_cluster(model: Model, wanted: Wanted) -> Model:
    return model if wanted.cluster is None else replace(model, cluster=wanted.cluster)


def _names(models: list[Model]) -> str:
    names = listed([visible(model.name, 60) for model in models])
    return f"{names}; `farpair models` lists them" if len(models) > 6 else names
