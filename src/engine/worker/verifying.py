"""The independent check of a kept run: its rows are read again, its claims checked, and the verdict journalled.

`python -m farpair.engine.worker.verifying RUN_FOLDER` does so for the app: it prints the percentage checked, one
number a line, and exits with 0 where the verdict was kept, else with 2 and the reason on stderr.
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
    """Check the pair and the batches that `run` found; yields the progress of the check, and last its verdict.

    Raises InputError where the run has not ended, found no pair, or searched other rows than its files hold now.
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
    """Append a verdict to the journal of a run that has ended; return its time there. Raises JournalError.

    Only one check writes at a time, because a writer removes what looks like a torn line.
    """
    with open_regular(run.journal) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with closing(JournalWriter(run.journal)) as writer:
            return writer.append(verified)


def main(arguments: list[str]) -> int:
    """Check the run in the folder that `arguments` name; return the exit code."""
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
