"""Which batches the live table shows, and in what order, updated batch by batch as they settle."""

from bisect import bisect_left, insort
from typing import Final, Literal, get_args

import msgspec

from ....engine.events import Settled
from ....engine.journal.record import BatchRecord, RunRecord
from .filter import Filter

Column = Literal["batch", "maximum", "pair", "evaluated", "time", "settled"]

COLUMNS: Final[tuple[Column, ...]] = ("batch", "maximum", "pair", "evaluated", "time", "settled")
SETTLED: Final[tuple[str, ...]] = get_args(Settled)

Key = tuple[float, ...]


class Sort(msgspec.Struct, frozen=True):
    """The column and the direction in which batches are sorted. Batches without a value in it come last."""

    column: Column = "batch"
    descending: bool = False

    def reversed(self) -> "Sort":
        """The same column the other way round."""
        return Sort(self.column, not self.descending)


def first_sort(column: Column) -> Sort:
    """The direction in which a column is sorted first: what one looks for comes on top."""
    return Sort(column, descending=column in ("maximum", "evaluated", "time"))


class BatchOrder:
    """The batches of a record that the filter admits, sorted. Batches are named by number, places count from 0.

    `catch_up` applies what has changed since its last call: one search and one insertion in a sorted list for each
    batch touched. In the batches' own order without a filter nothing is stored.
    """

    def __init__(self) -> None:
        self.sort, self.filter = Sort(), Filter()
        self._record: RunRecord | None = None
        self._seen = 0  # of the record's touched batches
        self._kept: int | None = None
        self._keys: list[Key] = []  # sorted; a key ends with its batch
        self._key_of: dict[int, Key] = {}

    @property
    def plain(self) -> bool:
        """Whether it is every batch in the cluster's order."""
        return self.sort == Sort() and not self.filter.tests

    def __len__(self) -> int:
        if self._record is None:
            return 0
        return len(self._record.batches) if self.plain else len(self._keys)

    def at(self, place: int) -> int:
        """The batch at a place."""
        return place if self.plain else int(self._keys[place][-1])

    def place_of(self, batch: int) -> int | None:
        """Where a batch is; None where the filter does not admit it."""
        if self.plain:
            return batch if batch < len(self) else None
        key = self._key_of.get(batch)
        return None if key is None else bisect_left(self._keys, key)

    def arrange(self, record: RunRecord | None, sort: Sort, filter: Filter) -> None:
        """Show the batches of `record`, sorted and filtered so, from now on."""
        self._record, self.sort, self.filter, self._kept = record, sort, filter, None
        self._rebuild()

    def keep(self, batch: int | None) -> None:
        """Keep showing this batch, and no other, when the filter no longer admits it."""
        before, self._kept = self._kept, batch
        if before is not None and before != batch and not self.plain:
            self._update(before)

    def behind(self) -> bool:
        """Whether batches were touched since `catch_up`."""
        return self._record is not None and self._seen < len(self._record.touched)

    def catch_up(self) -> None:
        """Move every batch touched since the last call to its place."""
        if self._record is None:
            return
        touched = set(self._record.touched[self._seen :])
        if self.plain or len(touched) > len(self._record.batches) // 8:
            self._rebuild()
            return
        self._seen = len(self._record.touched)
        for batch in touched:
            self._update(batch)

    def _rebuild(self) -> None:
        record = self._record
        self._seen = len(record.touched) if record else 0
        self._key_of = {}
        if record is not None and not self.plain:
            for row in record.batches:
                if (key := self._key(row)) is not None:
                    self._key_of[row.batch] = key
        self._keys = sorted(self._key_of.values())

    def _update(self, batch: int) -> None:
        if self._record is None:
            return
        rows = self._record.batches
        before, now = self._key_of.get(batch), self._key(rows[batch]) if batch < len(rows) else None
        if before == now:
            return
        if before is not None:
            del self._keys[bisect_left(self._keys, before)]
            del self._key_of[batch]
        if now is not None:
            insort(self._keys, now)
            self._key_of[batch] = now

    def _key(self, row: BatchRecord) -> Key | None:
        """The sort key of a batch: numbers, with its own number at the end. None: it is not shown."""
        record = self._record
        if record is None or not (row.batch == self._kept or self.filter.admits(record, row)):
            return None
        values = sort_values(record, row, self.sort.column)
        if values is None:
            return (1, row.batch)
        sign = -1 if self.sort.descending else 1
        return (0, *(sign * value for value in values), row.batch)


def sort_values(record: RunRecord, row: BatchRecord, column: Column) -> tuple[float, ...] | None:
    """The values by which a column sorts a batch; None where it has none yet."""
    match column:
        case "batch":
            return (row.batch,)
        case "maximum":
            return None if row.value is None else (row.value,)
        case "pair":
            if row.i is None or row.j is None:
                return None
            i, j = record.tokens.get(row.i), record.tokens.get(row.j)
            return (i.id if i else row.i, j.id if j else row.j)
    if row.done is None:
        return None
    match column:
        case "evaluated":
            return (row.done.evaluated / row.done.pairs if row.done.pairs else 0.0,)
        case "time":
            return (row.done.seconds,)
        case "settled":
            return (SETTLED.index(row.done.settled),)
