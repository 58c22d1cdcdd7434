"""The memory that a search reserves at its start and reuses for every tile."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..device import release_cached
from ..errors import ProofError

Shape = tuple[int, int]
_LINE = 64  # bytes


def aligned(width: int, dtype: torch.dtype = torch.float32) -> int:
    """`width` rounded up to whole cache lines of `dtype`: products whose rows begin elsewhere take up to a fifth
    longer."""
    line = _LINE // dtype.itemsize
    return -(-width // line) * line


@dataclass(frozen=True, eq=False)
class Slot:
    """A `tensor` (rows, columns) in rows `first` … of a `part` of a workspace."""

    tensor: Tensor
    workspace: "Workspace"
    part: str
    first: int
    token: int

    @property
    def held(self) -> bool:
        """Whether none of these rows was overwritten since."""
        return self.workspace.holds(self)

    def checked(self) -> Tensor:
        """The tensor. Raises ProofError where it is no longer held."""
        if not self.held:
            raise ProofError(f"numbers in the workspace's part {self.part!r} were overwritten while in use")
        return self.tensor


class Workspace:
    """Float32 numbers on a device, reserved for parts (rows, length) each.

    A CPU's pages are allocated when they are first written to, which is slow. So a search that has ended leaves
    its memory to the next one of the same size in this process (`leave`), unless it is released (`empty`).
    """

    _left: ClassVar[list[Tensor]] = []

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._whole: Tensor | None = None
        self._parts: dict[str, Tensor] = {}
        self._owners: dict[str, NDArray[np.int64]] = {}
        self._token = 0

    def reserve(self, shapes: dict[str, Shape]) -> None:
        """Reserve parts of these shapes, in place of the present ones; no slot is held any more."""
        self._drop()  # before new memory is allocated
        size = sum(rows * length for rows, length in shapes.values())
        self._whole = self._left_by_another(size)
        if self._whole is None:
            release_cached(self._device)
            self._whole = torch.empty(size, dtype=torch.float32, device=self._device)
        start = 0
        for part, (rows, length) in shapes.items():
            end = start + rows * length
            self._parts[part] = self._whole[start:end].view(rows, length)
            self._owners[part] = np.zeros(rows, dtype=np.int64)
            start = end

    def leave(self) -> None:
        """Leave the memory to the next search; no slot is held any more."""
        if self._whole is not None and self._device.type == "cpu":
            self._left[:] = [self._whole]
        self._drop()

    @classmethod
    def empty(cls) -> None:
        """Release the memory that the last search has left."""
        cls._left.clear()

    def slot(self, part: str, rows: int, columns: int, first: int = 0, dtype: torch.dtype = torch.float32) -> Slot:
        """A slot (rows, columns) of `dtype`, no wider than float32, in the rows `first` … of a part.

        Raises ProofError where the part is smaller.
        """
        whole = self._parts[part].view(dtype)
        if first + rows > whole.shape[0] or columns > whole.shape[1]:
            raise ProofError(f"the workspace's part {part!r} has no room for rows {first} to {first + rows}")
        self._token += 1
        self._owners[part][first : first + rows] = self._token
        if _SCRATCH in self._owners:
            self._owners[_SCRATCH][:] = self._token
        return Slot(whole[first : first + rows, :columns], self, part, first, self._token)

    def slot_if_room(self, part: str, rows: int, columns: int, dtype: torch.dtype = torch.float32) -> Slot | None:
        """A `slot`, or None where the part is smaller."""
        whole = self._parts[part].view(dtype)
        return (
            self.slot(part, rows, columns, dtype=dtype)
            if rows <= len(whole) and columns <= whole.shape[1]
            else None
        )

    def block(self, part: str, rows: int, columns: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """A tensor (rows, columns) of `dtype`, no wider than float32, contiguous in the memory of a whole part,
        for the numbers of one tile.

        Raises ProofError where the part is smaller.
        """
        numbers = self._parts[part].view(-1).view(dtype)
        if rows * columns > len(numbers):
            raise ProofError(f"the workspace's part {part!r} has no room for {rows} x {columns} numbers")
        self._token += 1
        for owners in (self._owners[part], self._owners.get(_SCRATCH)):
            if owners is not None:
                owners[:] = self._token
        return numbers[: rows * columns].view(rows, columns)

    def scratch(self, rows: int, columns: int) -> Slot:
        """A slot (rows, columns) float32 in the memory of all parts, none of which is held any more; newly
        allocated where they are smaller."""
        assert self._whole is not None
        self._token += 1
        for owners in self._owners.values():
            owners[:] = self._token
        self._owners[_SCRATCH] = np.full(1, self._token, dtype=np.int64)
        room = self._whole[: rows * columns]
        tensor = room.view(rows, columns) if len(room) == rows * columns else room.new_empty(rows, columns)
        return Slot(tensor, self, _SCRATCH, 0, self._token)

    def holds(self, slot: Slot) -> bool:
        """Whether none of a slot's rows was overwritten since."""
        owners = self._owners.get(slot.part)
        if owners is None:
            return False
        return bool((owners[slot.first : slot.first + len(slot.tensor)] == slot.token).all())

    def _drop(self) -> None:
        self._parts, self._owners, self._whole = {}, {}, None

    def _left_by_another(self, size: int) -> Tensor | None:
        """Memory of `size` numbers that a search has left; memory of another size is released."""
        try:
            left = self._left.pop()
        except IndexError:
            return None
        return left if len(left) == size and self._device.type == "cpu" else None


_SCRATCH = "scratch"
