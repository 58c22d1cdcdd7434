"""Follows a model's newest run: reads its journal as it grows, folds its events, and notices its engine's death.

It is imported after the first paint, because its own imports take time.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ..engine.errors import FarpairError
from ..engine.events import BatchDone, RunRequest
from ..engine.journal.reader import read_kept
from ..engine.journal.record import BatchRecord, RunRecord
from ..engine.journal.replay import ReplayTail
from ..engine.models.discovery import Model, model_of, with_other_matrix
from ..engine.models.source_files import changed_since
from ..engine.report.sentences import checked
from ..engine.runs import control, folders
from ..engine.runs.follower import Follower
from ..engine.runs.latest import latest_runs
from ..engine.runs.request import request_for, request_of
from ..engine.runs.standby import Standby
from ..engine.text.escape import visible
from .checks import Check, Said
from .view import Settings, View, leading

# Seconds between two reads of a journal: the first after a request to the engine, while there is news, and while
# there is none. A screen that changed more often could not be read.
SOON: Final = 0.05
PERIOD: Final = 1 / 3
SELDOM: Final = 0.5
# The same in a run's first second, in which most runs end: while there is news, and while there is none.
YOUNG_SECONDS: Final = 1.0
YOUNG_PERIOD: Final = 0.1
YOUNG_SOON: Final = 0.02
PATIENCE: Final = 3  # reads without news after which the engine is looked for


async def find_runs(watched: "Sequence[Watched]") -> list[folders.Run | None]:
    """The run to show of each model, from one listing of this user's runs."""
    return await asyncio.to_thread(latest_runs, [one.request for one in watched])


