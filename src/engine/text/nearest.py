"""The known word that a mistyped one is nearest to."""

from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str:
    """The one of the `known` words that `word` may be a slip of; "" where none is near."""
    import difflib  # start time

    return next(iter(difflib.get_close_matches(word, list(known), n=1)), "")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown `word`: it asks for the nearest known one; "." where none is near."""
    near = nearest(word, known)
    return f"; did you mean {near}?" if near else "."
