"""Detects by size and modification time whether the files of a run have changed. Torch is not imported here."""

import os
from collections.abc import Iterable

from ..events import SourceFile
from ..text.escape import visible
from ..text.numbers import size


def changed_since(files: Iterable[SourceFile]) -> str | None:
    """The change of the first of `files` that has changed, as part of a sentence; None where none has."""
    for before in files:
        now = _as_it_is(before.path)
        if now != before:
            return difference(before, now)
    return None


def difference(before: SourceFile, now: SourceFile | None) -> str:
    """The difference between two states of a file: "W.safetensors has changed since (13.0 MB; it was 12.0 MB)"."""
    name = visible(os.path.basename(before.path), 60)
    if now is None:
        return f"{name} is no longer there"
    if now.path != before.path:
        return f"{visible(os.path.basename(now.path), 60)} is read in the place of {name}"
    if now.size != before.size:
        return f"{name} has changed since ({size(now.size)}; it was {size(before.size)})"
    return f"{name} has been written since"


def _as_it_is(path: str) -> SourceFile | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return SourceFile(path=path, size=status.st_size, mtime_ns=status.st_mtime_ns)
