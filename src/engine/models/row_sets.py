"""Selects rows without the notebooks' cluster file: by ids, by a file of ids, or as copies of one another."""

import os
from collections.abc import Sequence
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import torch

from ..errors import InputError
from ..events import SourceFile
from ..files import read_regular
from ..memory import check_room
from ..text.escape import visible
from ..text.numbers import count
from .first_bytes import LONGEST, what_it_is
from .header import Header, listed, unreadable
from .header_json import quoted
from .tensors import StoredTensors

_LONGEST_LIST: Final = 64 << 20  # bytes of a file of ids
_MOST_DIGITS: Final = 19
_BYTES_OF_ROW: Final = 200  # a digest, an id, and their places in a dictionary


class NamedRows(msgspec.Struct, frozen=True):
    """The ids of rows, ascending, without repetition, at least one; `file` is the file that lists them, if there
    is one."""

    ids: list[int]
    file: SourceFile | None = None


def rows_of_ranges(text: str, rows: int) -> NamedRows:
    """The rows in a text such as "0-1000,50256", of ids and ranges with both ends included. Raises InputError."""
    ids: set[int] = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        first, dash, last = part.partition("-")
        if not _is_id(first) or (dash and not _is_id(last)) or (dash and int(last) < int(first)):
            raise InputError(f"{visible(part, 60)} is neither an id nor a range of ids, as in ids:0-1000,50256.")
        _check_below(int(last if dash else first), rows, "The cluster")
        ids.update(range(int(first), int(last if dash else first) + 1))
    if not ids:
        raise InputError("The cluster is empty: ids: names no id.")
    return NamedRows(sorted(ids))


def rows_of_file(named: str, rows: int) -> NamedRows:
    """The rows in the file `named`: one id per line, or a mask (N,) of bool or uint8 in a safetensors file.
    "PATH#TENSOR" names the mask where there are several. Raises InputError."""
    whole, tensor = Path(named), ""
    if not os.path.lexists(whole) and "#" in named:
        path, _, tensor = named.rpartition("#")
        whole = Path(path)
    if tensor or whole.suffix == ".safetensors":
        return _rows_of_mask(whole, tensor, rows)
    return _rows_of_list(whole, rows)


def copies(stored: StoredTensors, tensor: str) -> NamedRows:
    """The rows of `tensor` (N, d) that are bit-identical to another row. Raises InputError where there are none.

    Rows are compared by 128-bit digests of their bytes (BLAKE2b). The probability that two different rows have the
    same digest is below N² / 2^129.
    """
    rows = stored.header.place(tensor).shape[0]
    check_room(_BYTES_OF_ROW * rows, f"A search for copies among {count(rows)} rows takes up to")
    digests: dict[bytes, list[int]] = {}
    for first, block, written in stored.row_blocks(tensor, range(rows)):
        width = len(written) // len(block)
        for row in range(len(block)):
            digest = blake2b(written[row * width : (row + 1) * width], digest_size=16).digest()
            digests.setdefault(digest, []).append(first + row)
    alike = sorted(row for group in digests.values() if len(group) > 1 for row in group)
    if not alike:
        raise InputError(
            f"The cluster is empty: no two rows of {quoted(tensor)} in {stored.header.name} are copies."
        )
    return NamedRows(alike)


def _rows_of_mask(path: Path, tensor: str, rows: int) -> NamedRows:
    with StoredTensors(path) as stored:
        name = tensor or _only_mask(stored.header, rows)
        place = stored.header.place(name)
        if place.dtype not in ("BOOL", "U8") or place.shape != (rows,):
            raise InputError(f"{quoted(name)} in {stored.header.name} is not a mask of {count(rows)} tokens.")
        check_room(10 * rows, f"A mask of {count(rows)} tokens takes up to")
        ids = [int(id) for id in stored.whole(name).to(torch.bool).nonzero().flatten().tolist()]
    if not ids:
        raise InputError(f"The cluster is empty: {quoted(name)} in {stored.header.name} marks no token.")
    return NamedRows(ids, stored.header.file)


def _only_mask(header: Header, rows: int) -> str:
    masks = [
        name for name, place in header.places.items() if place.dtype in ("BOOL", "U8") and place.shape == (rows,)
    ]
    if len(masks) == 1:
        return masks[0]
    if not masks:
        raise InputError(f"{header.name} holds no mask of {count(rows)} tokens.")
    names = listed([quoted(name) for name in sorted(masks)])
    raise InputError(f"{header.name} holds several masks; file:PATH#TENSOR says which: {names}.")


def _rows_of_list(path: Path, rows: int) -> NamedRows:
    name = visible(str(path))
    try:
        status = os.stat(path)
        content = read_regular(path, _LONGEST_LIST)
    except (OSError, ValueError) as error:
        raise unreadable(path, error if isinstance(error, OSError) else FileNotFoundError()) from error
    if what := what_it_is(content[:LONGEST], "json"):
        raise InputError(f"{name} is not a list of ids: {what}.")
    ids: list[int] = []
    for number, line in enumerate(content.splitlines(), 1):
        text = line.strip().decode("ascii", "replace")
        if not text or text.startswith("#"):
            continue
        if not _is_id(text):
            raise InputError(f"{name}, line {count(number)}: {visible(text, 60)} is not a token id.")
        _check_below(int(text), rows, f"{name}, line {count(number)}")
        ids.append(int(text))
    if not ids:
        raise InputError(f"The cluster is empty: {name} names no id.")
    _check_once(sorted(ids), name)
    source = SourceFile(path=str(path), size=status.st_size, mtime_ns=status.st_mtime_ns)
    return NamedRows(sorted(ids), source)


def _check_once(ids: Sequence[int], name: str) -> None:
    if twice := [below for below, above in pairwise(ids) if below == above]:
        raise InputError(f"{name} names a token more than once: {listed(sorted(set(twice)))}.")


def _check_below(id: int, rows: int, what: str) -> None:
    if id >= rows:
        raise InputError(f"{what} names token {id}, and the matrix has {count(rows)} rows, from 0 to {rows - 1}.")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
