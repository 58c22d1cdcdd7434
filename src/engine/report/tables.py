"""Tables on stdout: columns as wide as what is in them, by terminal cells."""

from collections.abc import Sequence


def print_table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print harmless texts in columns under their heads."""
    from rich.cells import cell_len  # start time

    table = [heads, *rows]
    widths = [max(cell_len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        cells = (text + " " * (width - cell_len(text)) for text, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
