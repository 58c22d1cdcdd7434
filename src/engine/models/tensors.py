"""Reads tensors, or some rows of one, from a safetensors file.

It uses plain reads and no memory map, because the kernel kills a reader (SIGBUS) whose mapped file is truncated by
another process, and mapped pages count as the reader's memory.
"""

import math
import os
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType

import torch

from ..errors import InputError
from ..files import read_into
from .header import Header, header_of, number_format, open_file, unreadable
from .header_json import BITS

TORCH_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}

READ_AT_ONCE = 8 << 20  # bytes; the memory that reading rows needs beyond the rows


class StoredTensors:
    """An open safetensors file; `header` describes its content.

    Raises InputError as `read_header` does.
    """

    header: Header

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO = open_file(path)
        try:
            self.header = header_of(self._file, path)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "StoredTensors":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def whole(self, tensor: str) -> torch.Tensor:
        """All of `tensor`, in its shape and its dtype on disk."""
        place = self.header.place(tensor)
        dtype = TORCH_DTYPES[place.dtype]
        size = math.prod(place.shape)
        if size == 0:
            return torch.empty(place.shape, dtype=dtype)
        buffer = bytearray(size * BITS[place.dtype] // 8)
        self._read(memoryview(buffer), place.data_offsets[0])
        self._check_unchanged()
        return torch.frombuffer(buffer, dtype=dtype).reshape(place.shape)

    def row_blocks(self, tensor: str, ids: Sequence[int]) -> Iterator[tuple[int, torch.Tensor, memoryview]]:
        """Yield the rows `ids` (ascending) of the 2-D `tensor` in blocks, as (k, block, bytes of the block).

        The block (m, d), in the dtype on disk, holds the rows ids[k : k + m]. The block and its bytes are valid
        until the next block. Only those rows are read; consecutive rows are read together.
        """
        place = self.header.place(tensor)
        dtype = TORCH_DTYPES[number_format(self.header, tensor)]
        columns = place.shape[1]
        width = columns * BITS[place.dtype] // 8
        most = max(1, READ_AT_ONCE // width)
        buffer = bytearray(min(most, len(ids)) * width)
        for first in range(0, len(ids), most):
            chosen = ids[first : first + most]
            bytes_read = memoryview(buffer)[: len(chosen) * width]
            for begin, end in neighbours(chosen):
                self._read(bytes_read[begin * width : end * width], place.data_offsets[0] + chosen[begin] * width)
            block = torch.frombuffer(buffer, dtype=dtype, count=len(chosen) * columns)
            yield first, block.view(len(chosen), columns), bytes_read
        self._check_unchanged()

    def _read(self, buffer: memoryview, offset: int) -> None:
        """Fill `buffer` with the tensors' bytes from `offset` on."""
        try:
            self._file.seek(self.header.start + offset)
            filled = read_into(self._file, buffer)
        except OSError as error:
            raise unreadable(self._path, error) from error
        if filled < len(buffer):
            raise InputError(f"{self.header.name} became shorter while it was being read.")

    def _check_unchanged(self) -> None:
        """Raise InputError if the file has changed since it was opened."""
        status = os.fstat(self._file.fileno())
        if (status.st_size, status.st_mtime_ns) != (self.header.file.size, self.header.file.mtime_ns):
            raise InputError(f"{self.header.name} was written to while it was being read.")


def neighbours(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The runs of consecutive numbers in `ids`, as positions: ids[begin:end] is x, x + 1, x + 2, …"""
    begin = 0
    for position in range(1, len(ids) + 1):
        if position == len(ids) or ids[position] != ids[position - 1] + 1:
            yield begin, position
            begin = position
