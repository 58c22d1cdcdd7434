"""Reads and checks the header of a safetensors file. No tensor is read, and torch is not needed.

The safetensors library is not used, because it maps the whole file, which kills a reader whose file is truncated;
it also limits neither tensors nor dimensions, hides where a tensor's bytes lie, and names no file in its errors.
"""

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path

import msgspec

from ..errors import InputError
from ..events import SourceFile
from ..files import open_regular, read_into
from ..text.escape import visible
from ..text.numbers import count
from .first_bytes import LONGEST, what_it_is
from .header_json import Place, check_offsets, places_in, quoted, shape_text

LONGEST_HEADER = 100_000_000  # bytes; the format's own limit
_NO_LENGTH = 2**40  # a length that no safetensors file has
FLOATS = ("F64", "F32", "F16", "BF16")
NOTEBOOK_HEAD_FILE = "W_unembed.safetensors"  # its "W" holds the bits of bfloat16 numbers as U16


class Header(msgspec.Struct, frozen=True):
    """A checked header: every tensor lies within the file. Tensor bytes are counted from `start`."""

    file: SourceFile
    start: int
    places: dict[str, Place]

    @property
    def name(self) -> str:
        """The file's path, escaped."""
        return visible(self.file.path)

    def place(self, tensor: str) -> Place:
        """The place of `tensor`. Raises InputError, which lists the tensors, if there is none."""
        if tensor in self.places:
            return self.places[tensor]
        raise InputError(f"{self.name} has no tensor {quoted(tensor)}; {_there_is(list(self.places))}.")


def read_header(path: Path) -> Header:
    """The header of the safetensors file at `path`. Raises InputError if the file is not valid and complete."""
    with open_file(path) as file:
        return header_of(file, path)


def open_file(path: Path) -> FileIO:
    """`path`, open for unbuffered reading. Raises InputError if it is missing, not a file, or not readable."""
    try:
        return open_regular(path)
    except OSError as error:
        raise unreadable(path, error) from error


def header_of(file: FileIO, path: Path) -> Header:
    """The header of `file`, which is open at its beginning; `path` names it in errors. Raises InputError.

    The format (https://github.com/huggingface/safetensors) is: eight bytes, the header's length as a little-endian
    integer; the header, a JSON object of tensor names (see `header_json`); then the tensors' bytes one after
    another, without gaps.
    """
    name = visible(str(path))
    try:
        status = os.fstat(file.fileno())
        first = os.pread(file.fileno(), LONGEST, 0)
        head = file.read(8) or b""
        length = int.from_bytes(head, "little")
        whole = len(head) == 8 and length <= LONGEST_HEADER and 8 + length <= status.st_size
        header = bytearray(length if whole else 0)
        whole = whole and read_into(file, memoryview(header)) == length
    except OSError as error:
        raise unreadable(path, error) from error
    if len(head) < 8:
        raise InputError(f"{name} is not a safetensors file: it has only {count(len(head))} bytes.")
    if not whole and (what := what_it_is(first, "safetensors")):
        raise InputError(f"{name} is not a safetensors file: {what}.")
    if not whole and length >= _NO_LENGTH:
        raise InputError(f"{name} is not a safetensors file: it does not begin with the length of a header.")
    if not whole:
        limit = min(LONGEST_HEADER, status.st_size - 8)
        raise InputError(
            f"{name} is not a safetensors file, or is cut short: its header would be {count(length)} bytes "
            f"long, and can be at most {count(limit)} bytes here."
        )
    places = places_in(header, name)
    check_offsets(places, status.st_size - 8 - length, name)
    found = SourceFile(path=str(path), size=status.st_size, mtime_ns=status.st_mtime_ns)
    return Header(found, 8 + length, places)


def number_format(header: Header, tensor: str) -> str:
    """The dtype of the numbers in `tensor`: its dtype in the header, except that the notebooks' U16 is
    bfloat16."""
    dtype = header.place(tensor).dtype
    bits = dtype == "U16" and tensor == "W" and os.path.basename(header.file.path) == NOTEBOOK_HEAD_FILE
    return "BF16" if bits else dtype


def embedding_shape(header: Header, tensor: str) -> tuple[int, int]:
    """The shape (N, d) of the embedding `tensor`. Raises InputError if it is missing, not 2-D, empty or not of
    floats."""
    place = header.place(tensor)
    of = f"Tensor {quoted(tensor)} in {header.name}"
    if len(place.shape) != 2:
        raise InputError(f"{of} has shape {shape_text(place.shape)}; an embedding has two dimensions, (N, d).")
    if number_format(header, tensor) not in FLOATS:
        raise InputError(
            f"{of} is {visible(place.dtype, 60)}; an embedding is float16, bfloat16, float32 or float64."
        )
    rows, columns = place.shape
    if not rows or not columns:
        raise InputError(f"{of} is empty: its shape is {shape_text(place.shape)}.")
    return rows, columns


def listed(things: Sequence[object], most: int = 6) -> str:
    """`things` as text: "a", "a and b", "a, b and c", or the first `most` and a count: "a, b, c and 9 more"."""
    words = [str(thing) for thing in things]
    if len(words) > most:
        return f"{', '.join(words[:most])} and {count(len(words) - most)} more"
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def unreadable(path: Path, error: OSError) -> InputError:
    """The error for a file that cannot be opened or read."""
    name = visible(str(path))
    match error:
        case FileNotFoundError() if path.is_symlink():
            return InputError(f"{name} is a link to a file that is not there.")
        case FileNotFoundError():
            return InputError(f"There is no file {name}.")
        case NotADirectoryError():
            return InputError(f"There is no file {name}: a part of that path is a file, not a folder.")
        case PermissionError():
            return InputError(f"There is no permission to read {name}.")
    return InputError(f"{name} cannot be read: {error.strerror or error}.")


def _there_is(tensors: list[str]) -> str:
    if not tensors:
        return "it holds no tensors at all"
    names = listed([quoted(tensor) for tensor in sorted(tensors)])
    return f"its only tensor is {names}" if len(tensors) == 1 else f"its tensors are {names}"
