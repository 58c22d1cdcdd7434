"""Checks the header of the notebooks' cluster file, 1.6a_cluster_mask.safetensors. Torch is not imported here."""

from ..errors import InputError
from ..text.escape import visible
from ..text.numbers import count
from .header import FLOATS, Header
from .header_json import quoted, shape_text

CLUSTER_FILE = "1.6a_cluster_mask.safetensors"
MASK, IDS, CENTROID, COUNT = "cluster_mask", "cluster_token_ids", "centroid", "n_cluster"


def check_layout(header: Header, rows: int, columns: int) -> None:
    """Raise InputError where a cluster file does not fit an embedding of shape (rows, columns).

    `cluster_mask` must be uint8 or bool (N,), and `cluster_token_ids` int32 or int64 (n,). The optional `centroid`
    must be floating point (d,), and the optional `n_cluster` one int32 or int64.
    """
    _check(header, MASK, ("U8", "BOOL"), "uint8 or bool", 1)
    _check(header, IDS, ("I32", "I64"), "int32 or int64", 1)
    if header.place(MASK).shape != (rows,):
        found = header.place(MASK).shape[0]
        raise InputError(
            f"{quoted(MASK)} in {header.name} is for {count(found)} tokens, and the embedding has {count(rows)}."
        )
    named = header.place(IDS).shape[0]
    if named > rows:
        raise InputError(
            f"{quoted(IDS)} in {header.name} names {count(named)} tokens, and the embedding has {count(rows)}."
        )
    if CENTROID in header.places:
        _check(header, CENTROID, FLOATS, "floating point", 1)
        found = header.place(CENTROID).shape[0]
        if found != columns:
            raise InputError(
                f"{quoted(CENTROID)} in {header.name} has {count(found)} numbers, and the embedding's rows have "
                f"{count(columns)}."
            )
    if COUNT in header.places and header.place(COUNT).shape not in ((1,), ()):
        raise InputError(
            f"{quoted(COUNT)} in {header.name} has shape {shape_text(header.place(COUNT).shape)}; it must be (1)."
        )
    if COUNT in header.places:
        _check(header, COUNT, ("I32", "I64"), "int32 or int64", None)


def _check(header: Header, tensor: str, dtypes: tuple[str, ...], wanted: str, dimensions: int | None) -> None:
    place = header.place(tensor)
    if place.dtype not in dtypes:
        raise InputError(f"{quoted(tensor)} in {header.name} is {visible(place.dtype, 60)}; it must be {wanted}.")
    if dimensions is not None and len(place.shape) != dimensions:
        raise InputError(
            f"{quoted(tensor)} in {header.name} has shape {shape_text(place.shape)}; it must have one dimension."
        )
