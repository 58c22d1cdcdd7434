"""The README's pictures: the screen on recorded runs, as SVG. Run as a program, this writes `pictures/` anew."""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from farpair.tui.app import FarpairApp
from support.recorded_runs import RECORDED, keep, model_of
from textual.pilot import Pilot
from tui.conftest import screen_text, settled_text, until

FOLDER = Path(__file__).parents[1] / "tui" / "pictures"
SIZES = ((120, 36), (80, 24))
DEMO, PUBLISHED = RECORDED


def main() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    FOLDER.mkdir(exist_ok=True)
    for size in SIZES:
        for name, shown, settled in (
            ("published", PUBLISHED, {DEMO: None, PUBLISHED: None}),
            ("demo", DEMO, {DEMO: None, PUBLISHED: None}),
            ("search", DEMO, {DEMO: 74, PUBLISHED: None}),
        ):
            with tempfile.TemporaryDirectory() as state:
                os.environ["XDG_STATE_HOME"] = state
                for run, batches in settled.items():
                    keep(run, batches)
                drawn = asyncio.run(picture(shown, size))
            (FOLDER / f"{name}-{size[0]}x{size[1]}.svg").write_text(drawn)


async def picture(shown: str, size: tuple[int, int]) -> str:
    """The screen on the recorded run of the model `shown`."""
    app = FarpairApp([model_of(name) for name in RECORDED], tensors=None, model=shown)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: all(watched.looked for watched in app.state.watched))
        await until(pilot, lambda: _whole(pilot))
        await settled_text(pilot)
        return app.export_screenshot(title="farpair")


def _whole(pilot: Pilot[None]) -> bool:
    """Whether what is drawn last is there: how far the search is, or the triangle of its result."""
    text = screen_text(pilot)
    return " left" in text or any("⠀" < character <= "⣿" for character in text)


if __name__ == "__main__":
    main()
