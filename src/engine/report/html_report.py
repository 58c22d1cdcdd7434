"""A run as HTML, for a notebook: the sections of the report, as headings, paragraphs and tables.

The report makes untrusted text (names, paths, token texts) visible; this module escapes it, so that none becomes
an element, an attribute or a reference. Torch is not imported here.
"""

from collections.abc import Iterator
from html import escape
from itertools import zip_longest

from rich.text import Text

from ..journal.record import RunRecord
from .columns import Columns, Sentence, Title
from .text_report import sections


def as_html(record: RunRecord) -> str:
    """All results of a run as one <div>, without scripts, links or style sheets."""
    return f"<div>\n{''.join(_elements(record))}</div>\n"


def _elements(record: RunRecord) -> Iterator[str]:
    for block in sections(record):
        match block:
            case Title():
                yield f"<h{block.level + 2}>{escape(block.name.plain)}</h{block.level + 2}>\n"
            case Sentence():
                yield f"<p>{escape(block.words.plain)}</p>\n"
            case Columns():
                yield from _table(block)


def _table(columns: Columns) -> Iterator[str]:
    align = ["right" if head.startswith(">") else "left" for head in columns.heads]
    heads = _row("th", [head.removeprefix(">") for head in columns.heads], align)
    yield f"<table>\n<thead>{heads}</thead>\n<tbody>\n"
    for row in columns.rows:
        cells = [cell.plain if isinstance(cell, Text) else cell for cell in row]
        yield _row("td", [cell for cell, _ in zip_longest(cells, columns.heads, fillvalue="")], align) + "\n"
    yield "</tbody>\n</table>\n"


def _row(kind: str, cells: list[str], align: list[str]) -> str:
    shown = (
        f'<{kind} style="text-align: {side}; white-space: pre-wrap">{escape(cell)}</{kind}>'
        for cell, side in zip(cells, align, strict=True)
    )
    return f"<tr>{''.join(shown)}</tr>"
