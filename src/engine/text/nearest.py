"""Finds the known word nearest to a mistyped one."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The word among `known` that `word` probably misspells; "" where none is near."""
    import difflib  # start time

    return next(iter(difflib.get_close_matches(word, list(known), n=1)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown `word`, which suggests the nearest known word; "." where none is
    near."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else "."
