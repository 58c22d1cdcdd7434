"""farpair: the farthest pair of tokens in a cluster of embeddings, proved and explained.

`farpair.verify` checks what a search returned; it is looked up when asked for, so that `import farpair` is cheap.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take a third of Python's own start
if TYPE_CHECKING:
    from typing import Any

    from .engine.check.checking import verify as verify

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name != "verify":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .engine.check.checking import verify  # start time

    return verify
