"""A run's batches as comma-separated values, for spreadsheets and data frames. Torch is not imported here."""

import csv
import io
from typing import Final

from ..journal.record import BatchRecord, RunRecord
from ..text.escape import literal

HEADS: Final = (
    "batch", "start", "end", "maximum", "lower", "i", "i_token", "i_text", "j", "j_token", "j_text",
    "farthest", "settled", "pairs", "evaluated", "seconds",
)  # fmt: skip


def as_csv(record: RunRecord) -> str:
    """One line per batch under a line of heads, by RFC 4180 except that lines end with "\\n".

    The columns are those of the JSON object's batches (see `json_schema.BatchPart`): rows start ≤ i < end;
    `maximum`, empty until it is proved; `lower`, a lower bound of it; i and j, the rows that attain it, with their
    token ids and texts; `farthest`, 1 for the farthest pair and 0 for any other; the numbers of pairs settled and
    evaluated. Numbers have full precision. A text is a quoted Python string literal (`ast.literal_eval` reads it),
    so that no character is lost, no terminal interprets it, and no spreadsheet takes it for a formula.
    """
    page = io.StringIO()
    table = csv.writer(page, lineterminator="\n")
    table.writerow(HEADS)
    for batch in record.batches:
        table.writerow(_row(record, batch))
    return page.getvalue()


def _row(record: RunRecord, batch: BatchRecord) -> list[object]:
    done, pair = batch.done, record.pair
    found: list[object] = []
    for index in (batch.i, batch.j):
        token = record.tokens.get(index) if index is not None else None
        text = literal(token.text) if token and token.text is not None else None
        found += [index, token.id if token else None, text]
    settled = [done.settled, done.pairs, done.evaluated, done.seconds] if done else [None] * 4
    farthest = int(pair is not None and (batch.i, batch.j) == (pair.i, pair.j))
    maximum = done.maximum if done else None
    return [batch.batch, batch.start, batch.end, maximum, batch.value, *found, farthest, *settled]
