"""The batches as CSV: any CSV reader gets the same values, and no spreadsheet runs any of them."""

import ast
import csv
import io

import pytest
from engine.report.test_text_report import ENGINE, STARTED, finished, record_of
from farpair.engine.events import BatchBound
from farpair.engine.journal.record import RunRecord
from farpair.engine.report.csv_report import HEADS, as_csv
from support.notebook_numbers import BATCH_MAXIMA as MAXIMA
from support.published import named, settled


def rows_of(record: RunRecord) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(record))))


def test_every_batch_is_a_line_with_its_numbers_at_full_precision() -> None:
    rows = rows_of(finished())
    assert [float(row["maximum"]) for row in rows] == list(MAXIMA)
    assert rows[0] == {
        "batch": "0", "start": "0", "end": "256", "maximum": "1.60828757", "lower": "1.60828757",
        "i": "14", "i_token": "48494", "i_text": "' xyz'", "j": "17", "j_token": "71473", "j_text": "'██取'",
        "farthest": "1", "settled": "float64", "pairs": "280625", "evaluated": "2806", "seconds": "0.012",
    }  # fmt: skip
    assert [row["farthest"] for row in rows[1:]] == ["0"] * 8


def test_what_is_not_known_yet_is_empty() -> None:
    rows = rows_of(record_of(ENGINE, STARTED, named(), BatchBound(batch=1, lower=1.16, i=14, j=300)))
    assert (rows[0]["lower"], rows[0]["i"], rows[0]["settled"]) == ("", "", "")
    assert (rows[1]["maximum"], rows[1]["lower"], rows[1]["j"], rows[1]["j_token"]) == ("", "1.16", "300", "")
    assert as_csv(RunRecord()) == ",".join(HEADS) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "@SUM(A1)",
        "+1",
        "-1",
        "\t=1",
        "'=1",
        '"=1',
        "'\"=1",
        "a,b\nc\r\n",
        "\x1b]0;x\x07\u202e",
        "\ud800",
        "\\'",
    ],
)
def test_a_token_text_comes_back_whole_and_no_cell_begins_like_a_formula(text: str) -> None:
    record = record_of(ENGINE, STARTED, named({14: text, 17: text}), settled(0))
    rows = rows_of(record)
    assert ast.literal_eval(rows[0]["i_text"]) == text
    for row in rows:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())
    assert as_csv(record).count("\n") == 10
    assert as_csv(record).replace("\n", "").isprintable()
