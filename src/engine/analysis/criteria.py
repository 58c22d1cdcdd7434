"""The criteria of the analysis: the order of the pair, the test of norms, and the collapse of the diameter.

The first two are the notebook's. Torch is not imported here.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal

from ..events import TokenMeasure

LEAST_FALL: Final = 2.0  # a collapse is a drop of the diameter by more than this factor


def collapse(diameters: Sequence[float], at_most: float | None = None) -> int | None:
    """The number of outliers: the k at which the diameters collapse; None where they do not.

    `diameters` are those of a cluster with k = 0, 1, … rows removed, and `at_most` is an upper bound of the next
    one, if known. The collapse is the drop by the largest ratio, if that is more than LEAST_FALL. A drop to 0 is
    the largest; among equal drops the first counts.

    Two rows that lie opposite each other, equally far out, are twice as far from each other as from the centre;
    removing one halves the diameter although the other remains. Only a larger drop is a collapse. While the
    outermost row is at distance R from the centroid, the diameter is at most 2R. Where the next diameter is less
    than half of it, the removed row was farther from the centroid than any two of the other rows are from each
    other.
    """
    known = [*diameters] if at_most is None else [*diameters, at_most]
    falls = [fall(before, after) for before, after in pairwise(known)]
    if not falls or max(falls) <= LEAST_FALL:
        return None
    return falls.index(max(falls)) + 1


def fall(before: float, after: float) -> float:
    """The ratio before / after; 1 where both are 0."""
    if after == 0:
        return math.inf if before > 0 else 1.0
    return before / after


def telling(diameters: Sequence[float], room: int) -> list[int]:
    """The rungs k to show, at most `room`, in ascending order: the first, the last, and those beside the largest
    drops."""
    last = len(diameters) - 1
    falls = sorted(range(1, last + 1), key=lambda k: (-round(fall(diameters[k - 1], diameters[k]), 3), k))
    wanted = dict.fromkeys([0, last, *(beside for k in falls for beside in (k, k - 1))])
    return sorted([k for k in wanted if 0 <= k <= last][:room])


def outlier_first(first: TokenMeasure, second: TokenMeasure) -> tuple[TokenMeasure, TokenMeasure]:
    """The token of larger norm, then the other. Where the norms are equal, the second counts as larger, as in the
    notebook."""
    return (first, second) if first.norm > second.norm else (second, first)


def norms_beyond(
    first: TokenMeasure, second: TokenMeasure, centroid_norm: float
) -> Literal["both", "larger", "neither"]:
    """The notebook's test of norms: which of the two norms are more than twice the centroid's."""
    beyond = [one.norm > 2 * centroid_norm for one in (first, second)]
    return "both" if all(beyond) else "larger" if any(beyond) else "neither"


def both_far(first: TokenMeasure, second: TokenMeasure, centroid_norm: float) -> bool:
    """Whether both norms are more than twice the centroid's."""
    return norms_beyond(first, second, centroid_norm) == "both"
