"""Fixtures for the screen: a state folder of the test's own, and the app at a size with the test's models."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from farpair.engine.models.discovery import Model
from farpair.engine.run_settings import RunSettings
from farpair.tui.app import FarpairApp
from textual.pilot import Pilot

Open = Callable[..., AbstractAsyncContextManager[Pilot[None]]]
SIZES = [(80, 24), (120, 36), (200, 50)]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs are kept while the test goes on."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def opened() -> Open:
    """Opens the app on models, at a size, and waits until earlier runs have been looked for."""

    @asynccontextmanager
    async def open_app(models: list[Model], size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
        app = FarpairApp(models, tensors="/nowhere", model=None, settings=RunSettings(device="cpu"))
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: all(watched.looked for watched in app.state.watched))
            yield pilot
            for watched in app.state.watched:
                engine = watched.record.engine if watched.record else None
                if watched.working and not (engine and engine.pid == os.getpid()):  # as hand-written ones say
                    watched.stop()

    return open_app


async def until(pilot: Pilot[None], met: Callable[[], bool], patience: float = 60.0) -> None:
    """Let the app work until `met`."""
    waited = 0.0
    while True:
        await pilot.pause(0.02)
        if met():
            return
        waited += 0.02
        assert waited < patience, f"never came to it; the screen is:\n{screen_text(pilot)}"


async def settled_text(pilot: Pilot[None]) -> str:
    """What the screen shows once it shows that for a while."""
    text, same = screen_text(pilot), 0
    while same < 5:
        await pilot.pause(0.05)
        before, text = text, screen_text(pilot)
        same = same + 1 if text == before else 0
    return text


def screen_text(pilot: Pilot[None]) -> str:
    """What the screen shows, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)
