"""Textual's bindings and the footer, made from the table of keys (`keymap`)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..keymap import KEYS, Key

if TYPE_CHECKING:
    from textual.binding import Binding


def bindings(*, everywhere: bool = False) -> "list[Binding]":
    """The table as bindings of the main screen, or with `everywhere` as those of the app.

    Each has an id, so that keymaps can change it.

    They have priority, so that each key is handled before the next. When several keys arrive together, as over a
    slow line, those after one that opens an input line are written into that line.
    """
    from textual.binding import Binding  # start time

    return [
        Binding(key.keys, key.action, key.name or key.help, show=False, id=key.id, priority=True)
        for key in KEYS
        if key.action.startswith("app.") == everywhere
    ]


def footer(table: Sequence[Key], width: int) -> list[tuple[str, str]]:
    """The keys, with their labels, that fit in a footer of `width` cells with two between them."""
    labelled = [(key.shown, key.label, key.spare) for key in table if key.label]
    labelled.insert(3, (f"{_shown(table, 'previous')} {_shown(table, 'next')}", "model", False))
    labelled.append(("ctrl+p", "all commands", True))
    shown = [(key, label) for key, label, _ in labelled]
    spare = [(key, label) for key, label, extra in labelled if extra]
    while _width(shown) > width and len(shown) > 2:
        shown.remove(spare.pop() if spare else shown[-3])  # help and quit stand last
    return shown


def _width(shown: Sequence[tuple[str, str]]) -> int:
    return sum(len(key) + len(label) + 3 for key, label in shown) - 2


def _shown(table: Sequence[Key], action: str) -> str:
    return next(key.shown for key in table if key.id == action)
