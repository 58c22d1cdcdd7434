"""The allowed values of a matrix, a theme and a speed. Those of a run's settings are in `engine.run_settings`.

Each function takes the text that was given and returns its value, or raises ValueError with a sentence, without
its full stop, that says what is wrong and what is allowed. Nothing slow is imported here.
"""

import re
from typing import Final

from .engine.run_settings import shown

MATRICES: Final = ("unembedding", "embedding")
THEMES: Final = ("dark", "light", "contrast", "terminal")
_SLOWEST: Final = 0.01
_FASTEST: Final = 1_000_000


def speed(text: str) -> float:
    """The factor by which a replay is faster than the run was."""
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text) or not _SLOWEST <= float(text) <= _FASTEST:
        raise ValueError(f"{text!r} is not a speed; it is a number from {_SLOWEST} to {_FASTEST:,}")
    return float(text)


def matrix(given: object) -> str:
    """Which of a model's two matrices is searched."""
    if given not in MATRICES:
        raise ValueError(f"{shown(given)} is not a matrix; it is {MATRICES[0]} or {MATRICES[1]}")
    return str(given)


def theme(given: object) -> str:
    """One of the app's themes by its name."""
    if given not in THEMES:
        raise ValueError(f"{shown(given)} is not a theme; it is {', '.join(THEMES[:-1])} or {THEMES[-1]}")
    return str(given)
