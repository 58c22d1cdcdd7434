"""The list of this machine's runs in the app: any can be shown, resumed, replayed or waited for."""

import sys
from pathlib import Path

import msgspec
from farpair.engine.events import Queued, RunEnded, RunStarted, SourceFile
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.engine.runs.request import request_for, request_of
from farpair.tui.app import FarpairApp
from farpair.tui.app_state import Opening
from farpair.tui.screens.runs import RunsScreen
from support.fixtures import build_small_model
from support.published import HandWritten, a_model, named, point_after, published, settled, started
from support.running import ended, long_request, read_until
from support.terminal import Terminal
from tui.conftest import Open, screen_text, until

STOPPED = RunEnded(outcome="cancelled", reason="Stopped after 3 of 9 batches.")


async def test_a_run_cut_short_says_which_key_goes_on_and_which_starts_anew(opened: Open) -> None:
    HandWritten(a_model()).write(*started(), named(), settled(0), settled(1), point_after(2), settled(2), STOPPED)
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "stopped at" in screen_text(pilot))
        assert "r goes on from 2 of 9 batches" in screen_text(pilot)
        assert "R starts anew, in batches of 256 rows on cpu" in screen_text(pilot)


async def test_a_run_that_had_settled_nothing_for_good_is_only_run_again(opened: Open) -> None:
    HandWritten(a_model()).write(*started(), named(), settled(0), STOPPED)
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "stopped at" in screen_text(pilot))
        assert "r runs it again" in screen_text(pilot)
        assert "R " not in screen_text(pilot)


async def test_r_goes_on_and_capital_r_starts_anew(opened: Open, tmp_path: Path) -> None:
    request = long_request(tmp_path / "long")
    run = control.start(request)
    control.stop(run, read_until(run, lambda now: now.checkpoint is not None))
    read_until(run, ended)
    async with opened([model_at(tmp_path / "long")], (120, 36)) as pilot:
        assert isinstance(pilot.app, FarpairApp)
        watched = pilot.app.state.watched[0]
        await until(pilot, lambda: "r goes on from" in screen_text(pilot))
        await pilot.press("r")
        await until(pilot, lambda: bool(watched.record and watched.record.warnings))
        assert watched.record is not None
        assert watched.record.warnings[0].message.endswith(f"batches that run {run.id} had settled.")
        assert watched.run is not None
        assert request_of(watched.run) == msgspec.structs.replace(request, resumes=run.id)
        await until(pilot, lambda: " left" in screen_text(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "stopped at" in screen_text(pilot))
        await pilot.press("R")
        assert request_of(watched.run).resumes is None


async def test_a_lists_every_run_and_the_chosen_one_is_shown_whatever_models_there_are(
    opened: Open, tmp_path: Path
) -> None:
    other = model_at(build_small_model(tmp_path / "[red]other"))
    kept = control.start(request_for(other, RunSettings(device="cpu")))
    read_until(kept, ended)
    HandWritten(a_model()).write(*started(), STOPPED)
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "■ stopped" in screen_text(pilot))
        await pilot.press("a")
        await until(pilot, lambda: "[red]other" in screen_text(pilot))
        for words in ("done", "stopped", "Qwen3-4B"):
            assert words in screen_text(pilot)
        assert isinstance(pilot.app.screen, RunsScreen)
        listed = [run.run for run in pilot.app.screen._runs]
        await pilot.press(*["j"] * listed.index(kept), "enter")
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        assert screen_text(pilot).startswith(" farpair  [red]other")
        await pilot.press("1")
        await until(pilot, lambda: screen_text(pilot).startswith(" farpair  Qwen3"))
        await pilot.press("a", "escape", "2")
        await until(pilot, lambda: screen_text(pilot).startswith(" farpair  [red]other"))


async def test_without_runs_the_list_says_so(opened: Open) -> None:
    async with opened([a_model()]) as pilot:
        await pilot.press("a")
        await until(pilot, lambda: "There are no runs yet" in screen_text(pilot))
        await pilot.press("enter", "escape")


