"""The search and everything that it needs, usable without a terminal.

    from farpair.engine import analyse, farthest_pair, farthest_pairs, eccentricities, outlier_ladder

Each name is imported when it is first used, so that reading a journal does not import torch.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take a third of Python's own start
if TYPE_CHECKING:
    from typing import Any

    from .api import RunSettings, analyse, eccentricities, farthest_pair, farthest_pairs, outlier_ladder

__all__ = ["RunSettings", "analyse", "eccentricities", "farthest_pair", "farthest_pairs", "outlier_ladder"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import api  # start time

    return getattr(api, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
