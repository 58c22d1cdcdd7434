"""The list of outliers: each token that the ladder removes before the diameter collapses, the farthest first."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ...engine.journal.record import RunRecord
from ...engine.report.outliers import Outlier, medians, outliers
from ...engine.text.numbers import count, ratio, times
from .lines import Line, Role, left, number, quoted, right

NUMBER: Final = 10  # cells of a norm or a distance
LEAST_TEXT, MOST_TEXT = 5, 28


class Column(msgspec.Struct, frozen=True):
    """A column of the list: its title, its width in cells, its contents, and the panel width from which it is
    shown."""

    title: str
    width: int
    cell: Callable[[RunRecord, Outlier], str]
    shown_from: int


def _id(record: RunRecord, one: Outlier) -> str:
    token = record.tokens.get(one.index)
    return str(token.id) if token else f"row {one.index}"


def _number(value: float | None, width: int = NUMBER) -> str:
    return "–" if value is None else number(value, width)


def _ratio(record: RunRecord, one: Outlier) -> str:
    centroid = record.analysis.centroid_norm if record.analysis else 0.0
    return "–" if one.norm is None or not centroid else ratio(one.norm / centroid)


BEFORE_TEXT: Final = (
    Column("#", 2, lambda _, one: count(one.rank) if one.rank else "–", 0),
    Column("token", 6, _id, 0),
)
AFTER_TEXT: Final = (
    Column("row", 9, lambda _, one: count(one.index), 76),
    Column("norm", NUMBER, lambda _, one: _number(one.norm), 46),
    Column("÷ centroid", 10, _ratio, 76),
    Column("from c", NUMBER, lambda _, one: _number(one.distance), 38),
    Column("from c", 8, lambda _, one: _number(one.distance, 8), 0),
    Column("÷ med", 6, lambda _, one: times(one.medians), 0),
)


def outlier_rows(record: RunRecord) -> list[Outlier]:
    """The outliers by rank, then the tokens of the farthest pair that are no outliers, with rank 0."""
    found = list(outliers(record) or ())
    listed = {one.index for one in found}
    pair = (record.analysis.outlier, record.analysis.other) if record.analysis else ()
    others = [
        Outlier(0, one.index, one.norm, one.distance, medians(record, one.distance))
        for one in pair
        if one.index not in listed
    ]
    return found + others


def outlier_table(record: RunRecord, width: int, height: int) -> list[Line]:
    """The outliers in `width` by `height` cells, i and j marked; where not all fit, the number of the others."""
    rows = outlier_rows(record)
    room = height - 1
    shown = rows if len(rows) <= room else rows[: max(room - 1, 0)]
    tokens = [record.tokens.get(one.index) for one in shown]
    texts = any(token is not None and token.text is not None for token in tokens)
    roomy = width if texts else width + LEAST_TEXT + 6
    after = [column for column in AFTER_TEXT if column.shown_from <= roomy]
    after = [column for at, column in enumerate(after) if column.title not in [one.title for one in after[:at]]]
    first = [_as_wide_as_needed(column, record, shown) for column in BEFORE_TEXT]
    fixed = 2 + sum(column.width + 1 for column in (*first, *after))
    text = min(max(width - fixed, LEAST_TEXT), MOST_TEXT) if texts else 0
    lines: list[Line] = [_line("  ", _titles(first), left("text", text) if texts else "", _titles(after), "dim")]
    marks = {record.analysis.i: "i ", record.analysis.j: "j "} if record.analysis else {}
    for one in shown:
        before, behind = _cells(record, one, first), _cells(record, one, after)
        words = left(quoted(record.tokens.get(one.index), text), text)
        lines.append(_line(marks.get(one.index, "  "), before, words, behind, "text" if one.rank else "dim"))
    if len(shown) < len(rows):
        lines.append(((f"  … and {count(len(rows) - len(shown))} more (f)", "dim"),))
    return lines


def _as_wide_as_needed(column: Column, record: RunRecord, rows: Sequence[Outlier]) -> Column:
    """The column, wide enough for each of its cells, so that no id is cut."""
    widest = max((len(column.cell(record, one)) for one in rows), default=0)
    return msgspec.structs.replace(column, width=max(column.width, widest))


def _titles(columns: Sequence[Column]) -> list[str]:
    return [right(column.title, column.width) for column in columns]


def _cells(record: RunRecord, one: Outlier, columns: Sequence[Column]) -> list[str]:
    return [right(column.cell(record, one), column.width) for column in columns]


def _line(mark: str, before: Sequence[str], text: str, after: Sequence[str], role: Role) -> Line:
    return ((mark, "accent"), (" ".join([*before, *([text] if text else []), *after]), role))
