"""The outliers of a run: the tokens that the outlier ladder removes before the diameter collapses.

Torch is not imported here.
"""

import msgspec

from ..journal.record import RunRecord


class Outlier(msgspec.Struct, frozen=True):
    """One of the outliers: its `rank` by distance from the centroid, 1 for the farthest, and its row's `index`.

    `norm`, `distance` (from the centroid) and `medians` (the ratio of that to the median distance of all rows) are
    None where the journal of an older version does not have them.
    """

    rank: int
    index: int
    norm: float | None = None
    distance: float | None = None
    medians: float | None = None


def outliers(record: RunRecord) -> tuple[Outlier, ...] | None:
    """The outliers, the farthest first; None where there is no ladder, or it ended before the diameter collapsed.

    Where the journal does not list them and the ladder ended at the collapse, the last outlier may be missing.
    """
    ladder = record.ladder
    if ladder is None or (ladder.outside is None and ladder.left_out is not None):
        return None
    if ladder.outliers:
        return tuple(
            Outlier(rank, one.index, one.norm, one.distance, medians(record, one.distance))
            for rank, one in enumerate(ladder.outliers, 1)
        )
    gone = [rung.removed for rung in ladder.rungs[1 : (ladder.outside or 0) + 1] if rung.removed is not None]
    return tuple(_measured(record, rank, index) for rank, index in enumerate(gone, 1))


def is_outlier(record: RunRecord, index: int) -> bool | None:
    """Whether row `index` is one of the outliers; None until that is known."""
    found = outliers(record)
    return None if found is None else any(one.index == index for one in found)


def medians(record: RunRecord, distance: float) -> float | None:
    """The ratio of a distance from the centroid to the median distance of all rows; None where the median is
    unknown or zero."""
    median = record.analysis.distances.median if record.analysis else 0.0
    times = distance / median if median else None
    return times if times is None or times < float("inf") else None


def _measured(record: RunRecord, rank: int, index: int) -> Outlier:
    known = dict(record.measures)
    if record.analysis:
        known |= {one.index: one for one in (record.analysis.outlier, record.analysis.other)}
    if (one := known.get(index)) is None:
        return Outlier(rank, index)
    return Outlier(rank, index, one.norm, one.distance, medians(record, one.distance))
