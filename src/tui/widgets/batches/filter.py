"""The filter of the live table: a line of words, parsed into a test of a batch."""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from ....engine.errors import InputError
from ....engine.journal.record import BatchRecord, RunRecord
from ....engine.text.escape import visible

Test = Callable[[RunRecord, BatchRecord], bool]


class Filter(msgspec.Struct, frozen=True):
    """A filter `admits` the batches that pass every test; an empty one admits all. `text` is what was typed."""

    text: str = ""
    tests: tuple[Test, ...] = ()

    def admits(self, record: RunRecord, row: BatchRecord) -> bool:
        """Whether the batch matches."""
        return all(test(record, row) for test in self.tests)


def parse_filter(text: str) -> Filter:
    """The filter that `text` says: words between blanks, all of which a batch has to match. A word is

    - `settled` or `open`: whether its maximum is proved
    - `>1.2`, `<1.2`, `>=1.2`, `<=1.2`: its maximum, or lower bound
    - `12`: the batch of that number, or with that token id in its pair; `#12` the batch alone
    - `10-20`: the batches of these numbers; `row:3000`: the batch that row of the cluster is in
    - anything else, or anything in quotes: text that a token of its pair holds, in capitals or not

    Raises InputError for a comparison without a number, in one sentence.
    """
    words = [(double or single, plain) for double, single, plain in _WORD.findall(text)]
    return Filter(text.strip(), tuple(_test(quoted, plain) for quoted, plain in words if quoted or plain))


_WORD: Final = re.compile(r""" "([^"]*)"? | '([^']*)'? | ([^\s"']\S*) """, re.VERBOSE)
_BATCHES: Final = re.compile(r"#?([0-9]{1,18})[-–]([0-9]{1,18})")
_BATCH: Final = re.compile(r"(#?)([0-9]{1,18})")
_ROW: Final = re.compile(r"row:([0-9]{1,18})")
_COMPARED: Final = re.compile(r"([<>]=?)(.*)")


def _test(quoted: str, plain: str) -> Test:
    if not plain:
        return _text(quoted)
    if plain in ("settled", "done", "✓"):
        return lambda _, row: row.done is not None
    if plain in ("open", "≥"):
        return lambda _, row: row.done is None
    if match := _COMPARED.fullmatch(plain):
        return _compared(match[1], match[2])
    if match := _BATCHES.fullmatch(plain):
        first, last = sorted((int(match[1]), int(match[2])))
        return lambda _, row: first <= row.batch <= last
    if match := _BATCH.fullmatch(plain):
        number, alone = int(match[2]), bool(match[1])
        return lambda record, row: row.batch == number or (not alone and number in _token_ids(record, row))
    if match := _ROW.fullmatch(plain):
        index = int(match[1])
        return lambda _, row: row.start <= index < row.end
    return _text(plain)


def _compared(sign: str, written: str) -> Test:
    try:
        limit = float(written)
    except ValueError:
        wrong = f", and “{visible(written, 20)}” is none" if written else ""
        raise InputError(f"After {sign} comes a number{wrong}.") from None
    tests: dict[str, Callable[[float], bool]] = {
        ">": lambda value: value > limit,
        ">=": lambda value: value >= limit,
        "<": lambda value: value < limit,
        "<=": lambda value: value <= limit,
    }
    holds = tests[sign]
    return lambda _, row: row.value is not None and holds(row.value)


def _text(part: str) -> Test:
    wanted = part.casefold()

    def holds(record: RunRecord, row: BatchRecord) -> bool:
        tokens = (record.tokens.get(index) for index in (row.i, row.j) if index is not None)
        return any(
            token is not None and token.text is not None and wanted in visible(token.text).casefold()
            for token in tokens
        )

    return holds


def _token_ids(record: RunRecord, row: BatchRecord) -> list[int]:
    tokens = (record.tokens.get(index) for index in (row.i, row.j) if index is not None)
    return [token.id for token in tokens if token is not None]
