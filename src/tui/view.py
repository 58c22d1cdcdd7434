"""What the screen shows of one model: the record of its newest run and the state of that run."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from ..engine.events import AnyEvent, BatchBound, BatchDone, RunStarted
from ..engine.journal.record import BatchRecord, RunRecord
from ..engine.models.discovery import Model
from ..engine.run_settings import DEFAULTS, RunSettings
from ..engine.text.numbers import size
from ..keymap import KEYS

Stage = Literal[
    "no models",
    "broken",
    "new",
    "queued",
    "starting",
    "searching",
    "paused",
    "analysing",
    "done",
    "stopped",
    "terminated",
    "failed",
    "died",
]


class Settings(msgspec.Struct, frozen=True):
    """The settings of the next run, the folders that were searched for models, with ":" between them, and the keys
    of each action.

    `first` is whether no model of the user's own was found there.
    """

    run: RunSettings = DEFAULTS
    tensors: str | None = None
    first: bool = False
    keys: Mapping[str, str] = msgspec.field(default_factory=lambda: {key.id: key.shown for key in KEYS})

    @property
    def more(self) -> str:
        """The other settings of the next run, as the end of a sentence; "" where the engine chooses all of
        them."""
        others = {name: value for name, value in self.run.changed.items() if name not in ("batch", "device")}
        given = ", ".join(_said(name, value) for name, value in others.items())
        return f"; {given}" if given else ""

    def key(self, action: str) -> str:
        """The key of an action of the table in `keys`, as it is shown."""
        return self.keys[action]


def _said(name: str, value: int | str | bool) -> str:
    if value is True:
        return name
    return f"{name} {size(int(value)) if name == 'memory' else value}"


class View(msgspec.Struct, frozen=True):
    """A model (None: none was found), its newest run's record (None: it has none), and the settings.

    `crash` says how the engine died, where it did. `newest` is the batch settled last, `best` the one with
    the largest maximum or lower bound so far. `looked` is whether earlier runs of the model have been looked for,
    `changed` what became since of a file that the run had read. `replay` says that what is shown is one. `chosen`
    is the batch whose pair the panels show, None for the whole cluster's. `checking` is how far an independent
    check of the run is, "" where none is going on.
    """

    model: Model | None
    record: RunRecord | None = None
    crash: str | None = None
    newest: int | None = None
    best: BatchRecord | None = None
    looked: bool = True
    changed: str | None = None
    replay: str = ""
    chosen: int | None = None
    checking: str = ""
    settings: Settings = Settings()

    @property
    def stage(self) -> Stage:
        """The state of the model and its run."""
        if self.model is None:
            return "no models"
        if self.record is None:
            return "broken" if self.model.problem else "new"
        if self.crash is not None:
            return "died"
        return self.record.state

    @property
    def resumable(self) -> bool:
        """Whether the run was cut short after settling batches that another run can take over."""
        cut_short = self.stage in ("died", "stopped", "terminated", "failed") and not self.replay
        return cut_short and self.record is not None and self.record.resume_point is not None

    @property
    def going(self) -> bool:
        """Whether a run of the model has begun and not ended."""
        return self.stage in ("queued", "starting", "searching", "paused", "analysing")


def leading(record: RunRecord, best: BatchRecord | None, event: AnyEvent) -> BatchRecord | None:
    """The batch with the largest maximum or bound after `event`, `best` before it; the first among equals."""
    if isinstance(event, RunStarted):
        return None
    if not isinstance(event, (BatchBound, BatchDone)):  # not `|`, which makes a union each time
        return best
    row = record.batches[event.batch]
    if best is None or row is best or row.value is None or best.value is None:
        return row
    return row if (row.value, -row.batch) > (best.value, -best.batch) else best


def fraction(record: RunRecord) -> float:
    """How much of the search is settled, 0 … 1: by pairs where they are counted, else by batches."""
    if record.pair:
        return 1.0
    if record.progress and record.progress.pairs:
        return min(record.progress.settled / record.progress.pairs, 1.0)
    return record.batches_done / len(record.batches) if record.batches else 0.0


def percent(share: float) -> str:
    """A share as a whole percentage, which is 100 only when nothing is left."""
    return f"{min(int(share * 100), 99 if share < 1 else 100)}%"
