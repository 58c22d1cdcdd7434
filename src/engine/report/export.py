"""Exports a run as text in one of several formats, and to new files, which never overwrite others."""

import os
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final, Literal

from ..errors import RunError
from ..journal.record import RunRecord
from ..text.escape import visible

Format = Literal["markdown", "json", "csv"]
SUFFIXES: Final[dict[Format, str]] = {"markdown": ".md", "json": ".json", "csv": ".csv"}


def text_of(record: RunRecord, form: Format) -> str:
    """A run as text: the report as Markdown, all results as one JSON object, or the batches as CSV."""
    match form:
        case "markdown":
            from .markdown_report import as_markdown  # start time

            return as_markdown(record)
        case "json":
            from .json_report import json_text, run_report  # start time

            return json_text(run_report(record))
        case "csv":
            from .csv_report import as_csv  # start time

            return as_csv(record)


def file_stem(record: RunRecord) -> str:
    """The name of a run's exported files without the suffix: "farpair-" and the run's id."""
    name = record.engine.run if record.engine else "run"
    return "farpair-" + re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:100]


def write_new(folder: Path, stem: str, suffix: str, text: str) -> Path:
    """Write `text` as UTF-8 to a new file in `folder` and return its path: stem + suffix, or with stem-2, stem-3,
    … where that exists. Raises RunError, which names the file, where it cannot be written; a partial file is
    removed.
    """
    for path in _names(folder, stem, suffix):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileExistsError:
            continue
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            path.unlink()
            raise _unwritable(path, error) from error
        return path
    raise AssertionError  # the names are endless


def _names(folder: Path, stem: str, suffix: str) -> Iterator[Path]:
    yield folder / f"{stem}{suffix}"
    yield from (folder / f"{stem}-{number}{suffix}" for number in count(2))


def _unwritable(path: Path, error: OSError) -> RunError:
    return RunError(f"{visible(str(path))} cannot be written: {error.strerror}.")
