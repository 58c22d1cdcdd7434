"""The search as a library: for a notebook, with no terminal, no process and no files.

Rows are a finite tensor or numpy array (n, d), n >= 2; a CUDA tensor is searched on its device. Rows are never
written to. Answers are exact: the farthest pair is the farthest in exact arithmetic, the smallest (i, j) among
equals. Distances |x_i - x_j| are float64 with a relative error below 4 gamma(d + 2).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .analysis.cluster_analysis import cluster_analysis
from .analysis.farthest_pairs import farthest_pairs as farthest_pairs_of
from .analysis.outlier_ladder import outlier_ladder
from .analysis.plan import plan_for
from .device import choose_device
from .errors import InputError
from .events import BatchDone, FarthestPairs, PairFound
from .journal.record import RunRecord
from .models.loader import Rows as Cluster
from .models.loader import fingerprint_of
from .models.token_names import TokenNames
from .report.analysis import Analysis
from .run_settings import AUTO, DEFAULTS, RunSettings
from .run_settings import checked as checked_settings
from .search.arrays import Rows, checked, checked_point, whole_number
from .search.block_sizes import blocks_for
from .search.isolation import apart
from .search.search import search_here
from .text.numbers import count

__all__ = [
    "Analysis",
    "Eccentricities",
    "FarPair",
    "Rows",
    "RunSettings",
    "analyse",
    "eccentricities",
    "farthest_pair",
    "farthest_pairs",
    "outlier_ladder",
]

_FORMATS = {"float16": "F16", "bfloat16": "BF16", "float32": "F32"}  # others are searched as float64
_HASHED_AT_ONCE = 1 << 20  # numbers


@dataclass(frozen=True)
class FarPair:
    """Rows i < j and the distance between them."""

    i: int
    j: int
    distance: float


@dataclass(frozen=True)
class Eccentricities:
    """The farthest distance of each row.

    `distance` (n,) float64 is the distance from each row to its farthest row, `partner` (n,) int64 the index of
    that row, the smallest among equals.
    """

    distance: Tensor
    partner: Tensor


def farthest_pair(rows: Rows, precision: str = AUTO) -> PairFound:
    """The two rows farthest apart, with their certificate: the error bound, the number of ties and the runner-up.

    Parameters
    ----------
    rows : Tensor or ndarray, shape (n, d)
        Numbers of any float or integer dtype, n >= 2, all finite.
    precision : {"auto", "float32", "tf32", "bfloat16", "int8"}
        The format of the matrix products that discard pairs; every format gives the same answer. "auto" is the
        format that a CPU is measured to multiply fastest, and float32 on other devices.

    Returns
    -------
    PairFound
        The pair `i` < `j`, its `distance` and its certificate; `farpair.verify` checks it.

    Raises
    ------
    InputError
        Where rows are not (n, d) numbers with n >= 2 and d >= 1, or not all finite, or `precision` is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from farpair import farthest_pair
    >>> pair = farthest_pair(np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]]))
    >>> pair.i, pair.j, pair.distance, pair.ties
    (0, 1, 5.0, 1)
    """

    def found() -> PairFound:
        x = checked(rows)
        *_, last = search_here(x, RunSettings(precision=precision))
        assert isinstance(last, PairFound)
        return last

    return apart(found)


def farthest_pairs(rows: Rows, k: int) -> list[FarPair]:
    """The k farthest pairs, farthest first. Each copy of a row counts as a row.

    Parameters
    ----------
    rows : Tensor or ndarray, shape (n, d)
        As for `farthest_pair`.
    k : int
        How many pairs, 1 or more.

    Returns
    -------
    list of FarPair
        k pairs, or all n (n - 1) / 2 where there are fewer; among equal distances the smaller (i, j) comes first.

    Raises
    ------
    InputError
        As `farthest_pair` does, or where k is not a whole number of 1 or more.

    Examples
    --------
    >>> import numpy as np
    >>> from farpair import farthest_pairs
    >>> for pair in farthest_pairs(np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]), k=2):
    ...     print(pair)
    FarPair(i=0, j=1, distance=5.0)
    FarPair(i=1, j=2, distance=4.242640687119285)
    """
    k = whole_number(k, "k")
    if k < 1:
        raise InputError(f"k is {k}: ask for one pair or more.")
    return apart(lambda: _farthest_pairs(checked(rows), k))


def _farthest_pairs(x: Tensor, k: int) -> list[FarPair]:
    *_, last = farthest_pairs_of(x, k, x.device, blocks_for(x.device, *x.shape))
    assert isinstance(last, FarthestPairs)
    return [FarPair(pair.i, pair.j, pair.distance) for pair in last.pairs]


def eccentricities(rows: Rows) -> Eccentricities:
    """The distance from each row to its farthest row, and the index of that row.

    Parameters
    ----------
    rows : Tensor or ndarray, shape (n, d)
        As for `farthest_pair`.

    Returns
    -------
    Eccentricities
        `distance` (n,) float64 and `partner` (n,) int64, on the CPU; among equally far rows the first.

    Raises
    ------
    InputError
        As `farthest_pair` does.

    Examples
    --------
    >>> import numpy as np
    >>> from farpair import eccentricities
    >>> found = eccentricities(np.array([[0.0], [1.0], [5.0]]))
    >>> found.distance.tolist(), found.partner.tolist()
    ([5.0, 4.0, 5.0], [2, 2, 0])
    """
    return apart(lambda: _eccentricities(checked(rows)))


def _eccentricities(x: Tensor) -> Eccentricities:
    distance = torch.empty(len(x), dtype=torch.float64, device="cpu")
    partner = torch.empty(len(x), dtype=torch.int64, device="cpu")
    for event in search_here(x, RunSettings(batch=1)):
        if isinstance(event, BatchDone):
            distance[event.batch] = event.maximum
            partner[event.batch] = event.j if event.i == event.batch else event.i
    return Eccentricities(distance, partner)


def analyse(
    rows: Rows,
    centroid: Rows | None = None,
    token_ids: Sequence[int] | Rows | None = None,
    texts: Sequence[str | None] | None = None,
    settings: RunSettings = DEFAULTS,
) -> Analysis:
    """The full analysis of a cluster, as a run makes it.

    It holds the farthest pair with its certificate, the maximum of every batch, the pair's outliers and triangle,
    the cluster's statistics, its bit-identical rows, and the outlier ladder. The calling thread does all the work;
    no file is written.

    Parameters
    ----------
    rows : Tensor or ndarray, shape (n, d)
        The embeddings of the cluster's tokens, as for `farthest_pair`.
    centroid : Tensor or ndarray, shape (d,), optional
        The point from which rows are measured; by default the rows' mean.
    token_ids : sequence of int, length n, optional
        The rows' token ids, 0 or more; by default a token's id is its row's index.
    texts : sequence of str or None, length n, optional
        The tokens' texts, None where unknown. Any text is allowed; it is shown escaped. Needs `token_ids`.
    settings : RunSettings, optional
        The batch size, the device ("auto" is the one that holds the rows), and so on; `threads` has no effect.

    Returns
    -------
    Analysis
        A notebook shows it as a report; `to_dict()` has the keys of `farpair schema`.

    Raises
    ------
    InputError
        As `farthest_pair` does; where a norm overflows float64; where `centroid`, `token_ids` or `texts` do not
        fit the rows; or where a setting is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from farpair import analyse
    >>> found = analyse(np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]]), token_ids=[7, 8, 20])
    >>> found.pair.i.id, found.pair.j.id, found.pair.distance
    (7, 8, 5.0)
    >>> found.certificate.ties, found.duplicates.distinct
    (1, 3)
    >>> round(found.triangle.at_centroid, 3)
    176.878
    >>> [rung.diameter for rung in found.ladder.rungs]
    [5.0, 1.4142135623730951]
    """

    def found() -> Analysis:
        x, asked = checked(rows), checked_settings(settings)
        cluster, names = _cluster(rows, x, centroid, token_ids, texts)
        device = x.device if asked.device == AUTO else choose_device(asked.device)
        plan, record = plan_for(cluster, asked, device), RunRecord()
        record.apply(0.0, plan.started)
        for warned in plan.warnings():
            record.apply(0.0, warned)
        steps = cluster_analysis(x, cluster.centroid, plan.resolved, plan.blocks, only_read=True)
        for event in steps:
            for told in (*(names.before(event) if names else ()), event):
                record.apply(0.0, told)
        return Analysis(record)

    return apart(found)


def _cluster(
    rows: Rows, x: Tensor, centroid: Rows | None, token_ids: Any, texts: Sequence[str | None] | None
) -> tuple[Cluster, TokenNames | None]:
    """The checked rows x (n, d) as a cluster, and its tokens' names where ids are given.

    The fingerprint is that of a file with the same token ids that stores the same numbers in the dtype of `rows`.
    """
    n, d = x.shape
    ids = list(range(n)) if token_ids is None else _checked_ids(token_ids, n)
    if texts is not None and token_ids is None:
        raise InputError("texts are given without token_ids: a token is told by both.")
    if texts is not None and (len(texts) != n or not all(text is None or isinstance(text, str) for text in texts)):
        raise InputError(f"texts must be {count(n)} strings, one for each row.")
    wide = "F64" if x.dtype == torch.float64 else "F32"
    dtype = _FORMATS.get(str(getattr(rows, "dtype", "")).removeprefix("torch."), wide)
    stored = {"F16": torch.float16, "BF16": torch.bfloat16}.get(dtype, x.dtype)
    fingerprint = fingerprint_of(dtype, ids, d)
    step = max(1, _HASHED_AT_ONCE // d)
    for start in range(0, n, step):
        block = x[start : start + step].to("cpu").to(stored).contiguous()
        fingerprint.update(block.view(torch.uint8).numpy().data)
    middle = None if centroid is None else checked_point(centroid, d, "centroid")
    cluster = Cluster(x, ids, middle, n, dtype, (), (), fingerprint.hexdigest())
    names = None if token_ids is None else TokenNames(ids, texts.__getitem__ if texts is not None else _no_text)
    return cluster, names


def _no_text(_row: int) -> None:
    """The text of a token where none is known: None."""


def _checked_ids(token_ids: Any, n: int) -> list[int]:
    """Token ids as a list. Raises InputError where they are not n whole numbers of 0 or more."""
    given = token_ids.tolist() if hasattr(token_ids, "tolist") else token_ids
    try:
        ids = [whole_number(value, f"token_ids[{place}]") for place, value in enumerate(given)]
    except TypeError:
        raise InputError("token_ids must be whole numbers, one for each row.") from None
    if len(ids) != n:
        raise InputError(f"token_ids are {count(len(ids))}: there must be {count(n)}, one for each row.")
    if not all(0 <= one < 2**63 for one in ids):
        raise InputError("token_ids must be whole numbers from 0 to 2^63 - 1.")
    return ids
