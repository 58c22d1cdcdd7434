"""farpair: the farthest pair of tokens in a cluster of embeddings, proved and explained.

    from farpair import analyse, farthest_pair, farthest_pairs, eccentricities, outlier_ladder, verify

Each is imported when it is first used, so that `import farpair` is cheap.
"""

from __future__ import annotations

from .engine.version import __version__ as __version__

TYPE_CHECKING = False  # importing typing would take a third of Python's own start
if TYPE_CHECKING:
    from typing import Any

    from .engine import RunSettings, analyse, eccentricities, farthest_pair, farthest_pairs, outlier_ladder
    from .engine.check.checking import verify

__all__ = [
    "RunSettings",
    "analyse",
    "eccentricities",
    "farthest_pair",
    "farthest_pairs",
    "outlier_ladder",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "verify":
        from .engine.check import checking  # start time

        return checking.verify
    from . import engine  # start time

    return getattr(engine, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