async def test_a_run_that_waits_says_how_many_are_first(opened: Open) -> None:
    run = HandWritten(a_model())
    run.write(started(alive=True)[0], Queued(ahead=2, behind="r"))
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "3rd in line, queued behind r" in screen_text(pilot))
        assert "◌ 3rd in line" in screen_text(pilot)
        run.write(Queued(ahead=1, behind="r"))
        await until(pilot, lambda: "2nd in line, queued behind r" in screen_text(pilot))
        run.write(Queued(ahead=0))
        await until(pilot, lambda: "starting the engine" in screen_text(pilot))


async def test_a_result_whose_file_has_changed_says_so(opened: Open, tmp_path: Path) -> None:
    weights = tmp_path / "W.safetensors"
    weights.write_bytes(b"123")
    file = SourceFile(path=str(weights), size=2, mtime_ns=1)
    events = [
        msgspec.structs.replace(event, files=(file,)) if isinstance(event, RunStarted) else event
        for event in published()
    ]
    HandWritten(a_model()).write(*events)
    async with opened([a_model()], (120, 36)) as pilot:
        await until(pilot, lambda: "W.safetensors has changed since (3 B; it was 2 B)" in screen_text(pilot))


async def test_a_replay_goes_the_way_of_a_run_and_asks_nothing_when_it_is_left() -> None:
    written = HandWritten(a_model())
    written.write(*published())
    app = FarpairApp(
        [a_model()],
        tensors=None,
        model=None,
        settings=RunSettings(device="cpu"),
        opening=Opening(written.run, 0.5),
    )
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: "replay × 0.5" in screen_text(pilot))
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        assert "90.16°" in screen_text(pilot)
        await pilot.press("space", "r")
        await until(pilot, lambda: "This is a replay" in screen_text(pilot))
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running)


async def test_a_replay_stands_still_at_space_and_ends_where_the_journal_does() -> None:
    written = HandWritten(a_model())
    written.write(*started(), named(), settled(0))
    lines = written.run.journal.read_bytes().splitlines(keepends=True)
    late = lines[-1][: lines[-1].rfind(b',"crc":')] + b"}\n"
    time, rest = late.split(b",", 1)
    later = b'{"time":%f,' % (float(time.split(b":")[1]) + 3)
    written.run.journal.write_bytes(b"".join(lines[:-1]) + later + rest)
    app = FarpairApp(
        [], tensors=None, model=None, settings=RunSettings(device="cpu"), opening=Opening(written.run, 1.0)
    )
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        await until(pilot, lambda: "0/9 batches" in screen_text(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "replay, paused" in screen_text(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "the engine died" in screen_text(pilot))
        assert "1.60828757" in screen_text(pilot)


def test_attach_opens_the_app_on_its_run_and_any_number_of_apps_watch_it(tmp_path: Path, state: Path) -> None:
    state.mkdir(exist_ok=True)
    run = control.start(long_request(tmp_path / "gone" / "long"))
    record = read_until(run, lambda now: now.progress is not None)
    command = [sys.executable, "-m", "farpair", "attach", run.id, "--tensors", str(tmp_path)]
    with (
        Terminal(command, state, columns=120, rows=36) as one,
        Terminal(command, state, columns=80, rows=24) as other,
    ):
        for terminal in (one, other):
            terminal.wait_for(lambda text: text.startswith(" farpair  gone/long") and " left" in text)
        one.press("space")
        for terminal in (one, other):
            terminal.wait_for("paused – space resumes")
        other.press("space")
        one.wait_for(" left")
        for terminal in (one, other):  # both ask, at once
            terminal.press("x")
        for terminal in (one, other):
            terminal.wait_for("stopped at")
            terminal.press("q")
            assert terminal.wait() == 0
    assert read_until(run, ended).state == "stopped"
    assert not control.is_alive(run, record)


def test_replay_opens_the_app_and_plays(tmp_path: Path, state: Path) -> None:
    run = control.start(request_for(model_at(build_small_model(tmp_path / "small")), RunSettings(device="cpu")))
    read_until(run, ended)
    command = [sys.executable, "-m", "farpair", "replay", "last", "--speed", "1000"]
    with Terminal(command, state, columns=120, rows=36) as terminal:
        terminal.wait_for("replay × 1000")
        terminal.wait_for("✓ done")
        terminal.press("q")
        assert terminal.wait() == 0
