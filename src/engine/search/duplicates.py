"""Finds bit-identical rows, so that each group of them is searched as one row."""

import zlib
from functools import cached_property

import torch
from torch import Tensor

_BLOCK = 1 << 18  # numbers compared at once


def first_equal(rows: Tensor, chosen: Tensor) -> Tensor:
    """For each of the rows `chosen` (m,), ascending indices into rows (n, d), the first chosen row equal to it.

    Equal means bit for bit, so +0.0 and -0.0 differ. Rows with equal 64-bit keys are compared with the first of
    them; those that differ after all (a collision) are given new keys among themselves, until none do.
    """
    bits = rows.view(torch.int32 if rows.dtype == torch.float32 else torch.int64)
    first = torch.empty_like(chosen)
    undecided = torch.arange(len(chosen), dtype=torch.int64, device=chosen.device)
    turn = 0
    while len(undecided):
        keys, order = _keys(bits, chosen[undecided], seed=turn).sort(stable=True)
        undecided = undecided[order]
        begins = torch.ones_like(keys, dtype=torch.bool)
        begins[1:] = keys[1:] != keys[:-1]
        leader = undecided[begins][begins.cumsum(0) - 1]
        alike = _equal_rows(bits, chosen[undecided], chosen[leader])
        first[undecided[alike]] = chosen[leader[alike]]
        undecided = undecided[~alike]
        turn += 1
    return first


def first_unequal(rows: Tensor) -> int | None:
    """The first row that differs in value from row 0; None where all are equal."""
    height = max(1, _BLOCK // max(rows.shape[1], 1))
    for start in range(0, len(rows), height):
        differs = (rows[start : start + height] != rows[0]).any(dim=1)
        if bool(differs.any()):
            return start + int(differs.to(torch.uint8).argmax())
    return None


def _keys(bits: Tensor, chosen: Tensor, seed: int) -> Tensor:
    """A 64-bit key of each chosen row: Σ bits_k · m_k mod 2^64, m_k random and odd.

    Integer arithmetic wraps and so is the same in any order: equal rows have equal keys.
    """
    random = torch.Generator(device="cpu").manual_seed(seed)
    shape = (bits.shape[1],)
    halves = torch.randint(-(2**62), 2**62, shape, generator=random, dtype=torch.int64, device="cpu")
    multipliers = halves.to(bits.device) * 2 + 1
    keys = torch.empty(len(chosen), dtype=torch.int64, device="cpu")
    whole, height = len(chosen) == len(bits), max(1, _BLOCK // max(bits.shape[1], 1))
    buffer = torch.empty(min(height, len(chosen)), bits.shape[1], dtype=torch.int64, device=bits.device)
    for start in range(0, len(chosen), height):
        end = min(start + height, len(chosen))
        part = bits[start:end] if whole else bits[chosen[start:end].to(bits.device)]  # a slice needs no copy
        keys[start:end] = torch.mul(part, multipliers, out=buffer[: end - start]).sum(dim=1).cpu()
    return keys


def _equal_rows(bits: Tensor, chosen: Tensor, others: Tensor) -> Tensor:
    """Which of the chosen rows equal the other row beside them: (len(chosen),) bool."""
    equal = torch.ones_like(chosen, dtype=torch.bool)
    (apart,) = (chosen != others).nonzero(as_tuple=True)
    height = max(1, _BLOCK // max(bits.shape[1], 1))
    for start in range(0, len(apart), height):
        at = apart[start : start + height]
        left, right = bits[chosen[at].to(bits.device)], bits[others[at].to(bits.device)]
        equal[at] = (left == right).all(dim=1).cpu()
    return equal


class DuplicateGroups:
    """The places of each searched row: the batches that hold a copy of it, and the first copy in each.

    `original` (n,) is for every row the first row equal to it, as far as copies were looked for.
    """

    def __init__(self, original: Tensor, batch: int) -> None:
        n = len(original)
        row = group = torch.arange(n)
        copy = row[original != row]
        self._one_each = not len(copy)
        if not self._one_each:
            # A copy also stands for itself, in pairs that were decided before copies were looked for.
            row, group = torch.cat([row, copy]), torch.cat([original, copy])
            order = torch.argsort(group, stable=True)
            row, group = row[order], group[order]
            fresh = torch.ones(len(row), dtype=torch.bool)
            fresh[1:] = (group[1:] != group[:-1]) | (row[1:] // batch != row[:-1] // batch)
            row, group = row[fresh], group[fresh]
        self.row, self.group, self.batch = row, group, row // batch
        self.batches = -(-n // batch)
        self.copies = torch.bincount(original, minlength=n)
        self.original = original
        self._start = torch.nn.functional.pad(torch.bincount(group, minlength=n).cumsum(0), (1, 0))

    @cached_property
    def mark(self) -> int:
        """A checksum of this grouping of rows."""
        return zlib.crc32(self.original.numpy().tobytes())

    def of(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """For searched rows (m,): (index into them, place) for every place of each."""
        if self._one_each:
            return torch.arange(len(rows)), rows
        counts = self._start[rows + 1] - self._start[rows]
        which = torch.repeat_interleave(torch.arange(len(rows)), counts)
        offset = torch.arange(len(which)) - torch.repeat_interleave(counts.cumsum(0) - counts, counts)
        return which, self._start[rows][which] + offset

    def first_batch(self, rows: Tensor) -> Tensor:
        """The first batch that holds each of the searched `rows` (m,): (m,)."""
        return self.batch[self._start[rows]]

    def by_batch(self, values: Tensor) -> Tensor:
        """The largest of `values` (n,), one per searched row, in each batch: (batches,)."""
        return values.new_zeros(self.batches).scatter_reduce_(0, self.batch, values[self.group], "amax")

    def by_row(self, values: Tensor) -> Tensor:
        """The smallest of `values` (batches,) over the batches that hold each searched row: (n,)."""
        if self._one_each:
            return values[self.batch]
        lowest = values.max().expand(len(self.copies)).clone()
        return lowest.scatter_reduce_(0, self.group, values[self.batch], "amin")
