"""Lays out plain text for a width: indented sentences, and columns that never cut a number."""

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, TextIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP = 3
INDENT = 2
_WIDTH_OF_FILES: Final = 100
_ANY_WIDTH: Final = 1_000_000  # for a list, each of whose rows is one line, for grep and for scripts


@dataclass(frozen=True)
class Title:
    """A heading: of the report (`level` 1), or of a part (2), with an empty line before it."""

    name: Text
    level: int = 2

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.level > 1:
            yield Text()
        yield self.name


@dataclass(frozen=True)
class Sentence:
    """A text that is wrapped and indented by `indent` cells; `apart` puts an empty line before it. No line ends
    with a space."""

    words: Text
    indent: int = INDENT
    apart: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.apart:
            yield Text()
        for line in self.words.wrap(console, max(options.max_width - self.indent, 1)):
            line.rstrip()
            yield Text.assemble(" " * self.indent, line)


@dataclass(frozen=True)
class Columns:
    """A table of `rows` under `heads`, indented by `indent` cells, with `gap` cells between columns.

    A head that begins with ">" aligns its column to the right. Where the table is too wide, `narrower` replaces
    it. Where that is missing or too wide too, each row becomes a block of lines "head: value", so that no number
    is cut. A row may have fewer cells than heads. Cells must already be escaped.
    """

    heads: Sequence[str]
    rows: Sequence[Sequence[str | Text]]
    narrower: "Columns | None" = None
    indent: int = INDENT
    gap: int = GAP

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        cells = [[_text(cell) for cell, _ in zip_longest(row, self.heads, fillvalue="")] for row in self.rows]
        widths = [
            max(cell_len(name), *(row[k].cell_len for row in cells), 0) for k, name in enumerate(self._names)
        ]
        if self.indent + sum(widths) + self.gap * (len(widths) - 1) <= options.max_width:
            yield from self._table(cells, widths)
        elif self.narrower:
            yield self.narrower
        else:
            yield from self._blocks(cells)

    @property
    def _names(self) -> list[str]:
        return [head.removeprefix(">") for head in self.heads]

    def _table(self, cells: list[list[Text]], widths: list[int]) -> Iterator[Text]:
        right = [head.startswith(">") for head in self.heads]
        for row in [[Text(name, "dim") for name in self._names], *cells]:
            line = Text(" " * self.indent)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True)):
                space = " " * (width - cell.cell_len)
                line.append(" " * self.gap if k else "").append(space if right[k] else "").append_text(cell)
                line.append("" if right[k] else space)
            line.rstrip()
            yield line

    def _blocks(self, rows: list[list[Text]]) -> Iterator[Text]:
        for place, row in enumerate(rows):
            if place:
                yield Text()
            for name, cell in zip(self._names, row, strict=True):
                if cell.plain:
                    yield Text.assemble(" " * self.indent, (f"{name}: " if name else "", "dim"), cell)


def _text(cell: str | Text) -> Text:
    return cell if isinstance(cell, Text) else Text(cell)


def print_list(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print escaped texts in columns under their heads on stdout, each row on one line."""
    print_blocks([Columns(heads, rows, indent=0, gap=2)], sys.stdout, width=_ANY_WIDTH)


def print_blocks(
    blocks: Iterable[Title | Sentence | Columns], file: TextIO, *, colour: bool = True, width: int | None = None
) -> None:
    """Write `blocks` to `file`. On a terminal they have its width, and colours unless `colour` is false; elsewhere
    they are plain and 100 cells wide. `width` overrides both widths. Characters that the file's encoding lacks are
    escaped, or left to the file's own error handler. Raises OSError where `file` does."""
    terminal = file.isatty()
    page = io.StringIO()
    console = Console(
        file=page,
        force_terminal=terminal,
        force_jupyter=False,
        no_color=None if colour else True,
        width=width or (None if terminal else _WIDTH_OF_FILES),
        markup=False,
        emoji=False,
        highlight=False,
    )
    for block in blocks:
        console.print(block)
    encoding, errors = file.encoding or "utf-8", file.errors or "strict"
    if errors == "strict":
        errors = "backslashreplace"
    file.write(page.getvalue().encode(encoding, errors).decode(encoding))
