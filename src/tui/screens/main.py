"""The main screen: models, progress, the live table, and the result in three panels or a notice in their place."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

import msgspec
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.geometry import Size
from textual.screen import Screen

from ...engine.errors import InputError
from ..app_state import AllChanged, AppState
from ..keys import bindings
from ..messages import Chosen, FilterTyped, StateChanged
from ..view import View
from ..widgets.batches.filter import Filter, parse_filter
from ..widgets.batches.table import BatchTable
from ..widgets.headline import Headline
from ..widgets.lines import ROLE_CLASSES
from ..widgets.model_list import ModelList
from ..widgets.notice import first_run, notice
from ..widgets.panel import Panel
from ..widgets.title import KeyLine, Title
from .layout import Focus, Plots
from .panels import PANELS, panels_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...engine.runs.listing import Listed
    from ..app import FarpairApp
    from ..widgets.batches.filter_line import FilterLine

WHILE_WRITING: Final = ("cursor", "cursor_page", "back", "leave")
Answer = TypeVar("Answer")


class MainScreen(Screen[None]):
    """Shows the views that it is given, and turns keys into calls of the app's state."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(ROLE_CLASSES)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall"), (46, "-high")]  # noqa: RUF012 - as Textual declares it

    app: "FarpairApp"

    def __init__(self, size: Size, state: AppState, change: AllChanged) -> None:
        # Textual sets the classes of breakpoints after the first layout, which is too late for the first paint.
        across = _class_at(size.width, self.HORIZONTAL_BREAKPOINTS)
        super().__init__(classes=f"{across} {_class_at(size.height, self.VERTICAL_BREAKPOINTS)}")
        self._state = state
        self._views, self._shown = list(change.views), change.shown

    def compose(self) -> ComposeResult:
        """Yield the parts."""
        yield Title(id="title")
        yield Headline(id="headline")
        with Container(id="panels"):
            for panel in PANELS:
                yield panel.widget(id=panel.id)
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Set up what needs the screen."""
        self._marking = Focus(self.query_one("#panels", Container))
        self._plots = Plots(self, self._marking)
        self._show()

    @property
    def _view(self) -> View:
        """The shown model, or that there is none."""
        return self._views[self._shown] if self._views else View(None, settings=self._state.settings)

    def on_state_changed(self, message: StateChanged) -> None:
        """Draw what has changed; of a model that is not shown, only its line in the list."""
        change = message.change
        if isinstance(change, AllChanged):
            self._views, self._shown = list(change.views), change.shown
        else:
            self._views[change.index] = change.view
        if isinstance(change, AllChanged) or change.index == self._shown:
            self._show()
        else:
            self._show_list()

    def _show(self) -> None:
        """Draw the shown model and the list; only what looks different is repainted."""
        self._table.show(self._view)
        self._show_panels()
        self._show_list()

    def _show_list(self) -> None:
        self.query_one(ModelList).show(self._views, self._shown)

    def _show_panels(self) -> None:
        """Lay out the notice or the panels of the result, and draw those that are shown."""
        view = msgspec.structs.replace(self._view, chosen=self._table.chosen)
        self._make_room(view, for_notice=notice(view) is not None, first=first_run(view))
        for panel in self.query(Panel):
            panel.show(view)

    def _make_room(self, view: View, *, for_notice: bool, first: bool) -> None:
        """Lay out the notice, which is alone on the screen at `first`, or the panels of the result."""
        self.query_one("#panels").set_class(first, "-first")
        self._table.set_class(first, "-away")
        self._plots.lay_out(view, for_notice=for_notice, all_fit=self._all_fit)
        for name in panels_of("result", "notice"):
            self.query_one(f"#{name}").set_class(for_notice != (name in panels_of("notice")), "-away")
        self._table.set_class(for_notice, "-spread")
        self._marking.stay_on_what_is_shown()

    @property
    def _all_fit(self) -> bool:
        """Whether there is room for every panel at once."""
        width, height = self.app.size
        return (_class_at(width, self.HORIZONTAL_BREAKPOINTS), _class_at(height, self.VERTICAL_BREAKPOINTS)) == (
            "-wide",
            "-high",
        )

    @property
    def _table(self) -> BatchTable:
        return self.query_one(BatchTable)

    def on_resize(self) -> None:
        """Fit to the new size."""
        self._show_panels()

    def on_batch_chosen(self) -> None:
        """Show the pair of the chosen batch in the panels."""
        self._show_panels()

    def on_click(self, event: events.Click) -> None:
        """Mark the panel that was clicked."""
        if event.widget is not None:
            self._marking.to(event.widget)

    def on_chosen(self, message: Chosen) -> None:
        """Show the model that was clicked in the list."""
        self._state.show(message.index)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """While the filter is being typed, leave it the keys that it uses."""
        return self._filter_line is None or action in WHILE_WRITING

    def action_run_model(self) -> None:
        """Run the shown model, or resume its unfinished run."""
        self._state.start_run()

    def action_run_anew(self) -> None:
        """Run the shown model from the beginning."""
        self._state.start_run(anew=True)

    def action_runs(self) -> None:
        """Open the list of this machine's runs."""
        from .runs import RunsScreen  # start time

        self.app.push_screen(RunsScreen(), self._run_picked)

    def action_stop(self) -> None:
        """Stop the shown run."""
        self._state.stop_run()

    def action_pause(self) -> None:
        """Pause the shown run, or resume it."""
        self._state.pause_run()

    def action_check(self) -> None:
        """Check independently what the shown run found."""
        self._state.check_run()

    def action_step(self, by: int) -> None:
        """Show the model that many places further in the list."""
        self._state.step(by)

    def action_jump(self, number: int) -> None:
        """Show the model of this number."""
        self._state.show(number - 1)

    async def action_models(self) -> None:
        """Open the model picker."""
        from .picker import ModelPicker  # start time

        if self._views:
            await self._ask(ModelPicker(self._views, self._shown), self._picked)

    async def action_compare(self) -> None:
        """Show the model beside another one."""
        from .picker import ModelPicker  # start time

        if len(self._views) < 2:
            self.app.say("There is no second model to compare this one with.")
            return
        following = (self._shown + 1) % len(self._views)
        await self._ask(ModelPicker(self._views, following, "compare with"), self._compare)

    async def action_matrix(self) -> None:
        """Switch to the model's other matrix."""
        await self._state.show_other_matrix()

    def action_plots(self) -> None:
        """Show the next plot, or mark it where all plots are shown."""
        self._plots.turn(all_fit=self._all_fit)
        self._show_panels()

    async def action_batch(self) -> None:
        """Ask for the next run's batch size."""
        from .run_prompts import BatchPrompt  # start time

        await self._ask(BatchPrompt(self._state.settings.run.batch), self._batch_given)

    async def action_device(self) -> None:
        """Ask for the next run's device."""
        from .run_prompts import DevicePrompt  # start time

        await self._ask(DevicePrompt(self._state.settings.run.device), self._device_given)

    async def _ask(self, dialog: "Screen[Answer | None]", then: "Callable[[Answer | None], None]") -> None:
        """Open a dialog with an input line, which takes the next keys."""
        from textual.widgets import Input  # start time

        await self.app.push_screen(dialog, then)
        dialog.set_focus(dialog.query_one(Input))

    def action_notes(self) -> None:
        """Show the run's warnings, files and versions."""
        from .notes import notes  # start time
        from .page import Page  # start time

        self.app.push_screen(Page("notes on this run", notes(self._view)))

    def action_copy(self) -> None:
        """Ask what to copy."""
        from .copy import ask_what_to_copy  # start time

        view = self._view
        row = self.query_one(BatchTable).cursor
        under = view.record.batches[row] if view.record and row is not None else view.best
        ask_what_to_copy(self.app, view.record, under)

    def action_export(self) -> None:
        """Ask what to write to files."""
        from .export import ask_what_to_write  # start time

        ask_what_to_write(self.app, self._view.record)

    def action_theme(self) -> None:
        """Take the next theme."""
        self.app.next_theme()

    def action_help(self) -> None:
        """Show the help."""
        from .help import help_page  # start time
        from .page import Page  # start time

        self.app.push_screen(Page("help", help_page(self.app.keys, ascii_only=self.app.appearance.ascii)))

    async def action_leave(self) -> None:
        """Leave the app; while runs are going, ask whether to stop them."""
        await self.app.action_quit()

    def action_cursor(self, rows: int) -> None:
        """Move the cursor so many rows."""
        self._table.move_cursor(rows)

    def action_cursor_page(self, pages: int) -> None:
        """Move the cursor so many pages."""
        self._table.move_page(pages)

    def action_cursor_end(self, side: int) -> None:
        """Move the cursor to the first or the last row."""
        self._table.move_to_end(side)

    def action_choose(self) -> None:
        """Show the pair of the batch under the cursor, or the whole cluster's again."""
        self._table.choose()

    def action_sort(self) -> None:
        """Sort the batches by the next column."""
        self._table.sort_by_next()

    def action_reverse(self) -> None:
        """Sort the batches the other way round."""
        self._table.sort_by(self._table.sort.reversed())

    async def action_filter(self) -> None:
        """Ask which batches to show."""
        from textual.widgets import Input  # start time

        from ..widgets.batches.filter_line import FilterLine  # start time

        if self._filter_line is None:
            self.add_class("-filtering")
            line = FilterLine(self._table.filter.text)
            await self.mount(line, before="#keys")
            self.set_focus(line.query_one(Input))  # at once, so that the next keys are typed into it

    def action_mark(self, by: int) -> None:
        """Mark the panel so many places on."""
        self._marking.step(by)

    def action_full(self) -> None:
        """Let the marked panel fill the screen, or restore the layout."""
        self._marking.fill()

    async def action_back(self) -> None:
        """Go one step back: close the filter, the full panel, the mark or the chosen batch, whichever came
        last."""
        if self._filter_line is not None:
            await self._close_filter_line()
            self._table.filter_by(Filter())
        elif self._table.chosen is not None:
            self._table.let_go()
        elif self._marking.full:
            self._marking.give_back()
        elif self._table.filter.tests:
            self._table.filter_by(Filter())
        else:
            self._marking.leave()
            self._table.follow()

    def on_filter_typed(self, message: FilterTyped) -> None:
        """Show the batches that match what is typed."""
        try:
            self._table.filter_by(parse_filter(message.text))
        except InputError as error:
            self._table.say_problem(str(error))

    async def on_screen_suspend(self) -> None:
        """Keep the filter that is being typed when another screen is opened."""
        await self._close_filter_line()

    async def on_filter_kept(self) -> None:
        """Keep the filter, and close its line."""
        await self._close_filter_line()

    async def _close_filter_line(self) -> None:
        self.remove_class("-filtering")
        if self._filter_line is not None:
            await self._filter_line.remove()
        self._table.say_problem("")

    @property
    def _filter_line(self) -> "FilterLine | None":
        lines = self.query("#filter")
        return lines.first() if lines else None  # type: ignore[return-value]

    async def _run_picked(self, kept: "Listed | None") -> None:
        if kept is not None:
            await self._state.show_run(kept.run)

    def _picked(self, index: int | None) -> None:
        if index is not None:
            self._state.show(index)

    def _compare(self, index: int | None) -> None:
        from .compare import comparison_page  # start time
        from .page import Page  # start time

        if index is not None:
            page = comparison_page(self._view, self._views[index])
            self.app.push_screen(Page("two models", page))

    def _batch_given(self, batch: int | None) -> None:
        if batch is not None:
            self._state.use(replace(self._state.settings.run, batch=batch))

    def _device_given(self, device: str | None) -> None:
        if device is not None:
            self._state.use(replace(self._state.settings.run, device=device))


def _class_at(extent: int, breakpoints: list[tuple[int, str]]) -> str:
    """The class of the last breakpoint that `extent` reaches."""
    return [name for least, name in breakpoints if extent >= least][-1]
