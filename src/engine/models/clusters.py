"""Selects the rows of a cluster: by the notebooks' cluster file, by ids, by the tokens' texts, or all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import InputError
from ..events import RunRequest, SourceFile
from ..memory import check_room
from ..run_settings import checked_cluster
from ..text.escape import visible
from ..text.numbers import count
from .cluster_file import CENTROID, COUNT, IDS, MASK, check_layout
from .header import Header, embedding_shape, listed
from .header_json import quoted
from .row_sets import copies, rows_of_file, rows_of_ranges
from .tensors import StoredTensors
from .vocabulary import Vocabulary

_ALL_IDS = 2**32  # more than any token's id
_BYTES_OF_ID = 40  # in a list of Python's numbers
_BYTES_OF_MASKED = 80  # per token of the vocabulary: its id, and the comparison of mask and ids


@dataclass(frozen=True)
class Cluster:
    """A cluster: the ids of its tokens, ascending, without repetition, at least one.

    `centroid` (d,) is float64 where it is stored as float64 and float32 otherwise; it is None where none is
    stored. `file` is the file that lists the ids, if there is one.
    """

    token_ids: list[int]
    centroid: torch.Tensor | None
    file: SourceFile | None


def cluster_of(request: RunRequest, stored: StoredTensors, vocabulary: Vocabulary | None = None) -> Cluster:
    """The cluster of `request`, whose tensor is in the file `stored`. `vocabulary` is the request's tokenizer, if
    it is already being read. Raises InputError."""
    rows, columns = embedding_shape(stored.header, request.tensor)
    kind, _, named = checked_cluster(request.cluster).partition(":")
    match kind:
        case "mask":
            if request.cluster_file is None:
                raise InputError(f"There is no cluster file beside {visible(request.weights)}.")
            return _from_file(Path(request.cluster_file), rows, columns)
        case "all":
            check_room(_BYTES_OF_ID * rows, f"A list of all {count(rows)} tokens takes")
            return Cluster(list(range(rows)), None, None)
        case "tokens" | "script":
            return Cluster(_matching(request, named, rows, vocabulary), None, None)
        case "copies":
            chosen = copies(stored, request.tensor)
        case "ids":
            chosen = rows_of_ranges(named, rows)
        case _:  # "file", the last kind
            chosen = rows_of_file(named, rows)
    return Cluster(chosen.ids, None, chosen.file)


def _matching(request: RunRequest, named: str, rows: int, vocabulary: Vocabulary | None) -> list[int]:
    """The ids of the tokens whose text matches the regular expression `named`, or, for a script cluster, has a
    letter of the script `named`."""
    if request.tokenizer is None:
        raise InputError(
            f"The cluster {visible(request.cluster, 60)} needs a tokenizer.json, and there is none beside "
            f"{visible(request.weights)}."
        )
    vocabulary = vocabulary or Vocabulary(Path(request.tokenizer))
    if misfit := vocabulary.misfit(rows):
        raise InputError(f"The cluster {visible(request.cluster, 60)} cannot be found: {misfit}")
    if request.cluster.startswith("script:"):
        find: Callable[[str, int], list[int]] = vocabulary.ids_in_script
        what = f"{visible(named, 60)} is the script of"
    else:
        find = vocabulary.ids_matching
        what = f"{visible(named, 60)} matches"
    ids = find(named, rows)
    if not ids and (beyond := len(find(named, _ALL_IDS))):
        raise InputError(
            f"The cluster is empty: {what} {count(beyond)} of the tokens of {visible(request.tokenizer)}, all "
            f"beyond the embedding's {count(rows)} rows."
        )
    if not ids:
        raise InputError(f"The cluster is empty: {what} no token of {visible(request.tokenizer)}.")
    return ids


def _from_file(path: Path, rows: int, columns: int) -> Cluster:
    """The cluster in the file at `path`, whose mask, ids and count must agree."""
    with StoredTensors(path) as stored:
        header = stored.header
        check_layout(header, rows, columns)
        check_room(_BYTES_OF_MASKED * rows + 16 * columns, f"A cluster of {count(rows)} tokens takes up to")
        mask = stored.whole(MASK).to(torch.bool)
        ids = stored.whole(IDS).to(torch.int64)
        centroid = stored.whole(CENTROID) if CENTROID in header.places else None
        counted = int(stored.whole(COUNT).item()) if COUNT in header.places else len(ids)
    _check_ids(header, mask, ids)
    if counted != len(ids):
        raise InputError(
            f"{quoted(COUNT)} in {header.name} is {count(counted)}, and there are {count(len(ids))} ids."
        )
    if centroid is not None:
        centroid = centroid.to(torch.promote_types(centroid.dtype, torch.float32))
        if not bool(centroid.isfinite().all()):
            raise InputError(f"{quoted(CENTROID)} in {header.name} holds NaN or infinity.")
    return Cluster([int(id) for id in ids.tolist()], centroid, header.file)


def _check_ids(header: Header, mask: torch.Tensor, ids: torch.Tensor) -> None:
    """Raise InputError where ids (n,) int64 are not exactly the tokens in mask (N,) bool, in order."""
    in_mask = mask.nonzero().flatten()
    if not len(ids) and not len(in_mask):
        raise InputError(f"The cluster in {header.name} is empty.")
    outside = ids[(ids < 0) | (ids >= len(mask))]
    if len(outside):
        raise InputError(
            f"{quoted(IDS)} in {header.name} holds ids outside the vocabulary of {count(len(mask))} tokens: "
            f"{_some(outside)}."
        )
    times = torch.bincount(ids, minlength=len(mask))
    if bool((times > 1).any()):
        twice = _some((times > 1).nonzero().flatten())
        raise InputError(f"{quoted(IDS)} in {header.name} names a token more than once: {twice}.")
    if torch.equal(ids, in_mask):
        return
    disagree = f"{quoted(MASK)} and {quoted(IDS)} in {header.name} disagree"
    named = times > 0
    for only, one, other in ((mask & ~named, "mask", "ids"), (named & ~mask, "ids", "mask")):
        if bool(only.any()):
            raise InputError(
                f"{disagree}: in the {one} and not in the {other} is {_some(only.nonzero().flatten())}."
            )
    raise InputError(f"{disagree}: the ids are not in ascending order.")


def _some(ids: torch.Tensor) -> str:
    return listed([f"{id}" for id in ids.tolist()])
