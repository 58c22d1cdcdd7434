"""`farpair.verify`: checks the result of a search by other arithmetic than the search's."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..errors import InputError
from ..events import BatchDone, PairFound
from .checker import check
from .claims import Checked, Claim, Claims, Verdict


def verify(
    rows: Any, result: PairFound, batches: Iterable[BatchDone] | None = None, sample: int | None = None
) -> Verdict:
    """Check the `result` of `farthest_pair` for rows (n, d): the pair, its ties, and the runner-up, by all pairs.

    `rows` is the numpy array or torch tensor that was searched. The maxima of `batches` are checked too. With a
    `sample`, only that many rows (always the same ones) are compared with all rows; this can refute a claim, but
    not confirm it. Raises InputError where rows are not (n, d) finite floats with n >= 2 and d >= 1, or `sample`
    is less than 1.
    """
    *_, verdict = checking(rows, result, batches or (), sample=sample)
    assert isinstance(verdict, Verdict)
    return verdict


def checking(
    rows: Any,
    pair: PairFound,
    batches: Iterable[BatchDone],
    *,
    batch: int | None = None,
    sample: int | None = None,
) -> Iterator[Checked | Verdict]:
    """Check as `verify` does, step by step: yields the progress, and last the Verdict.

    `batch` is the number of rows in a batch; where it is given, `batches` must hold every batch, as in a finished
    run. Otherwise `batches` may hold only some, and the number of rows in a batch follows from them.
    """
    x, done = plain_rows(rows), list(batches)
    if sample is not None and sample < 1:
        raise InputError(f"sample is {sample}: a sample has one row or more.")
    size = batch or next((one.start // one.batch for one in done if one.batch), len(x))
    runner_up = None
    if pair.runner_up is not None and pair.runner_up_i is not None and pair.runner_up_j is not None:
        runner_up = Claim(pair.runner_up_i, pair.runner_up_j, pair.runner_up)
    claims = Claims(
        Claim(pair.i, pair.j, pair.distance),
        pair.error,
        pair.ties,
        runner_up,
        size,
        tuple((one.batch, Claim(one.i, one.j, one.maximum)) for one in done),
    )
    claimed = {number for number, _ in claims.batches}
    missing = [number for number in range(-(-len(x) // size)) if number not in claimed] if batch else []
    for step in check(x, claims, sample):
        if missing and isinstance(step, Verdict):
            others = f" and of {len(missing) - 1:,} more" if len(missing) > 1 else ""
            said = f"The maximum of batch {missing[0]}{others}: none is claimed."
            step = replace(step, confirmed=False, refutations=(said, *step.refutations))
        yield step


def plain_rows(rows: Any) -> np.ndarray[Any, Any]:
    """Rows (n, d) as a numpy array of float32 or float64 with the same numbers. Raises InputError as `verify`."""
    if hasattr(rows, "detach"):  # a torch tensor, recognised without importing torch
        rows = rows.detach().cpu()
        rows = (rows if str(rows.dtype) == "torch.float64" else rows.float()).numpy()
    x = np.asarray(rows)
    if x.ndim != 2 or x.dtype.kind != "f" or x.dtype.itemsize > 8 or len(x) < 2 or x.shape[1] < 1:
        raise InputError(
            f"rows have shape {x.shape} and dtype {x.dtype}: they must be (n, d) floats, n >= 2 and d >= 1."
        )
    x = np.ascontiguousarray(x, dtype=np.float64 if x.dtype.itemsize == 8 else np.float32)
    for start in range(0, len(x), 1024):
        if not np.isfinite(x[start : start + 1024]).all():
            raise InputError("rows hold a NaN or an infinity.")
    return x
