"""Selects the tensor of a checkpoint to search: its unembedding where it stores one, else its embedding.

A requested matrix is never replaced by another: one that is missing, ambiguous, packed or in two parts is an
error. Neither torch nor numpy is imported here.
"""

from fractions import Fraction
from typing import Final, Literal

import msgspec

from ..errors import InputError
from .checkpoint import NOTEBOOK_FILE, NOTEBOOK_TENSOR, Checkpoint, Config
from .header import NOTEBOOK_HEAD_FILE, Header, embedding_shape, listed, number_format
from .header_json import quoted
from .tensor_names import (
    MATRICES,
    REST_BELOW,
    REST_BESIDE,
    SCALES,
    Matrix,
    layer_of,
    layers_with_a_matrix,
    matrix_of,
)

# The least share of the config's vocabulary that a matrix of all tokens has rows for.
_LEAST_SHARE: Final = Fraction(9, 10)


Head = Literal["", "untied", "tied", "no head"]


class Chosen(msgspec.Struct, frozen=True):
    """The matrix that is searched: `tensor` of `shape` (N, d) and `dtype` ("BF16", …) in the file of `header`.

    `matrix` says which matrix it is, "" where its name does not show that. `head` says how the model's unembedding
    is stored: "untied" (a matrix of its own), "tied" (the embedding is used for it too) or "no head"; it is ""
    where `matrix` is "".
    """

    header: Header
    tensor: str
    shape: tuple[int, int]
    dtype: str
    matrix: Matrix | Literal[""]
    head: Head


def choose_matrix(checkpoint: Checkpoint, config: Config, wanted: Matrix | None, tensor: str | None) -> Chosen:
    """The matrix of `checkpoint` called `tensor`, or where that is None the matrix that is `wanted` (None: the
    unembedding where stored, else the embedding). Raises InputError where it is missing or cannot be searched."""
    if checkpoint.path.name == NOTEBOOK_HEAD_FILE and tensor in (None, NOTEBOOK_TENSOR):
        return _chosen(checkpoint, NOTEBOOK_TENSOR, "unembedding", "untied")
    if tensor is None and (NOTEBOOK_TENSOR in checkpoint.tensors or checkpoint.path.name == NOTEBOOK_FILE):
        return _chosen(checkpoint, NOTEBOOK_TENSOR, "", "")
    if ".lora_" in "\0".join(checkpoint.tensors):
        raise InputError(f"{checkpoint.name} is a LoRA adapter, which holds no whole matrix; open its model.")
    stored = {
        matrix: [layer for layer in layers if _may_be_whole(checkpoint, config, layer)]
        for matrix, layers in layers_with_a_matrix(checkpoint.tensors).items()
    }
    head: Head = "untied" if stored["unembedding"] else "tied" if config.tied else "no head"
    if tensor is not None:
        named = matrix_of(tensor)
        _check_scale(checkpoint, layer_of(tensor))
        return _chosen(checkpoint, tensor, named or "", head if named else "")
    if not any(stored.values()):
        return _chosen(checkpoint, _only_matrix(checkpoint, config), "", "")
    matrix: Matrix = wanted or ("unembedding" if stored["unembedding"] else "embedding")
    if matrix == "unembedding" and head == "tied":
        matrix = "embedding"
    return _chosen(checkpoint, _tensor_of(checkpoint, matrix, stored), matrix, head)


def other_matrix(chosen: str, head: str) -> Matrix | None:
    """The second matrix of a model whose first is `chosen` and whose unembedding is `head`; None where it stores
    only one."""
    if head != "untied":
        return None
    return "embedding" if chosen == "unembedding" else "unembedding"


def _chosen(checkpoint: Checkpoint, tensor: str, matrix: Matrix | Literal[""], head: Head) -> Chosen:
    header = checkpoint.header_with(tensor)
    try:
        shape = embedding_shape(header, tensor)
    except InputError as error:
        other = other_matrix(matrix, head) if matrix == "unembedding" else None
        raise InputError(f"{str(error).rstrip('.')}; its {other} is stored too.") from None if other else error
    return Chosen(header, tensor, shape, number_format(header, tensor), matrix, head)


