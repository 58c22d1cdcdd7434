"""The known word that a mistyped one is nearest to."""

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown `word`: it asks for the nearest known one; "." where none is near."""
    import difflib  # start time

    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "."
