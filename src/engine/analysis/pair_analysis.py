"""The notebook's analysis of the farthest pair and its cluster, as one event."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import InputError
from ..events import Analysed
from ..search.duplicates import first_equal
from .criteria import both_far, outlier_first
from .geometry import length, measure, triangle
from .stats import ExactMean, copies, exact_mean, histogram, largest, row_norms, summary

_TOO_LARGE = 2.0**960  # 1e289; with smaller numbers no norm of any d and no sum of norms overflows float64


@dataclass(frozen=True)
class MeasuredRows:
    """Rows (n, d), float32 or float64, and the measures of all of them.

    `centroid` (d,) float64 is the stored one, or where `stored` is false the rows' exact `mean`, rounded to
    float64. `distances` (n,) float64 are the rows' distances from the centroid. `original` (n,) holds for every
    row the first row that equals it bit for bit.
    """

    rows: Tensor
    centroid: Tensor
    stored: bool
    mean: ExactMean
    distances: Tensor
    original: Tensor


def measure_rows(rows: Tensor, centroid: Tensor | None, mean: ExactMean | None = None) -> MeasuredRows:
    """Measure rows (n, d), float32 or float64, from the stored `centroid` (d,), or from their mean where it is
    None.

    `mean` is the rows' mean, if it is known. All arithmetic is float64; the workspace is a few MB and a few
    n-vectors. Raises InputError as `refuse_too_large` does.
    """
    refuse_too_large(rows)
    if centroid is not None:
        refuse_too_large(centroid, "The stored centroid holds")
    mean = exact_mean(rows) if mean is None else mean
    middle = mean.nearest if centroid is None else centroid.to("cpu").to(torch.float64)
    return MeasuredRows(
        rows=rows,
        centroid=middle,
        stored=centroid is not None,
        mean=mean,
        distances=row_norms(rows, middle),
        original=first_equal(rows, torch.arange(len(rows), dtype=torch.int64, device="cpu")),
    )


def analyse(measured: MeasuredRows, i: int, j: int, distance: float) -> Analysed:
    """The analysis of the pair i, j at this `distance`, and of the cluster."""
    rows = measured.rows
    centre, row_i, row_j = measured.centroid.tolist(), rows[i].tolist(), rows[j].tolist()
    first, second = measure(i, row_i, centre), measure(j, row_j, centre)
    outlier, other = outlier_first(first, second)
    mean = measured.mean
    from_mean = summary(row_norms(rows, mean.nearest, mean.rest)) if measured.stored else None
    centroid_norm = length(measured.centroid)
    return Analysed(
        i=i,
        j=j,
        outlier=outlier,
        other=other,
        both_far=both_far(first, second, centroid_norm),
        mean_distance=(first.distance + second.distance) / 2,
        centroid_norm=centroid_norm,
        triangle=triangle(row_i, row_j, centre, distance),
        norms=summary(row_norms(rows)),
        distances=summary(measured.distances),
        centroid_offset=mean.distance(centre) if measured.stored else None,
        distances_from_mean=from_mean,
        copies=copies(measured.original),
        histogram=histogram(measured.distances),
    )


def refuse_too_large(numbers: Tensor, what: str = "The embeddings hold") -> None:
    """Raise InputError where the numbers of rows (n, d) or a point (d,) are so large that distances overflow
    float64. `what` begins the sentence."""
    if numbers.dtype == torch.float64 and (top := largest(numbers)) > _TOO_LARGE:
        raise InputError(f"{what} numbers as large as {top:.0e}, too large for float64 arithmetic.")
