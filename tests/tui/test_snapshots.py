"""The screen kept as text; `pytest tests/tui/test_snapshots.py --snapshot-update` writes it again.

The runs are real ones, recorded (see `recorded_runs`). Read every difference before it is kept.
"""

import time

import pytest
from support.recorded_runs import RECORDED, keep, model_of
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from syrupy.location import PyTestLocation
from syrupy.types import SnapshotIndex
from tui.conftest import SIZES, Open, screen_text, settled_text, until


class TextFile(SingleFileSnapshotExtension):
    """A screen is a text file of its own."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"

    @classmethod
    def get_snapshot_name(cls, *, test_location: PyTestLocation, index: SnapshotIndex = 0) -> str:  # noqa: ARG003
        return str(index)


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(TextFile)


@pytest.fixture(autouse=True)
def dates_are_the_same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def named(what: str, size: tuple[int, int]) -> str:
    return f"{what} {size[0]}x{size[1]}"


def drawn(text: str) -> bool:
    """Whether the triangle is drawn, which comes last."""
    return any("⠀" < character <= "⣿" for character in text)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", RECORDED)
async def test_a_result(opened: Open, snapshot: SnapshotAssertion, name: str, size: tuple[int, int]) -> None:
    keep(name)
    async with opened([model_of(name)], size) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot) and drawn(screen_text(pilot)))
        assert await settled_text(pilot) == snapshot(name=named(name, size))


@pytest.mark.parametrize("size", SIZES)
async def test_a_search(opened: Open, snapshot: SnapshotAssertion, size: tuple[int, int]) -> None:
    keep(RECORDED[0], settled=74)
    async with opened([model_of(name) for name in RECORDED], size) as pilot:
        await until(pilot, lambda: "74/120 batches" in screen_text(pilot))
        assert await settled_text(pilot) == snapshot(name=named("search", size))


@pytest.mark.parametrize("size", SIZES)
async def test_a_model_that_was_not_searched(
    opened: Open, snapshot: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with opened([model_of(name) for name in RECORDED], size) as pilot:
        await until(pilot, lambda: "r starts the search" in screen_text(pilot))
        assert await settled_text(pilot) == snapshot(name=named("new", size))
