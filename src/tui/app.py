"""The terminal app: a table of contents of what it holds and of what a person may ask of it.

It imports no torch, ever, and no numpy before its first paint.
"""

import asyncio
import gc
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import msgspec
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from ..engine.errors import FarpairError
from ..engine.models.discovery import Model
from ..engine.run_settings import DEFAULTS, RunSettings
from ..engine.text.escape import visible
from ..keymap import keys_in_use
from .appearance import Appearance, ThemedApp, appearance_of
from .keys import bindings
from .messages import RunChanged
from .screens.main import MainScreen
from .terminal import ClearingDriver, Signals
from .themes import THEMES
from .view import Settings, View

if TYPE_CHECKING:
    from textual.command import CommandPalette
    from textual.driver import Driver

    from ..engine.runs.folders import Run
    from ..engine.runs.standby import Standby
    from ..options import Options
    from .monitor import Watched
    from .screens.quit import Answer


class Opening(msgspec.Struct, frozen=True):
    """A run to show at once; with a `speed`, to be played again so many times as fast as it happened."""

    run: "Run"
    speed: float | None = None


def run_app(
    models: list[Model],
    *,
    tensors: str | None,
    model: str | None,
    options: "Options",
    opening: Opening | None = None,
    first: bool = False,
) -> int:
    """Open the app on `models`, showing the one named `model` first; return the program's exit code.

    `tensors` names the folders where models were looked for; `options` say what the first run will use, and how
    the app looks; `first` is whether no model of the person's own was found.
    """
    app = FarpairApp(
        models,
        tensors=tensors,
        model=model,
        settings=options.settings,
        appearance=appearance_of(options),
        opening=opening,
        first=first,
    )
    app.keeps_standby = options.standby and not (opening and opening.speed is not None)
    app.run(mouse=options.mouse)
    return app.return_code or 0


