"""Which of two tokens is the outlier, and whether both lie far out: the notebook's verdict. No torch here."""

from .events import TokenMeasure


def outlier_first(first: TokenMeasure, second: TokenMeasure) -> tuple[TokenMeasure, TokenMeasure]:
    """The token of larger norm, then the other; of equal norms the second counts as larger, as in the notebook."""
    return (first, second) if first.norm > second.norm else (second, first)


def both_far(first: TokenMeasure, second: TokenMeasure, centroid_norm: float) -> bool:
    """The notebook's verdict: both norms are more than twice the centroid's."""
    return first.norm > 2 * centroid_norm and second.norm > 2 * centroid_norm
