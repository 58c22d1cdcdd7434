"""The rows of the live table as lines of text: the columns, their widths and their contents."""

from functools import lru_cache

import msgspec

from ....engine.journal.record import BatchRecord, RunRecord
from ....engine.report.sentences import rows as rows_between
from ....engine.text.escape import token_label
from ....engine.text.numbers import count, duration, share
from ..lines import EMPTY, Line, Role, Span, left, number, right, width_of
from .order import Column, Sort

GAP = "  "
ROOMY = 60  # cells from which numbers get columns of full width
MARKS = 2  # cells before the first column, for the pair's star and the mark of the chosen batch
NARROWEST_LABEL = 11  # cells for an id and a few characters of its text; with fewer, ids stand alone
ROOMY_LABEL = 16
TIME, SHARE, SETTLED = 8, 9, 11


class Columns(msgspec.Struct, frozen=True):
    """The width of each column, 0 where it is left out. `evaluated` shows the total too where it is wide
    enough."""

    number: int
    batch: int
    maximum: int
    pair: int
    evaluated: int
    time: int
    settled: int


def columns(record: RunRecord, width: int) -> Columns:
    """The columns that fit in `width` cells; the pair gets the cells that the others leave."""
    started = record.started
    return _columns(started.n, started.vocabulary, started.batch, width) if started else _columns(0, 0, 1, width)


@lru_cache(maxsize=64)
def _columns(n: int, vocabulary: int, rows: int, width: int) -> Columns:
    digits = len(count(n)) if width >= ROOMY else len(str(n))
    batch = max(2 * digits + 1, 6)
    ids = 2 * len(str(vocabulary)) + 3
    maximum = 11 if width >= ROOMY else 10
    left_over = width - (MARKS + batch + 2 + 2 + maximum + 2)
    if left_over < ids + SHARE + TIME + 4:
        return Columns(0, batch, maximum, max(left_over, 0), 0, 0, 0)
    left_over -= SHARE + TIME + 4
    if left_over < 2 * NARROWEST_LABEL + SETTLED + 5:
        return Columns(0, batch, maximum, left_over, SHARE, TIME, 0)
    left_over -= SETTLED + 2
    numbers = max(len(str(max(-(-n // rows) - 1, 0))), 2)
    roomy = 2 * ROOMY_LABEL + 3
    if left_over - numbers - 2 < roomy:
        return Columns(0, batch, maximum, min(left_over, 80), SHARE, TIME, SETTLED)
    left_over -= numbers + 2
    of_all = 2 * len(count(min(rows, n) * n)) + 4  # "18,000 of 575,488"
    if left_over - of_all < 2 * NARROWEST_LABEL + 5:
        return Columns(numbers, batch, maximum, min(left_over, 80), SHARE, TIME, SETTLED)
    return Columns(numbers, batch, maximum, min(left_over - of_all, 80), of_all + SHARE, TIME, SETTLED)


def heading(record: RunRecord, width: int, sort: Sort | None = None) -> Line:
    """The columns' names, the sorted one marked with its direction."""
    spans: list[Span] = [(" " * MARKS, "dim")]
    for column, before, name, cells in _headings(record, width):
        mark = "" if sort is None or column != sort.column else "▼" if sort.descending else "▲"
        at_right = column in ("evaluated", "time")
        text = right(f"{mark}{name}", cells) if at_right else left(f"{before}{name}{mark}", cells)
        spans.append((text, "accent" if mark else "dim"))
    return (*spans, (" " * (width - width_of(tuple(spans))), "dim"))


def column_at(record: RunRecord, width: int, x: int) -> Column | None:
    """The column at cell `x` of a table of `width` cells."""
    start = MARKS
    for column, _, _, cells in _headings(record, width):
        if start <= x < start + cells:
            return column
        start += cells
    return None


def shown_columns(record: RunRecord, width: int) -> list[Column]:
    """The columns of a table of `width` cells, from the left."""
    return [column for column, *_ in _headings(record, width)]


def _headings(record: RunRecord, width: int) -> list[tuple[Column, str, str, int]]:
    """For each column: what precedes its name, its name, and its width with the gap before it."""
    shape = columns(record, width)
    number = f"{'#':>{shape.number}}{GAP}" if shape.number else ""
    found: list[tuple[Column, str, str, int]] = [
        ("batch", number, "rows" if number else "batch", len(number) + shape.batch + len(GAP)),
        ("maximum", "  ", "maximum", 2 + shape.maximum + len(GAP)),
        ("pair", "", "pair", shape.pair),
    ]
    if shape.evaluated:
        found += [
            ("evaluated", "", "evaluated", len(GAP) + shape.evaluated),
            ("time", "", "time", len(GAP) + TIME),
        ]
    if shape.settled:
        found.append(("settled", GAP, "settled by", len(GAP) + shape.settled))
    return found


def batch_line(
    record: RunRecord, index: int, best: BatchRecord | None, width: int, chosen: int | None = None
) -> Line:
    """One batch: its rows, its maximum (✓) or lower bound (≥), its pair, what it cost; ★ marks the whole pair,
    ▸ the chosen batch."""
    if not 0 <= index < len(record.batches):
        return EMPTY
    row = record.batches[index]
    shape = columns(record, width)
    winner = record.pair is not None and (row.i, row.j) == (record.pair.i, record.pair.j)
    tone: Role = "strong" if winner or row is best else "text" if row.done else "dim"
    rows = f"{row.batch:>{shape.number}}{GAP}" if shape.number else ""
    between = rows_between(row.start, row.end)
    if width < ROOMY:
        between = between.replace(",", "")
    rows += left(between, shape.batch) + GAP
    line: list[Span] = [
        ("★" if winner else " ", "good"),
        ("▸" if index == chosen else " ", "accent"),
        (rows, "text" if row.done else "dim"),
    ]
    value = row.value
    if value is None:
        line.append((f"· {'':{shape.maximum}}{GAP}", "dim"))
        return tuple(line)
    mark: Span = ("✓ ", "good") if row.done else ("≥ ", "dim")
    line += [mark, (right(number(value, shape.maximum), shape.maximum) + GAP, tone)]
    line.append((left(_pair(record, row, shape.pair), shape.pair), tone))
    if row.done and shape.evaluated:
        evaluated = f"{share(row.done.evaluated, row.done.pairs):>{SHARE}}"
        if shape.evaluated > SHARE:
            evaluated = f"{count(row.done.evaluated)} of {count(row.done.pairs)}{evaluated}"
        line.append((f"{GAP}{evaluated:>{shape.evaluated}}{GAP}{duration(row.done.seconds):>{shape.time}}", "dim"))
    if row.done and shape.settled:
        line.append((f"{GAP}{row.done.settled:<{shape.settled}}", "dim"))
    return tuple(line)


def _pair(record: RunRecord, row: BatchRecord, width: int) -> str:
    """The pair's token ids, with their texts where there is room."""
    if row.i is None or row.j is None:
        return ""
    i, j = record.tokens.get(row.i), record.tokens.get(row.j)
    if i is None or j is None:
        return f"rows {row.i} · {row.j}"
    each = (width - 3) // 2
    if each < NARROWEST_LABEL or i.text is j.text is None:
        whole = f"{i.id} · {j.id}"
        return whole if len(whole) <= width else f"{i.id}·{j.id}"
    return f"{left(token_label(i, each), each)} · {token_label(j, each)}"
