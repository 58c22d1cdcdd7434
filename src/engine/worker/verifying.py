"""The independent check of a stored run: reads its rows again, checks its claims, and appends the verdict.

The app runs `python -m farpair.engine.worker.verifying RUN_FOLDER`, which prints the percentage checked, one
number per line. It exits with 0 where the verdict was written, and otherwise with 2 and the reason on stderr.
"""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from ..check.claims import Checked
from ..errors import FarpairError, InputError
from ..events import Verified
from ..files import open_regular
from ..journal.reader import read_kept
from ..journal.writer import JournalWriter
from ..models.source_files import changed_since
from ..runs.folders import Run
from ..text.escape import visible

SAMPLE: Final = 256  # rows


def verifying(run: Run, sample: int | None = None) -> Iterator[Checked | Verified]:
    """Check the pair and the batch maxima that `run` found; yields the progress, and last the verdict.

    Raises InputError where the run has not ended or found no pair, or its files now hold other rows.
    """
    record, error = read_kept(run.journal)
    if error:
        raise InputError(str(error))
    if record.ended is None:
        raise InputError(f"The run {run.id} has not ended, so there is nothing to check yet.")
    if record.engine is None or record.started is None or record.pair is None:
        raise InputError(f"The run {run.id} found no pair, so there is nothing to check.")
    from ..check.checking import checking  # start time
    from ..models.loader import load_rows  # loads torch

    cluster = load_rows(record.engine.request)
    if cluster.fingerprint != record.started.fingerprint:
        changed = changed_since(record.started.files) or "its files hold other rows now"
        raise InputError(f"The run {run.id} cannot be checked: {changed}.")
    for step in checking(cluster.rows, record.pair, record.settled, batch=record.started.batch, sample=sample):
        if isinstance(step, Checked):
            yield step
            continue
        yield Verified(
            confirmed=step.confirmed,
            refutations=step.refutations,
            pairs=step.pairs,
            batches=step.batches,
            sample=step.sample,
        )


def keep(run: Run, verified: Verified) -> float:
    """Append a verdict to the journal of a run that has ended; return the time of its line. Raises JournalError.

    A lock lets only one check write at a time, because a writer removes an incomplete last line.
    """
    with open_regular(run.journal) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with closing(JournalWriter(run.journal)) as writer:
            return writer.append(verified)


def main(arguments: list[str]) -> int:
    """Check the run in the folder `arguments[0]`; return the exit code."""
    folder = Path(arguments[0])
    run, said = Run(folder.name, folder), -1
    try:
        for step in verifying(run):
            if isinstance(step, Verified):
                keep(run, step)
            elif (percent := 100 * step.done // step.pairs) != said:
                said = percent
                print(percent, flush=True)
    except FarpairError as error:
        print(visible(str(error)), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
