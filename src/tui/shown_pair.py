"""The pair whose numbers the panels show: the whole cluster's, or that of a chosen batch."""

from typing import Literal

import msgspec

from ..engine.analysis.criteria import norms_beyond, outlier_first
from ..engine.events import PairFound, TokenMeasure, Triangle
from ..engine.journal.record import BatchRecord, RunRecord
from .view import View


class ShownPair(msgspec.Struct, frozen=True):
    """Rows i < j that are `distance` apart (a lower bound of their batch's maximum where it is not `settled`), and
    their measures.

    `batch` is the chosen batch that the pair belongs to, `found` the certificate of the whole cluster's pair; one
    of them is None.
    """

    i: int
    j: int
    distance: float
    settled: bool
    batch: BatchRecord | None
    found: PairFound | None
    measures: "PairMeasures | None"


class PairMeasures(msgspec.Struct, frozen=True):
    """The token of larger norm and the other, which norms are more than twice the centroid's, and their
    triangle with the centroid."""

    outlier: TokenMeasure
    other: TokenMeasure
    norms_beyond: Literal["both", "larger", "neither"]
    mean_distance: float
    triangle: Triangle


def shown_pair(view: View) -> ShownPair | None:
    """The pair that the panels show of `view`; None while the cluster's, or the chosen batch's, is not known."""
    record = view.record
    if record is None:
        return None
    if view.chosen is not None and view.chosen < len(record.batches):
        return _batch_pair(record, record.batches[view.chosen])
    pair, analysis = record.pair, record.analysis
    if pair is None or analysis is None:
        return None
    first, second = analysis.outlier, analysis.other
    beyond = norms_beyond(first, second, analysis.centroid_norm)
    measures = PairMeasures(first, second, beyond, analysis.mean_distance, analysis.triangle)
    return ShownPair(analysis.i, analysis.j, pair.distance, True, None, pair, measures)


def _batch_pair(record: RunRecord, row: BatchRecord) -> ShownPair | None:
    if row.i is None or row.j is None or row.value is None:
        return None
    return ShownPair(row.i, row.j, row.value, row.done is not None, row, None, _measures(record, row.i, row.j))


def _measures(record: RunRecord, i: int, j: int) -> PairMeasures | None:
    triangle, first, second = record.triangles.get((i, j)), record.measures.get(i), record.measures.get(j)
    if triangle is None or first is None or second is None or record.centroid_norm is None:
        return None
    outlier, other = outlier_first(first, second)
    mean = (first.distance + second.distance) / 2
    return PairMeasures(outlier, other, norms_beyond(first, second, record.centroid_norm), mean, triangle)
