"""A run as Markdown: the sections of the report, as headings, paragraphs and tables. Torch is not imported here.

The report makes untrusted text (names, paths, token texts) visible; this module escapes it, so that none becomes a
link, an image, HTML or emphasis, in CommonMark or in GitHub's dialect.
"""

import re
from collections.abc import Iterator
from itertools import zip_longest

from rich.text import Text

from ..journal.record import RunRecord
from .columns import Columns, Sentence, Title
from .text_report import Blocks, sections


def as_markdown(record: RunRecord) -> str:
    """All results of a run as a Markdown document; a run without a pair reports the results that it has."""
    return "\n".join(_lines(sections(record)))


def _lines(blocks: Blocks) -> Iterator[str]:
    for block in blocks:
        match block:
            case Title():
                yield f"{'#' * block.level} {escaped(block.name.plain)}\n"
            case Sentence():
                yield f"{escaped(block.words.plain)}\n"
            case Columns():
                yield from _table(block)


def _table(columns: Columns) -> Iterator[str]:
    yield _row([head.removeprefix(">") for head in columns.heads])
    yield "|" + "".join(" ---: |" if head.startswith(">") else " --- |" for head in columns.heads)
    for row in columns.rows:
        cells = [cell.plain if isinstance(cell, Text) else cell for cell in row]
        yield _row([cell for cell, _ in zip_longest(cells, columns.heads, fillvalue="")])
    yield ""


def _row(cells: list[str]) -> str:
    return "".join(f"| {escaped(cell)} " for cell in cells) + "|"


def escaped(text: str) -> str:
    """Visible `text` as Markdown that renders as that text. Every character with a meaning has a backslash
    (CommonMark 2.4), the forms that GitHub turns into links are broken, and repeated spaces are kept."""
    text = re.sub(r"[\\`*_\[\]<>|~&$#!@{}^=]", r"\\\g<0>", text)
    text = re.sub(r"(?<=\w):(?=//)|(?<=www)\.|^[-+](?=\s|$)", r"\\\g<0>", text, flags=re.IGNORECASE)
    text = re.sub(r"^(\d{1,9})([.)])(?=\s|$)", r"\1\\\2", text)
    return re.sub(r"(?<= ) ", "&nbsp;", text)
