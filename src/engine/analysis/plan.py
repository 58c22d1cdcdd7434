"""Plans a search: the device, the precision and the block sizes that follow from the settings."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from ..device import device_name
from ..errors import InputError
from ..events import MOST_BATCHES, RunStarted, Warned
from ..models.loader import Rows
from ..run_settings import AUTO, RunSettings
from ..search.block_sizes import Blocks, blocks_for
from ..search.precision import choose_precision
from ..text.numbers import count, size


@dataclass(frozen=True)
class Plan:
    """The plan for the rows of `cluster`: the device, the block sizes, and the RunStarted event, `started`."""

    cluster: Rows
    settings: RunSettings
    device: torch.device
    blocks: Blocks
    started: RunStarted

    @property
    def resolved(self) -> RunSettings:
        """The settings, with the chosen device and precision."""
        return replace(self.settings, device=str(self.device), precision=self.started.precision)

    def warnings(self) -> Iterator[Warned]:
        """Warnings about settings that cannot be met."""
        asked, started = self.settings, self.started
        if asked.precision not in (AUTO, started.precision):
            said = f"Pairs are screened in {started.precision}, {started.precision_reason}."
            yield Warned(kind="device", message=said)
        if 0 < asked.memory < started.memory:
            most = f"At most {size(asked.memory)} of memory is requested"
            needs = f"and the search needs {size(started.memory)} beyond the rows"
            yield Warned(kind="memory", message=f"{most}, {needs}.")


def plan_for(cluster: Rows, settings: RunSettings, device: torch.device, before: str = "") -> Plan:
    """The plan for searching `cluster` on `device`. `before` is the precision of the run that is resumed; it is
    used where the settings leave the precision to the engine.

    Raises InputError where batches are so small that there are too many.
    """
    n, d = cluster.rows.shape
    chosen = choose_precision(settings, device, terms=n * n * d, before=before)
    batches = -(-n // settings.batch)
    if batches > MOST_BATCHES:
        raise InputError(
            f"batch: {settings.batch} makes {count(batches)} batches of {count(n)} rows, and a run has at most "
            f"{count(MOST_BATCHES)}; take more rows in a batch."
        )
    blocks = blocks_for(device, n, d, settings.memory)
    started = RunStarted(
        files=cluster.files,
        fingerprint=cluster.fingerprint,
        vocabulary=cluster.vocabulary,
        n=n,
        d=d,
        dtype=cluster.dtype,
        device=str(device),
        device_name=device_name(device),
        batch=settings.batch,
        batches=batches,
        memory=blocks.bytes(n, d, batches),
        centroid="mean" if cluster.centroid is None else "stored",
        torch=str(torch.__version__),
        precision=chosen.name,
        precision_reason=chosen.why,
    )
    return Plan(cluster, settings, device, blocks, started)
