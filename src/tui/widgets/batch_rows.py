"""The rows of the live table as lines of text: what is in which column, and how wide the columns are."""

from dataclasses import dataclass
from functools import lru_cache

from ...engine.record import BatchRecord, RunRecord
from ...text import duration, share, token_label
from .lines import EMPTY, Line, Role, Span, left, number, right

GAP = "  "
NARROWEST_LABEL = 11  # an id and a few characters of its text; with less room ids stand alone


@dataclass(frozen=True)
class Columns:
    """How wide each column is; 0 where it is left out."""

    batch: int
    maximum: int
    pair: int
    evaluated: int
    time: int
    settled: int


def columns(record: RunRecord, width: int) -> Columns:
    """The columns that fit in `width` cells: the pair gets what the others leave."""
    started = record.started
    return _columns(started.n, started.vocabulary, width) if started else _columns(0, 0, width)


@lru_cache(maxsize=64)
def _columns(n: int, vocabulary: int, width: int) -> Columns:
    batch = max(2 * len(str(n)) + 1, 5)
    ids = 2 * len(str(vocabulary)) + 3
    maximum = 11 if width >= 60 else 10
    left_over = width - (2 + batch + 2 + 2 + maximum + 2)
    evaluated, time, settled = (9, 8, 10)
    if left_over < ids + evaluated + time + 4:
        return Columns(batch, maximum, max(left_over, 0), 0, 0, 0)
    left_over -= evaluated + time + 4
    if left_over < 2 * NARROWEST_LABEL + settled + 5:
        return Columns(batch, maximum, left_over, evaluated, time, 0)
    return Columns(batch, maximum, min(left_over - settled - 2, 80), evaluated, time, settled)


def heading(record: RunRecord, width: int) -> Line:
    """The columns' names."""
    shape = columns(record, width)
    text = f"  {'batch':<{shape.batch}}{GAP}  {'maximum':<{shape.maximum}}{GAP}{'pair':<{shape.pair}}"
    if shape.evaluated:
        text += f"{GAP}{'evaluated':>{shape.evaluated}}{GAP}{'time':>{shape.time}}"
    if shape.settled:
        text += f"{GAP}{'settled by':<{shape.settled}}"
    return ((left(text, width), "dim"),)


def batch_line(record: RunRecord, index: int, best: BatchRecord | None, width: int) -> Line:
    """One batch: its rows, its maximum (✓) or lower bound (≥), its pair, what it cost; ★ marks the whole pair."""
    if not 0 <= index < len(record.batches):
        return EMPTY
    row = record.batches[index]
    shape = columns(record, width)
    winner = record.pair is not None and (row.i, row.j) == (record.pair.i, record.pair.j)
    tone: Role = "strong" if winner or row is best else "text" if row.done else "dim"
    star: Span = ("★ ", "good") if winner else ("  ", "text")
    line: list[Span] = [star, (left(f"{row.start}–{row.end}", shape.batch) + GAP, "text" if row.done else "dim")]
    value = row.value
    if value is None:
        line.append((f"· {'':{shape.maximum}}{GAP}", "dim"))
        return tuple(line)
    mark: Span = ("✓ ", "good") if row.done else ("≥ ", "dim")
    line += [mark, (right(number(value, shape.maximum), shape.maximum) + GAP, tone)]
    line.append((left(_pair(record, row, shape.pair), shape.pair), tone))
    if row.done and shape.evaluated:
        evaluated = share(row.done.evaluated, row.done.pairs)
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