def _tensor_of(checkpoint: Checkpoint, matrix: Matrix, stored: dict[Matrix, list[str]]) -> str:
    """The tensor that is the `matrix`, among the layers in `stored`. Raises InputError where there is not exactly
    one, or it is not whole."""
    layers = stored[matrix]
    if not layers:
        (other,) = {*MATRICES} - {matrix}
        names = listed([quoted(_weight_of(checkpoint, layer)) for layer in stored[other]])
        raise InputError(f"{checkpoint.name} stores no {matrix}; its {other} is {names}.")
    if len(layers) > 1:
        names = listed([quoted(_weight_of(checkpoint, layer)) for layer in layers])
        raise InputError(f"{checkpoint.name} has more than one {matrix}; name one tensor of {names}.")
    _check_scale(checkpoint, layers[0])
    _check_rest(checkpoint, layers[0])
    return _weight_of(checkpoint, layers[0])


def _weight_of(checkpoint: Checkpoint, layer: str) -> str:
    """The name of the layer's weight, or of the tensor that is stored in its place."""
    names = (f"{layer}.weight", layer, *(f"{layer}.{part}" for part in SCALES))
    return next(name for name in names if name in checkpoint.tensors)


def _may_be_whole(checkpoint: Checkpoint, config: Config, layer: str) -> bool:
    """Whether the shape of `layer` allows a row for each token; `_check_scale` handles packed layers."""
    tensor = _weight_of(checkpoint, layer)
    shape = checkpoint.header_with(tensor).place(tensor).shape
    if tensor not in (f"{layer}.weight", layer):
        return True
    return len(shape) == 2 and _has_rows(shape[0], config)


def _has_rows(rows: int, config: Config) -> bool:
    return config.vocabulary is None or rows >= _LEAST_SHARE * config.vocabulary


def _check_scale(checkpoint: Checkpoint, layer: str) -> None:
    """Raise InputError where another tensor scales the numbers of `layer`."""
    for part in SCALES:
        if (beside := f"{layer}.{part}") in checkpoint.tensors:
            raise InputError(
                f"{_stored_at(checkpoint, layer)} is quantised, as {quoted(beside)} beside it says; farpair "
                "searches numbers as they are stored, so open the model in 16 bits."
            )


def _check_rest(checkpoint: Checkpoint, layer: str) -> None:
    """Raise InputError where the rows of `layer` continue in another tensor."""
    above, _, last = layer.rpartition(".")
    rest = [f"{layer}.{part}" for part in REST_BELOW]
    if last == "embedding":
        rest += [f"{above}.{REST_BESIDE}", f"{above}.{REST_BESIDE}.weight"]
    for beside in rest:
        if beside in checkpoint.tensors:
            raise InputError(
                f"{_stored_at(checkpoint, layer)} is a part of its matrix, whose other rows are in "
                f"{quoted(beside)}; name one of the two tensors to search it alone."
            )


def _stored_at(checkpoint: Checkpoint, layer: str) -> str:
    tensor = _weight_of(checkpoint, layer)
    return f"{quoted(tensor)} in {checkpoint.header_with(tensor).name}"


def _only_matrix(checkpoint: Checkpoint, config: Config) -> str:
    """The only 2-D tensor, where no name is recognised. Raises InputError where there is not exactly one."""
    places = {tensor: place for header in checkpoint.headers() for tensor, place in header.places.items()}
    flat = sorted(tensor for tensor, place in places.items() if len(place.shape) == 2)
    if len(flat) == 1:
        return flat[0]
    fitting = [tensor for tensor in flat if _has_rows(places[tensor].shape[0], config)]
    if not fitting:
        raise InputError(
            f"{checkpoint.name} has no 2-D tensor{' with a row for each token' if flat else ''}, so no embedding."
        )
    names = listed([quoted(tensor) for tensor in fitting])
    raise InputError(f"{checkpoint.name} has several 2-D tensors; name the one that is the embedding: {names}.")
