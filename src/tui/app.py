"""The terminal app: it connects the state, the terminal and the main screen, and fills the command palette.

It never imports torch, and numpy only after the first paint.
"""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from ..engine.models.discovery import Model
from ..engine.run_settings import DEFAULTS, RunSettings
from ..engine.text.escape import visible
from ..keymap import keys_in_use
from .app_state import AppState, Change, Opening
from .appearance import Appearance, ThemedApp, appearance_of
from .keys import bindings
from .messages import StateChanged
from .screens.main import MainScreen
from .terminal import ClearingDriver, Signals
from .themes import THEMES
from .view import Settings

if TYPE_CHECKING:
    from textual.command import CommandPalette
    from textual.driver import Driver

    from ..options import Options
    from .screens.quit import Answer


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

    `tensors` names the folders that were searched for models, `options` the settings of the first run and the
    appearance; `first` is whether no model of the user's own was found.
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
    app.state.keeps_standby = options.standby and not (opening and opening.speed is not None)
    app.run(mouse=options.mouse)
    return app.return_code or 0


class FarpairApp(ThemedApp):
    """The app: passes changes of the state to the main screen, which calls the state."""

    TITLE = "farpair"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
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
        self.state = AppState(
            models,
            front=self,
            settings=Settings(run=settings, tensors=tensors, first=first, keys=shown_keys),
            model=model,
            opening=opening,
        )

    def get_driver_class(self) -> "type[Driver]":
        """The driver that draws on standard output."""
        from textual.drivers.linux_driver import LinuxDriver  # start time

        driver = super().get_driver_class()
        return ClearingDriver if driver is LinuxDriver else driver

    def get_default_screen(self) -> Screen[None]:
        """The main screen."""
        self._main = MainScreen(self.size, self.state, self.state.all())
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
        """Undo what the app changed outside itself."""
        self._signals.forget()
        self.state.close()

    def changed(self, change: Change) -> None:
        """Hand a change of the state to the main screen."""
        self._main.post_message(StateChanged(change))

    def in_background(self, work: Coroutine[object, object, None], name: str) -> None:
        """Let `work` go on until the app ends or other work of the same `name` begins."""
        self.run_worker(work, group=name, exclusive=True, exit_on_error=False)

    async def action_quit(self) -> None:
        """Leave the app; while runs are going, ask whether to stop them."""
        from .screens.quit import Leave  # start time

        if going := self.state.working:
            self.push_screen(Leave(going), self._leave)
        else:
            self.exit()

    def _leave(self, answer: "Answer | None") -> None:
        """Quit: "leave" keeps the runs going, "stop" stops them first; None does not quit."""
        if answer == "leave" or (answer == "stop" and self.state.stop_all()):
            self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002
        """The entries of the command palette: every named key, theme and model."""
        for key in self.keys:
            if key.name:
                act = partial(self.run_action, key.action, self._main)
                yield SystemCommand(key.name, f"{key.help} ({key.shown})", act)
        for theme in THEMES:
            yield SystemCommand(
                f"Theme: {theme.name}", "Show this theme, and remember it.", partial(self.show_theme, theme.name)
            )
        for number, view in enumerate(self.state.all().views):
            name = visible(view.model.name if view.model else "", 40).replace("[", r"\[")
            yield SystemCommand(f"Show {name}", f"Show model {number + 1}.", partial(self.state.show, number))

    def on_command_palette_opened(self, _: "CommandPalette.Opened") -> None:
        """Draw the palette in characters that every terminal has, with a cursor that does not blink."""
        from textual.command import SearchIcon  # start time
        from textual.widgets import Input  # start time

        for icon in self.screen.query(SearchIcon):
            icon.icon = "›"
        for field in self.screen.query(Input):
            field.cursor_blink = False

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show a fault in a worker as a sentence; the app and the engine keep going."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.say(f"The screen met a fault: {event.worker.error!r}.", "error")

    def _find_runs(self) -> None:
        """Import what following runs needs, and look for earlier runs; called after the first paint."""
        if not gc.isenabled():  # see launch
            gc.freeze()
            gc.enable()
        self.in_background(self.state.find_runs(), "find")
