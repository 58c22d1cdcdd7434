"""`V`: the shown run is checked in a separate process, and the verdict is shown beside the certificate."""

from pathlib import Path

import pytest
from farpair.engine.events import RunEnded, Verified
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.request import request_for
from support.fixtures import build_small_model
from support.published import HandWritten, a_model, analysed, named, pair_found, published, started
from support.running import ended, read_until
from tui.conftest import SIZES, Open, screen_text, until


@pytest.mark.parametrize("size", SIZES)
async def test_the_key_checks_the_run_in_another_process_and_shows_the_verdict(
    opened: Open, tmp_path: Path, size: tuple[int, int]
) -> None:
    build_small_model(tmp_path / "small")
    model = model_at(tmp_path / "small")
    run = control.start(request_for(model, RunSettings(device="cpu")))
    read_until(run, ended)
    async with opened([model], size) as pilot:
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        await pilot.press("V")
        await until(pilot, lambda: "being checked: " in screen_text(pilot))
        await pilot.press("V")
        await until(pilot, lambda: "This run is being checked." in screen_text(pilot))
        await until(pilot, lambda: read_record(run.journal).verified is not None)
        await until(pilot, lambda: "Checked independently: confirmed." in screen_text(pilot))
        await until(pilot, lambda: "checked independently: confirmed" in screen_text(pilot))


async def test_a_refuted_run_says_so_beside_the_certificate(opened: Open) -> None:
    said = Verified(confirmed=False, refutations=("The ties: claimed are [b]7[/b].",), pairs=3, batches=0)
    HandWritten(a_model()).write(*published(), said)
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "refuted" in screen_text(pilot))
        assert "claimed are [b]7[/b]." in " ".join(screen_text(pilot).split())


async def test_what_cannot_be_checked_is_told_why_in_one_line(opened: Open) -> None:
    async with opened([a_model()], (120, 36)) as pilot:
        await pilot.press("V")
        await until(pilot, lambda: "There is no run to check." in screen_text(pilot))
    run = HandWritten(a_model())
    run.write(*started(alive=True), named())
    async with opened([a_model()], (120, 36)) as pilot:
        await pilot.press("V")
        await until(pilot, lambda: "This run is not done yet" in screen_text(pilot))
        run.write(pair_found(), analysed(), RunEnded(outcome="done", reason="The pair is found."))
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        await pilot.press("V")
        await until(pilot, lambda: "/nowhere/W.safetensors" in screen_text(pilot))  # which is not there to be read
