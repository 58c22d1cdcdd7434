"""The app's state: the models, the newest run of each, which model is shown, and the settings of the next run.

It knows no widget. Each change is reported once, with the new view in it.
"""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from ..engine.errors import FarpairError
from ..engine.models.discovery import Model
from ..engine.run_settings import RunSettings
from .view import Settings, View

if TYPE_CHECKING:
    from ..engine.runs.folders import Run
    from ..engine.runs.standby import Standby
    from .monitor import Watched


class Opening(msgspec.Struct, frozen=True):
    """A run to show at once; with a `speed`, it is replayed that many times as fast as it happened."""

    run: "Run"
    speed: float | None = None


class ModelChanged(msgspec.Struct, frozen=True):
    """The run of the model at `index` has new events, or was found, or its engine died: its new view."""

    index: int
    view: View


class AllChanged(msgspec.Struct, frozen=True):
    """Another model is shown, the list of models has changed, or the settings of the next run have.

    `views` are those of all models, in the list's order, `shown` the index of the one that is shown.
    """

    views: tuple[View, ...]
    shown: int


Change = ModelChanged | AllChanged


class Front(Protocol):
    """What the state reports changes and sentences to, and what runs its background work."""

    def changed(self, change: Change) -> None:
        """Show the change."""

    def say(
        self, sentence: str, severity: Literal["information", "error"] = "information", *, seconds: float = 4
    ) -> None:
        """Show a sentence for a few seconds."""

    def in_background(self, work: Coroutine[object, object, None], name: str) -> None:
        """Let `work` go on until the app ends or other work of the same `name` begins."""


