"""Loads a cluster's rows into memory, and records the files that they come from."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import torch

from ..errors import InputError
from ..events import RunRequest, SourceFile, Warned
from ..memory import check_room
from ..text.numbers import count
from .clusters import cluster_of
from .header import embedding_shape, listed, number_format
from .header_json import quoted
from .tensors import TORCH_DTYPES, StoredTensors
from .vocabulary import Vocabulary


@dataclass(frozen=True)
class Rows:
    """A cluster's embeddings: `rows` (n, d) on the CPU, in the order of `token_ids`, which ascend.

    Rows stored as float16, bfloat16 or float32 are float32, which represents their values exactly; float64 stays
    float64. The same holds for `centroid` (d,), which is None where none is stored. `vocabulary` is N. `dtype` is
    the rows' dtype on disk by the format's name ("BF16", …). `fingerprint`, 32 hexadecimal digits, is a hash of
    the dtype, the shape, the token ids and the stored bytes.
    """

    rows: torch.Tensor
    token_ids: list[int]
    centroid: torch.Tensor | None
    vocabulary: int
    dtype: str
    files: tuple[SourceFile, ...]
    warnings: tuple[Warned, ...]
    fingerprint: str


def load_rows(request: RunRequest, tokens: Vocabulary | None = None) -> Rows:
    """Read the rows of the cluster of `request`, and no others.

    `tokens` is the request's tokenizer, if it is already being read. The function uses the memory of the returned
    rows and 8 MiB more. Raises InputError where a file cannot be used or a row holds NaN or infinity.
    """
    with StoredTensors(Path(request.weights)) as stored:
        vocabulary, d = embedding_shape(stored.header, request.tensor)
        cluster = cluster_of(request, stored, tokens)
        ids = cluster.token_ids
        dtype = number_format(stored.header, request.tensor)
        kept = torch.promote_types(TORCH_DTYPES[dtype], torch.float32)
        check_room(
            len(ids) * d * kept.itemsize, f"The cluster's {count(len(ids))} rows of {count(d)} numbers take"
        )
        rows = torch.empty(len(ids), d, dtype=kept)
        fingerprint = fingerprint_of(dtype, ids, d)
        not_finite: list[int] = []
        for first, block, written in stored.row_blocks(request.tensor, ids):
            fingerprint.update(written)
            rows[first : first + len(block)] = block
            not_finite += _not_finite(block, first)
    if not_finite:
        one = len(not_finite) == 1
        raise InputError(
            f"NaN or infinity in {'a row' if one else f'{count(len(not_finite))} rows'} of "
            f"{quoted(request.tensor)} in {stored.header.name}: token{'' if one else 's'} "
            f"{listed([ids[row] for row in not_finite])}."
        )
    files = (stored.header.file,) if cluster.file is None else (stored.header.file, cluster.file)
    return Rows(rows, ids, cluster.centroid, vocabulary, dtype, files, (), fingerprint.hexdigest())


def fingerprint_of(dtype: str, token_ids: Sequence[int], d: int) -> blake2b:
    """A hash of `dtype`, `token_ids` (n,) and `d`, to be updated with the stored bytes of the rows (n, d)."""
    tokens = array("q", token_ids).tobytes()
    return blake2b(f"{dtype} {len(token_ids)} {d} ".encode() + tokens, digest_size=16)


def _not_finite(block: torch.Tensor, first: int) -> list[int]:
    """The rows of `block` (m, d) that hold NaN or infinity, counted from `first`."""
    if bool(torch.isfinite(torch.stack(block.aminmax())).all()):  # aminmax propagates NaN and needs no copy
        return []
    return [first + int(row) for row in (~block.isfinite().all(1)).nonzero()]