class Watched:
    """One model and its newest run; `view` is what to show of it."""

    def __init__(self, model: Model, *, looked: bool = False) -> None:
        self.model = model
        self.crash: str | None = None
        self.newest: int | None = None
        self.best: BatchRecord | None = None
        self.looked = looked
        self.changed: str | None = None
        self.check_of: Check | None = None
        self._follower: Follower | None = None
        self._quiet = 0
        self._pace = PERIOD
        self._taken_at = 0.0
        self._asked = asyncio.Event()

    @classmethod
    def of_replay(cls, run: folders.Run, speed: float) -> "Watched":
        """A replay: the run's events at the times they happened. Raises RunError where its request is lost."""
        watched = cls(model_of(request_of(run)), looked=True)
        watched.take(run, speed)
        return watched

    @property
    def run(self) -> folders.Run | None:
        """The run that is followed."""
        return self._follower.run if self._follower else None

    @property
    def record(self) -> RunRecord | None:
        """What the run's journal says so far."""
        return self._follower.record if self._follower else None

    @property
    def replay(self) -> ReplayTail | None:
        """The replay, where the run is replayed and not followed."""
        return self._follower.replay if self._follower else None

    @property
    def going(self) -> bool:
        """Whether more events may come."""
        return self.record is not None and self.record.ended is None and self.crash is None

    @property
    def working(self) -> bool:
        """Whether there is an engine to stop or to pause."""
        return self.going and self.replay is None

    @property
    def request(self) -> RunRequest | None:
        """The request for a run of this model; None where it cannot be run."""
        try:
            return request_for(self.model)
        except FarpairError:
            return None

    def view(self, settings: Settings) -> View:
        """What the screen shows of it."""
        return View(
            model=self.model,
            record=self.record,
            crash=self.crash,
            newest=self.newest,
            best=self.best,
            changed=self.changed,
            replay=_replay_words(self.replay),
            looked=self.looked,
            checking=self.check_of.progress if self.check_of else "",
            settings=settings,
        )

    async def of_other_matrix(self) -> "Watched | None":
        """The same model with its other matrix, and the newest run of that; None where it stores only one
        matrix."""
        model = await asyncio.to_thread(with_other_matrix, self.model)
        if model is None:
            return None
        other = Watched(model)
        (run,) = await find_runs([other])
        await other.find(run)
        return other

    async def find(self, run: folders.Run | None) -> None:
        """Show the `run` that was found of this model, if there is one and no other was started meanwhile."""
        if run is not None and self.run is None:
            await self.take_up(run)
        self.looked = True

    async def take_up(self, run: folders.Run) -> None:
        """Show `run` as far as its journal goes. A run that cannot be read is shown as dead, with the reason."""
        self.take(run)
        await self.look()
        await self.look_for_the_engine()
        started = self.record.started if self.record else None
        if started and not self.going:
            self.changed = await asyncio.to_thread(changed_since, started.files)

    def start(self, settings: Settings, standby: Standby | None = None) -> None:
        """Start a run, in the `standby` engine where it is ready.

        Raises InputError for a model that cannot be run, RunError where no engine starts.
        """
        self.take(control.start(request_for(self.model, settings.run), standby))
        self.looked = True

    def resume(self, standby: Standby | None = None) -> bool:
        """Resume this run in a new one; False where it was not cut short. Raises RunError as `start` does."""
        run, record = self.run, self.record
        if run is None or record is None or not self.view(Settings()).resumable:
            return False
        self.take(control.start(msgspec.structs.replace(request_of(run), resumes=run.id), standby))
        return True

    def take(self, run: folders.Run, speed: float | None = None) -> None:
        """Follow `run` from its first event, or replay it with a `speed`."""
        if self._follower:
            self._follower.close()
        self._follower = Follower(run, speed)
        self.crash, self.changed, self.newest, self.best = None, None, None, None
        self._taken_at, self._quiet = time.monotonic(), 0

    async def watch(self, changed: Callable[[], None]) -> None:
        """Follow the run until it has ended or its engine has died; `changed` is called after each change."""
        while self.going:
            run = self.run
            new = await self.look()
            if not new and self._quiet >= PATIENCE:
                self._quiet = 0
                new = await self.look_for_the_engine()
            if run is not self.run:
                return  # another run was started, which another call follows
            if new:
                changed()
            if time.monotonic() - self._taken_at < YOUNG_SECONDS:
                self._pace = YOUNG_PERIOD if new else YOUNG_SOON
            else:
                self._pace = PERIOD if new else min(2 * max(self._pace, SOON), SELDOM)
            await self._next_look()

    async def _next_look(self) -> None:
        """Wait until it is time to read again, or until something was asked of the engine."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), self._pace)
            self._asked.clear()
            self._pace = SOON
            await asyncio.sleep(SOON)

    async def look(self) -> bool:
        """Read what is new in the journal; whether there was anything."""
        follower = self._follower
        if follower is None:
            return False
        anything = False
        try:
            while events := await follower.read():
                if follower is not self._follower:
                    return False
                for event in events:
                    self.best = leading(follower.record, self.best, event)
                    if isinstance(event, BatchDone):
                        self.newest = event.batch
                anything = True
        except FarpairError as error:
            self.crash = f"{visible(str(error))} What was read before it is shown."
            return True
        except Exception as fault:  # an unforeseen journal must not bring the screen down
            self.crash = f"The journal of this run cannot be shown: {visible(repr(fault))}."
            return True
        self._quiet = 0 if anything else self._quiet + 1
        return anything

    async def look_for_the_engine(self) -> bool:
        """Whether the engine is found to have died; `crash` says how."""
        follower = self._follower
        if follower is None or not self.going:
            return False
        sentence = await asyncio.to_thread(follower.crash)
        if sentence is None or follower is not self._follower:
            return False
        await self.look()  # what it wrote last
        if follower.record.ended is None:
            self.crash = sentence
        return True

    @property
    def uncheckable(self) -> str:
        """Why what the run found cannot be checked now, in a sentence; "" where it can be."""
        record = self.record
        if self.replay:
            return "This is a replay; open its run from the list of runs to check it."
        if self.check_of:
            return "This run is being checked."
        if record is None or self.going:
            return "This run is not done yet; when it is, it can be checked."
        if record.pair is None or record.ended is None or record.ended.outcome != "done":
            return "This run was not done, so there is nothing to check."
        return ""

    async def check(self, changed: Callable[[], None]) -> Said:
        """Check what the run found, in a separate process; the result in a sentence."""
        run = self.run
        assert run is not None, "there is a run to check"
        self.check_of = check = Check(run)
        changed()
        try:
            problem = await check.to_its_end(changed)
        finally:
            self.check_of = None
            changed()
        if run is not self.run:
            record, _ = await asyncio.to_thread(read_kept, run.journal)
        else:
            await self.look()
            changed()
            record = self.record or RunRecord()
        if problem or record.verified is None:
            return Said(problem or "The check came to no verdict.", False)
        words = " ".join(checked(record.verified, None))
        return Said(words, record.verified.confirmed)

    def stop(self) -> None:
        """Ask the engine to stop. Raises RunError where it cannot be reached."""
        if self.run is not None and self.record is not None:
            control.stop(self.run, self.record)
            self._asked.set()

    def pause_or_go_on(self) -> None:
        """Ask the engine to pause, or to resume where it is paused. Raises RunError where it cannot be reached."""
        if self.run is None or self.record is None:
            return
        if self.replay:
            self.replay.pause_or_go_on()
        elif self.record.paused:
            control.go_on(self.run, self.record)
        else:
            control.pause(self.run, self.record)
        self._asked.set()


def _replay_words(replay: ReplayTail | None) -> str:
    if replay is None:
        return ""
    return "replay, paused" if replay.paused else f"replay × {replay.speed:g}"
