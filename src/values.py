"""What a person may give as a matrix, a theme and a speed; what a run's settings may be is in
`engine.run_settings`.

Each function takes what was written and returns what it means, or raises ValueError with the sentence, without
its full stop, that says what is wrong and what is allowed. Nothing here imports anything slow.
"""

import re
from typing import Final

from .engine.run_settings import shown

MATRICES: Final = ("unembedding", "embedding")
THEMES: Final = ("dark", "light", "contrast", "terminal")
_SLOWEST: Final = 0.01
_FASTEST: Final = 1_000_000


def speed(text: str) -> float:
    """How many times as fast as it happened a run is played again."""
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
