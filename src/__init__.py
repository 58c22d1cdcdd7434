"""farpair: the farthest pair of tokens in a cluster of embeddings, proved and explained.

`farpair.verify` checks what a search returned; it is looked up when asked for, so that `import farpair` is cheap.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.check.checking import verify as verify

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name != "verify":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .engine.check.checking import verify  # start time

    return verify