class FarpairApp(ThemedApp):
    """Holds the models with their runs, which of them is shown, and what the next run will use."""

    TITLE = "farpair"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    keeps_standby = False  # whether an engine is kept ready, so that runs begin at once
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(everywhere=True)]

    def __init__(
        self,
        models: list[Model],
        *,
        tensors: str | None,
        model: str | None,
        settings: RunSettings = DEFAULTS,
        appearance: Appearance | None = None,
        opening: Opening | None = None,
        first: bool = False,
    ) -> None:
        super().__init__(appearance or Appearance())
        self.keys = keys_in_use(self.appearance.keys)
        self.set_keymap({key.id: key.keys for key in self.keys if key.id in self.appearance.keys})
        shown_keys = {key.id: key.shown for key in self.keys}
        self.settings = Settings(run=settings, tensors=tensors, first=first, keys=shown_keys)
        self.shown = next((n for n, known in enumerate(models) if known.name == model), 0)
        self.watched: list[Watched] = []
        self._turned: dict[int, Watched] = {}  # what `show_other_matrix` put aside
        self._models = models
        self._opening = opening
        self._standby: Standby | None = None

    def get_driver_class(self) -> "type[Driver]":
        """The driver that draws on standard output."""
        from textual.drivers.linux_driver import LinuxDriver  # start time

        driver = super().get_driver_class()
        return ClearingDriver if driver is LinuxDriver else driver

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        self._main = MainScreen(self.size)
        return self._main

    def on_mount(self) -> None:
        """Start following the runs of the models."""
        loop = asyncio.get_running_loop()

        def soon(act: Callable[[], object]) -> None:
            loop.call_soon_threadsafe(act)

        self._signals = Signals(
            end=lambda number: soon(partial(self.exit, return_code=128 + number)),
            repaint=partial(soon, partial(self.refresh, layout=True)),
        )
        self.call_after_refresh(self._find_runs)

    def on_unmount(self) -> None:
        """Put back what was changed outside the app."""
        self._signals.forget()
        if self._standby:
            self._standby.close()

    def view(self) -> View:
        """What the screen shows: the shown model, or that there is none."""
        views = self.views()
        return views[self.shown] if views else View(None, settings=self.settings)

    def views(self) -> list[View]:
        """Every model, in the list's order."""
        if not self.watched:  # before the first paint
            return [View(model, looked=False, settings=self.settings) for model in self._models]
        return [watched.view(self.settings) for watched in self.watched]

    def show_model(self, index: int) -> None:
        """Show another model. What runs goes on."""
        if index != self.shown:
            self.shown = index
            self._main.show()

    async def show_other_matrix(self) -> None:
        """Show the shown model's other matrix in its place. What runs goes on."""
        index, watched = self.shown, self._shown_watched()
        if watched is None:
            return
        if watched.replay:
            self.say("This is a replay; it has no other matrix.")
            return
        other = self._turned.get(index) or await watched.of_other_matrix()
        if other is None:
            self.say("This model stores no other matrix.")
        elif self.watched[index] is watched:
            self.watched[index], self._turned[index] = other, watched
            self._follow(index)
            self._main.show()

    @property
    def working(self) -> "list[Watched]":
        """What has an engine to stop, shown or put aside."""
        return [watched for watched in (*self.watched, *self._turned.values()) if watched.working]

    def start_run(self, *, anew: bool = False) -> None:
        """Search the shown model, unless it is being searched: from where its run was cut short, or `anew`."""
        if (watched := self._shown_watched()) is None:
            if not self._models:
                self.say("There is no model to search.")
            return
        if watched.replay:
            self.say(
                f"This is a replay: {self.settings.key('pause')} pauses it, {self.settings.key('quit')} quits."
            )
            return
        if watched.going:
            self.say(f"This model is being searched; {self.settings.key('stop')} stops it.")
            return
        if watched.model.problem:
            self.say("This model cannot be searched.", "error")
            return
        try:
            if anew or not watched.resume(self._standby):
                watched.start(self.settings, self._standby)
        except FarpairError as error:
            self.say(str(error), "error")
            return
        self._follow(self.shown)
        self._main.show()

    async def show_run(self, run: "Run") -> None:
        """Show a run: in the place of its model's newest, or as a model of its own at the list's end."""
        from ..engine.models.discovery import model_of  # start time
        from ..engine.runs.request import request_of, rows_of  # start time
        from .monitor import Watched  # start time

        try:
            asked = request_of(run)
        except FarpairError as error:
            self.say(str(error), "error")
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
        self._main.show()

    def stop_run(self) -> None:
        """Ask the shown model's engine to stop."""
        watched = self._shown_watched()
        if watched is None or not watched.working:
            self.say("There is no run to stop.")
            return
        try:
            watched.stop()
        except FarpairError as error:
            self.say(str(error), "error")

    def pause_run(self) -> None:
        """Ask the shown model's engine to pause, or to go on."""
        watched = self._shown_watched()
        if watched is None or not watched.going:
            self.say("There is no run to pause.")
            return
        try:
            watched.pause_or_go_on()
        except FarpairError as error:
            self.say(str(error), "error")
        if watched.replay:
            self._main.show()

    def check_run(self) -> None:
        """Check what the shown run found, unless there is nothing to check; say what came of it."""
        watched = self._shown_watched()
        if watched is None or watched.record is None:
            self.say("There is no run to check.")
        elif problem := watched.uncheckable:
            self.say(problem)
        else:
            check = self._check(watched, self.shown)
            self.run_worker(check, group=f"check-{self.shown}", exit_on_error=False)

    async def _check(self, watched: "Watched", index: int) -> None:
        said = await watched.check(partial(self._changed, index))
        self.say(said.words, "information" if said.confirmed else "error", seconds=8)

    def leave(self, answer: "Answer | None") -> None:
        """Quit: "leave" lets the runs go on, "stop" stops them first; None stays."""
        if answer is None:
            return
        if answer == "stop":
            for watched in self.working:
                try:
                    watched.stop()
                except FarpairError as error:
                    self.say(str(error), "error")
                    return
        self.exit()

    async def action_quit(self) -> None:
        """What Textual's own quit key does: ask first, where a run is going."""
        self._main.action_leave()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """What the command palette offers: every named key, theme and model."""
        for key in self.keys:
            if key.name:
                yield SystemCommand(key.name, f"{key.help} ({key.shown})", partial(self._act, key.action))
        for theme in THEMES:
            yield SystemCommand(
                f"Theme: {theme.name}", "Show this theme, and remember it.", partial(self.show_theme, theme.name)
            )
        for number, view in enumerate(self.views()):
            name = visible(view.model.name if view.model else "", 40).replace("[", r"\[")
            yield SystemCommand(f"Show {name}", f"Show model {number + 1}.", partial(self.show_model, number))

    def on_command_palette_opened(self, _: "CommandPalette.Opened") -> None:
        """Draw the palette in characters that every terminal has, its cursor still."""
        from textual.command import SearchIcon  # start time
        from textual.widgets import Input  # start time

        for icon in self.screen.query(SearchIcon):
            icon.icon = "›"
        for field in self.screen.query(Input):
            field.cursor_blink = False

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A fault in a worker is shown as a sentence; the app and the engine go on."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.say(f"The screen met a fault: {event.worker.error!r}.", "error")

    async def _act(self, action: str) -> None:
        await self._main.on_filter_kept()
        await self.run_action(action, self._main)

    def _shown_watched(self) -> "Watched | None":
        return self.watched[self.shown] if self.watched else None

    def _find_runs(self) -> None:
        """After the first paint: what following runs takes is imported, and earlier runs are looked for."""
        if not gc.isenabled():  # see opening
            gc.freeze()
            gc.enable()
        self.run_worker(self._find_all(), group="find", exit_on_error=False)

    async def _find_all(self) -> None:
        from .monitor import Watched, find_runs  # start time

        self.watched = [Watched(model) for model in self._models]
        if self._opening and self._opening.speed is not None:
            self.watched = [Watched.of_replay(self._opening.run, self._opening.speed)]
            self._follow(0)
            self._changed(0)
            return
        if self._opening:
            await self.show_run(self._opening.run)
        found = await find_runs(self.watched)
        order = sorted(range(len(self.watched)), key=lambda index: index != self.shown)
        for index in order:
            await self.watched[index].find(found[index])
            self._follow(index)
            self._changed(index)
        self._keep_standby()

    def _keep_standby(self) -> None:
        """Start the standby engine where it is wanted and memory allows it. Without one runs only begin later."""
        from ..engine.runs.standby import Standby, memory_allows  # start time

        if self.keeps_standby and memory_allows():
            with suppress(OSError):
                self._standby = Standby()

    def _follow(self, index: int) -> None:
        """Follow the run of a model in the background, for as long as it goes."""
        watched = self.watched[index]
        if watched.going:
            watch = watched.watch(partial(self._changed, index))
            self.run_worker(watch, group=f"watch-{index}", exclusive=True, exit_on_error=False)

    def _changed(self, index: int) -> None:
        self._main.post_message(RunChanged(index))