class AppState:
    """The models in the list's order, one of them shown; actions apply to that one."""

    def __init__(
        self,
        models: Sequence[Model],
        *,
        front: Front,
        settings: Settings,
        model: str | None = None,
        opening: Opening | None = None,
    ) -> None:
        self.settings = settings
        self.shown = next((n for n, known in enumerate(models) if known.name == model), 0)
        self.keeps_standby = False  # whether a standby engine is kept, so that runs begin at once
        self.watched: list[Watched] = []  # none until `find_runs`, which follows the first paint
        self._models = models
        self._front = front
        self._turned: dict[int, Watched] = {}  # what `show_other_matrix` put aside
        self._opening = opening
        self._standby: Standby | None = None

    def all(self) -> AllChanged:
        """Every view, as one change."""
        return AllChanged(self._views(), self.shown)

    async def find_runs(self) -> None:
        """Find the newest run of every model, the shown model's first, and follow those that are going."""
        from .monitor import Watched, find_runs  # start time

        self.watched = [Watched(model) for model in self._models]
        if self._opening and self._opening.speed is not None:
            self.watched = [Watched.of_replay(self._opening.run, self._opening.speed)]
            self._follow(0)
            self._front.changed(self.all())
            return
        if self._opening:
            await self.show_run(self._opening.run)
        found = await find_runs(self.watched)
        order = sorted(range(len(self.watched)), key=lambda index: index != self.shown)
        for index in order:
            await self.watched[index].find(found[index])
            self._follow(index)
            self._changed(index)
        self._start_standby()

    def close(self) -> None:
        """End what belongs to the app. Runs keep going."""
        if self._standby:
            self._standby.close()

    def use(self, run: RunSettings) -> None:
        """Use these settings for the next run."""
        self.settings = msgspec.structs.replace(self.settings, run=run)
        self._front.changed(self.all())

    def show(self, index: int) -> None:
        """Show another model, if there is one at `index`. Runs keep going."""
        if index != self.shown and index < len(self.watched):
            self.shown = index
            self._front.changed(self.all())

    def step(self, by: int) -> None:
        """Show the model that many places further in the list, which wraps around."""
        if self.watched:
            self.show((self.shown + by) % len(self.watched))

    async def show_other_matrix(self) -> None:
        """Show the shown model's other matrix in its place. Runs keep going."""
        index, watched = self.shown, self._shown
        if watched is None:
            return
        if watched.replay:
            self._front.say("This is a replay; it has no other matrix.")
            return
        other = self._turned.get(index) or await watched.of_other_matrix()
        if other is None:
            self._front.say("This model stores no other matrix.")
        elif self.watched[index] is watched:
            self.watched[index], self._turned[index] = other, watched
            self._follow(index)
            self._changed(index)

    async def show_run(self, run: "Run") -> None:
        """Show a run: in the place of its model's newest, or as a model of its own at the list's end."""
        from ..engine.models.discovery import model_of  # start time
        from ..engine.runs.request import request_of, rows_of  # start time
        from .monitor import Watched  # start time

        try:
            asked = request_of(run)
        except FarpairError as error:
            self._front.say(str(error), "error")
            return
        same = (
            index
            for index, watched in enumerate(self.watched)
            if watched.request and rows_of(watched.request) == rows_of(asked)
        )
        index = next(same, len(self.watched))
        if index == len(self.watched):
            self.watched.append(Watched(model_of(asked), looked=True))
        await self.watched[index].take_up(run)
        self.shown = index
        self._follow(index)
        self._front.changed(self.all())

    def start_run(self, *, anew: bool = False) -> None:
        """Search the shown model, unless it is being searched: resume its unfinished run, or start `anew`."""
        key = self.settings.key
        if (watched := self._shown) is None:
            if not self._models:
                self._front.say("There is no model to search.")
        elif watched.replay:
            self._front.say(f"This is a replay: {key('pause')} pauses it, {key('quit')} quits.")
        elif watched.going:
            self._front.say(f"This model is being searched; {key('stop')} stops it.")
        elif watched.model.problem:
            self._front.say("This model cannot be searched.", "error")
        else:
            self._ask(lambda: self._start(watched, anew=anew))

    def stop_run(self) -> None:
        """Ask the shown model's engine to stop."""
        watched = self._shown
        if watched is None or not watched.working:
            self._front.say("There is no run to stop.")
        else:
            self._ask(watched.stop)

    def pause_run(self) -> None:
        """Ask the shown model's engine to pause or to resume."""
        watched = self._shown
        if watched is None or not watched.going:
            self._front.say("There is no run to pause.")
        elif self._ask(watched.pause_or_go_on) and watched.replay:
            self._changed(self.shown)  # the journal says when the engine has paused

    def check_run(self) -> None:
        """Check independently what the shown run found, if there is anything to check, and show the verdict."""
        watched = self._shown
        if watched is None or watched.record is None:
            self._front.say("There is no run to check.")
        elif problem := watched.uncheckable:
            self._front.say(problem)
        else:
            self._front.in_background(self._check(watched, self.shown), f"check-{self.shown}")

    @property
    def working(self) -> tuple[str, ...]:
        """The names of the models that have an engine to stop, including those put aside."""
        return tuple(watched.model.name for watched in self._working)

    def stop_all(self) -> bool:
        """Ask every engine to stop; False, and a sentence, where one cannot be reached."""
        return all(self._ask(watched.stop) for watched in self._working)

    @property
    def _working(self) -> "list[Watched]":
        return [watched for watched in (*self.watched, *self._turned.values()) if watched.working]

    @property
    def _shown(self) -> "Watched | None":
        return self.watched[self.shown] if self.watched else None

    def _views(self) -> tuple[View, ...]:
        if not self.watched:  # before the first paint
            return tuple(View(model, looked=False, settings=self.settings) for model in self._models)
        return tuple(watched.view(self.settings) for watched in self.watched)

    def _ask(self, act: Callable[[], None]) -> bool:
        """Carry out a request to an engine; False, and a sentence, where it fails."""
        try:
            act()
        except FarpairError as error:
            self._front.say(str(error), "error")
            return False
        return True

    def _start(self, watched: "Watched", *, anew: bool) -> None:
        if anew or not watched.resume(self._standby):
            watched.start(self.settings, self._standby)
        self._follow(self.shown)
        self._changed(self.shown)

    async def _check(self, watched: "Watched", index: int) -> None:
        said = await watched.check(partial(self._changed, index))
        self._front.say(said.words, "information" if said.confirmed else "error", seconds=8)

    def _start_standby(self) -> None:
        """Start the standby engine where it is wanted and memory allows it. Without it, runs only begin later."""
        from ..engine.runs.standby import Standby, memory_allows  # start time

        if self.keeps_standby and memory_allows():
            with suppress(OSError):
                self._standby = Standby()

    def _follow(self, index: int) -> None:
        """Follow the run of a model in the background until it ends."""
        watched = self.watched[index]
        if watched.going:
            self._front.in_background(watched.watch(partial(self._changed, index)), f"watch-{index}")

    def _changed(self, index: int) -> None:
        self._front.changed(ModelChanged(index, self.watched[index].view(self.settings)))
