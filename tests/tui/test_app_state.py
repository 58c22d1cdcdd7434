"""The app's state without a screen: each change is reported once, with its view."""

import asyncio
import subprocess
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
from farpair.engine.models.discovery import Model
from farpair.engine.run_settings import RunSettings
from farpair.tui.app_state import AllChanged, AppState, Change, ModelChanged, Opening
from farpair.tui.view import Settings
from support.published import HandWritten, a_model, named, published, settled, started


@dataclass
class Heard:
    """What a state told, and the work that it began."""

    changes: list[Change] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    work: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def say(
        self, sentence: str, severity: Literal["information", "error"] = "information", *, seconds: float = 4
    ) -> None:
        assert severity in ("information", "error")
        assert seconds > 0
        self.said.append(sentence)

    def in_background(self, work: Coroutine[object, object, None], name: str) -> None:
        async def waited() -> None:
            await work

        self.work[name] = asyncio.create_task(waited())

    def heard(self) -> list[Change]:
        """The changes since this was asked last."""
        changes, self.changes = self.changes, []
        return changes

    async def next(self) -> list[Change]:
        """The changes that come next."""
        async with asyncio.timeout(60):
            while not self.changes:
                await asyncio.sleep(0.01)
        return self.heard()


def model(name: str) -> Model:
    """A model that shares no file with another."""
    return msgspec.structs.replace(a_model(name), weights=Path("/nowhere") / name / "W.safetensors")


def a_state(*names: str, opening: Opening | None = None) -> tuple[AppState, Heard]:
    heard = Heard()
    models = [model(name) for name in names]
    return AppState(models, front=heard, settings=Settings(), opening=opening), heard


def test_it_is_imported_without_a_screen_and_without_torch() -> None:
    program = (
        "import sys, farpair.tui.app_state, farpair.tui.monitor;"
        "print([name for name in ('textual', 'rich', 'torch', 'numpy') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


async def test_before_runs_are_looked_for_all_that_is_known_is_the_models() -> None:
    state, heard = a_state("one", "two")
    everything = state.all()
    assert [view.model.name for view in everything.views if view.model] == ["one", "two"]
    assert not any(view.looked for view in everything.views)
    assert heard.heard() == []


async def test_each_model_s_run_is_told_once_when_it_is_found_the_shown_one_first() -> None:
    HandWritten(model("two")).write(*published())
    state, heard = a_state("one", "two", "three")
    state.show(1)  # nothing yet: the list is not there
    await state.find_runs()
    found = [(change.index, change.view.stage) for change in heard.heard() if isinstance(change, ModelChanged)]
    assert found == [(0, "new"), (1, "done"), (2, "new")]


async def test_a_batch_s_events_come_as_one_change_that_holds_them() -> None:
    run = HandWritten(model("one"))
    run.write(*started(alive=True), named())
    state, heard = a_state("one")
    await state.find_runs()
    heard.heard()
    run.write(settled(0), settled(1))
    (change,) = await heard.next()
    assert isinstance(change, ModelChanged)
    assert change.view.newest == 1
    assert change.view.record is not None
    assert change.view.record.batches_done == 2
    heard.work["watch-0"].cancel()


async def test_showing_another_model_is_told_once_and_showing_the_same_not_at_all() -> None:
    state, heard = a_state("one", "two")
    await state.find_runs()
    heard.heard()
    state.show(1)
    (change,) = heard.heard()
    assert isinstance(change, AllChanged)
    assert change.shown == 1
    state.step(1)
    (change,) = heard.heard()
    assert isinstance(change, AllChanged)
    assert change.shown == 0
    state.show(0)
    state.show(7)
    assert heard.heard() == []


async def test_what_the_next_run_uses_is_in_every_view_that_is_handed_over() -> None:
    state, heard = a_state("one", "two")
    await state.find_runs()
    heard.heard()
    state.use(RunSettings(batch=64))
    (change,) = heard.heard()
    assert isinstance(change, AllChanged)
    assert {view.settings.run.batch for view in change.views} == {64}


async def test_what_cannot_be_done_is_said_and_changes_nothing() -> None:
    state, heard = a_state("one")
    await state.find_runs()
    heard.heard()
    state.stop_run()
    state.pause_run()
    state.check_run()
    await state.show_other_matrix()
    assert heard.said[:3] == ["There is no run to stop.", "There is no run to pause.", "There is no run to check."]
    assert heard.said[3:] == ["This model stores no other matrix."]
    assert heard.heard() == []
    nothing, heard = a_state()
    await nothing.find_runs()
    nothing.start_run()
    assert heard.said == ["There is no model to search."]


async def test_a_replay_is_the_only_model_and_its_pause_is_told() -> None:
    written = HandWritten(model("one"))
    written.write(*started(), named(), settled(0))
    state, heard = a_state("one", "two", opening=Opening(written.run, 1.0))
    await state.find_runs()
    (change,) = heard.heard()
    assert isinstance(change, AllChanged)
    assert [view.replay for view in change.views] == ["replay × 1"]
    await heard.next()
    state.pause_run()
    (paused,) = heard.heard()
    assert isinstance(paused, ModelChanged)
    assert paused.view.replay == "replay, paused"
    heard.work["watch-0"].cancel()
