"""What kind of outliers the farthest pair are: the notebook's whole analysis as one event."""

import math

import torch
from torch import Tensor

from ..errors import InputError
from .events import Analysed
from .geometry import measure, triangle
from .stats import copies, largest, mean_row, row_norms, summary
from .verdict import both_far, outlier_first

_TOO_LARGE = 2.0**960  # 1e289: below it, neither a norm of any d nor a sum of norms is beyond float64


def analyse(rows: Tensor, i: int, j: int, centroid: Tensor | None, mean: Tensor | None = None) -> Analysed:
    """Measure the pair i, j of rows (n, d), float32 or float64, and the cluster around it.

    `centroid` (d,) is the stored one; None takes the rows' own mean, in float64, which `mean` may be where it
    is known. Everything is float64 arithmetic on the rows as they are; the workspace is a few MB and a few
    n-vectors. Raises InputError where `refuse_too_large` does.
    """
    refuse_too_large(rows)
    mean = mean_row(rows) if mean is None else mean
    middle = mean if centroid is None else centroid.to("cpu").to(torch.float64)
    centre, row_i, row_j = middle.tolist(), rows[i].tolist(), rows[j].tolist()
    first, second = measure(i, row_i, centre), measure(j, row_j, centre)
    outlier, other = outlier_first(first, second)
    centroid_norm = math.hypot(*centre)
    return Analysed(
        i=i,
        j=j,
        outlier=outlier,
        other=other,
        both_far=both_far(first, second, centroid_norm),
        mean_distance=(first.distance + second.distance) / 2,
        centroid_norm=centroid_norm,
        triangle=triangle(row_i, row_j, centre),
        norms=summary(row_norms(rows)),
        distances=summary(row_norms(rows, middle)),
        centroid_offset=None if centroid is None else math.dist(centre, mean.tolist()),
        distances_from_mean=None if centroid is None else summary(row_norms(rows, mean)),
        copies=copies(rows),
    )


def refuse_too_large(rows: Tensor) -> None:
    """Raise InputError where rows (n, d) are so large that distances between them are beyond float64."""
    if rows.dtype == torch.float64 and (top := largest(rows)) > _TOO_LARGE:
        raise InputError(f"The embeddings hold numbers as large as {top:.0e}, too large for float64 arithmetic.")
