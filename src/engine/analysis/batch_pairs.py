"""Measures the pairs of settled batches as the farthest pair is measured, during the search and after it.

During the search, measuring takes at most a hundredth of its time. The remaining pairs are measured after the
analysis of the farthest pair.
"""

import time
from collections import deque
from collections.abc import Iterator
from functools import cached_property
from typing import Final

import torch
from torch import Tensor

from ..events import BatchDone, Measured, PairTriangle, TokenMeasure
from .geometry import length, measures, triangles
from .pair_analysis import refuse_too_large
from .stats import ExactMean, exact_mean

_SHARE: Final = 0.01  # the largest share of the search's time
_FROM: Final = 1.0  # seconds of a search before the first measurement
_IN_PASSING, _AT_THE_END = 16, 64  # pairs in an event, during the search and after it


class BatchPairs:
    """Measures the pairs that attain the maxima of settled batches, each pair and each row once.

    `rows` (n, d) are float32 or float64. `centroid` (d,) is the stored one, or None for the rows' mean. The
    workspace is that of `_AT_THE_END` triangles (see `geometry.triangles`). Raises InputError as
    `pair_analysis.measure_rows` does.
    """

    def __init__(self, rows: Tensor, centroid: Tensor | None) -> None:
        self._rows, self._stored = rows, centroid
        self._waiting: deque[tuple[int, int]] = deque()
        self._apart: dict[tuple[int, int], float] = {}
        self._measured: set[int] = set()
        self._next = time.perf_counter() + _FROM

    @cached_property
    def mean(self) -> ExactMean:
        """The rows' mean, unrounded."""
        return exact_mean(self._rows)

    def settled(self, event: BatchDone) -> None:
        """Queue the pair of a settled batch."""
        pair = event.i, event.j
        if pair not in self._apart:
            self._apart[pair] = event.maximum
            self._waiting.append(pair)

    def in_passing(self) -> Iterator[Measured]:
        """Measure a few of the queued pairs, if that keeps within the share of the search's time."""
        if not self._waiting or time.perf_counter() < self._next:
            return
        _ = self._centre  # computed before the clock starts, because the analysis needs it in any case
        began = time.perf_counter()
        measured = self._measure(_IN_PASSING)
        ended = time.perf_counter()
        self._next = ended + (ended - began) / _SHARE
        yield measured

    def all_left(self) -> Iterator[Measured]:
        """Measure every queued pair."""
        while self._waiting:
            yield self._measure(_AT_THE_END)

    @cached_property
    def _centre(self) -> Tensor:
        refuse_too_large(self._rows)
        if self._stored is None:
            return self.mean.nearest
        refuse_too_large(self._stored, "The stored centroid holds")
        return self._stored.to("cpu").to(torch.float64)

    def _is_new(self, row: int) -> bool:
        known = row in self._measured
        self._measured.add(row)
        return not known

    def _measure(self, most: int) -> Measured:
        pairs = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        i, j = torch.tensor(pairs, dtype=torch.int64, device="cpu").T
        rows_i, rows_j = (self._rows[at.to(self._rows.device)].cpu().to(torch.float64) for at in (i, j))
        apart = [self._apart[pair] for pair in pairs]
        tokens: list[TokenMeasure] = []
        for indices, rows in ((i.tolist(), rows_i), (j.tolist(), rows_j)):
            new = [place for place, index in enumerate(indices) if self._is_new(index)]
            tokens += measures([indices[place] for place in new], rows[new], self._centre)
        shapes = zip(pairs, triangles(rows_i, rows_j, self._centre, apart), strict=True)
        return Measured(
            centroid_norm=length(self._centre),
            tokens=tuple(tokens),
            pairs=tuple(PairTriangle(i=a, j=b, triangle=shape) for (a, b), shape in shapes),
        )
