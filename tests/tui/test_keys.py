"""Each key does what the table of keys says."""

from pathlib import Path

import pytest
import torch
from farpair.engine.models.discovery import model_at
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control
from farpair.keymap import KEYS
from farpair.tui.app import FarpairApp
from farpair.tui.appearance import Appearance
from farpair.tui.keys import bindings, footer
from farpair.tui.screens.help import help_lines
from farpair.tui.screens.main import MainScreen
from farpair.tui.screens.picker import matches
from farpair.tui.screens.run_prompts import batch_problem, device_problem
from farpair.tui.view import View
from farpair.tui.widgets.batches.table import BatchTable
from farpair.tui.widgets.lines import plain
from safetensors.torch import save_file
from support.fixtures import build_small_model
from support.published import HandWritten, a_model, named, published, settled, started
from support.running import long_request
from textual.pilot import Pilot
from tui.conftest import Open, screen_text, until


def app_of(pilot: Pilot[None]) -> FarpairApp:
    assert isinstance(pilot.app, FarpairApp)
    return pilot.app


def shown(pilot: Pilot[None]) -> str:
    state = app_of(pilot).state.all()
    model = state.views[state.shown].model
    return model.name if model else ""


def table(pilot: Pilot[None]) -> BatchTable:
    return pilot.app.screen_stack[0].query_one(BatchTable)


THREE = [a_model("alpha"), a_model("beta"), a_model("gamma")]


def test_every_binding_has_an_id_of_its_own_and_every_key_is_in_the_help() -> None:
    ids = [binding.id for binding in bindings()]
    assert len(set(ids)) == len(ids)
    assert None not in ids
    text = " ".join(plain(help_lines(KEYS, 76)).split())
    for key in KEYS:
        assert key.help.endswith(".")
        assert key.help in text or key.id.startswith("jump-")


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_footer_fits_and_holds_the_keys_that_a_person_needs_first(width: int) -> None:
    keys = footer(KEYS, width)
    assert len("  ".join(f"{key} {label}" for key, label in keys)) <= width
    assert {"r", "x", "space", "[ ]", "m", "b", "d", "?", "q"} <= {key for key, _ in keys}


async def test_brackets_digits_and_the_picker_choose_the_model(opened: Open) -> None:
    async with opened(THREE) as pilot:
        seen = []
        right, left = "right_square_bracket", "left_square_bracket"
        for key in (right, right, right, left, "2", "9"):
            await pilot.press(key)
            seen.append(shown(pilot))
        assert seen == ["beta", "gamma", "alpha", "gamma", "beta", "beta"]
        await pilot.press("m", "g", "m", "enter")
        assert shown(pilot) == "gamma"
        await pilot.press("m", "up", "escape")
        assert shown(pilot) == "gamma"
        await pilot.press("m", "down", "enter")
        assert shown(pilot) == "alpha"


async def test_u_turns_to_the_other_matrix_and_back(opened: Open, tmp_path: Path) -> None:
    tensors = {"model.embed_tokens.weight": torch.randn(30, 4), "lm_head.weight": torch.randn(30, 4)}
    save_file(tensors, tmp_path / "model.safetensors")
    async with opened([model_at(tmp_path), a_model("one")], (120, 36)) as pilot:
        assert "unembedding (untied" in " ".join(screen_text(pilot).split())
        await pilot.press("u")
        await until(pilot, lambda: "dimension 4 in its embedding" in " ".join(screen_text(pilot).split()))
        await pilot.press("r")
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        assert "·  embedding" in screen_text(pilot)
        await pilot.press("u")
        await until(pilot, lambda: "not searched yet" in screen_text(pilot))
        await pilot.press("u")
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        await pilot.press("right_square_bracket", "u")
        await until(pilot, lambda: "This model stores no other matrix." in screen_text(pilot))


def test_the_picker_finds_letters_in_order_best_match_first() -> None:
    views = [View(a_model(name)) for name in ("Llama-3.2-3B", "Qwen2.5-3B", "Qwen3-4B-Instruct-2507", "[bold]x")]
    assert matches(views, "") == [0, 1, 2, 3]
    assert matches(views, "qwen3") == [2, 1][: len(matches(views, "qwen3"))]
    assert matches(views, "q4b") == [2]
    assert matches(views, "[bold]") == [3]
    assert matches(views, "zzz") == []


async def test_b_asks_for_a_batch_size_and_says_what_is_wrong_with_one(opened: Open) -> None:
    async with opened(THREE) as pilot:
        await pilot.press("b", *["backspace"] * 3, "0", "enter")
        assert "0 is not a whole number from 1 to 2,147,483,647." in screen_text(pilot)
        await pilot.press("backspace", "6", "4", "enter")
        assert isinstance(pilot.app.screen, MainScreen)
        assert app_of(pilot).state.settings.run.batch == 64
        assert "batch 64 · cpu" in screen_text(pilot)
        await pilot.press("b", "1", "escape")
        assert app_of(pilot).state.settings.run.batch == 64


async def test_d_asks_for_a_device_typed_or_chosen(opened: Open) -> None:
    async with opened(THREE) as pilot:
        await pilot.press("d", *["backspace"] * 3, *"cuda:x", "enter")
        assert "'cuda:x' is not a device; it is auto" in screen_text(pilot)
        await pilot.press("backspace", "1", "enter")
        assert app_of(pilot).state.settings.run.device == "cuda:1"
        await pilot.press("d", "down", "enter")
        assert app_of(pilot).state.settings.run.device == "auto"
        await pilot.press("d", "up", "up", "escape")
        assert app_of(pilot).state.settings.run.device == "auto"


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "many", "9" * 11, "\x1b[31m"])
def test_no_batch_size(text: str) -> None:
    assert batch_problem(text)


@pytest.mark.parametrize("text", ["1", " 256 ", "1,024", str(2**31 - 1)])
def test_a_batch_size(text: str) -> None:
    assert not batch_problem(text)


@pytest.mark.parametrize("text", ["", "gpu", "cuda:", "cuda:99999", "cpu:0", "CUDA"])
def test_no_device(text: str) -> None:
    assert device_problem(text)


@pytest.mark.parametrize("text", ["auto", "cpu", "mps", "cuda", "cuda:7"])
def test_a_device(text: str) -> None:
    assert not device_problem(text)


async def test_question_mark_explains_and_n_notes_and_both_go_back(opened: Open) -> None:
    HandWritten(a_model()).write(*published())
    async with opened([a_model()]) as pilot:
        await pilot.press("question_mark")
        assert "Search this model for its farthest pair" in screen_text(pilot)
        await pilot.press("end")
        assert "agree in every bit" in screen_text(pilot)
        await pilot.press("home", "pagedown", "k", "q")
        assert isinstance(pilot.app.screen, MainScreen)
        await pilot.press("n")
        assert "8.8e-04 away from the mean" in screen_text(pilot)
        await pilot.press("down", "escape")
        assert isinstance(pilot.app.screen, MainScreen)


@pytest.mark.parametrize(("key", "title"), [("question_mark", "the screen"), ("n", "nothing to note")])
async def test_a_page_to_read_has_no_message_above_it(opened: Open, key: str, title: str) -> None:
    async with opened([a_model()], (120, 36)) as pilot:
        await pilot.press("x")
        await until(pilot, lambda: "There is no run to stop." in screen_text(pilot))
        await pilot.press(key)
        await until(pilot, lambda: title in screen_text(pilot))
        await until(pilot, lambda: "There is no run to stop." not in screen_text(pilot))
        assert not app_of(pilot)._notifications


async def test_the_palette_has_every_action_with_its_sentence(opened: Open) -> None:
    async with opened(THREE, (120, 36)) as pilot:
        commands = {command.title: command for command in app_of(pilot).get_system_commands(pilot.app.screen)}
        for key in KEYS:
            if key.name:
                assert key.help in commands[key.name].help
        await pilot.press("ctrl+p")
        await pilot.press(*"batch size")
        await until(pilot, lambda: "how many rows are in a batch" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "rows in a batch of the next run" in screen_text(pilot))


async def test_the_cursor_moves_by_every_key_and_escape_follows_the_run_again(opened: Open) -> None:
    run = HandWritten(a_model())
    run.write(*started(batch=16, alive=True), named())
    async with opened([a_model()]) as pilot:
        await until(pilot, lambda: table(pilot).virtual_size.height > 100)
        places = []
        for key in ("down", "j", "down", "k", "up", "pagedown", "pageup", "end", "k", "home"):
            await pilot.press(key)
            places.append(table(pilot).cursor)
        assert places == [0, 1, 2, 1, 0, 8, 0, 140, 139, 0]
        assert "esc follows the run" in screen_text(pilot)
        await pilot.press("escape")
        assert table(pilot).cursor is None
        assert "esc follows the run" not in screen_text(pilot)


async def test_the_table_follows_the_run_but_leaves_the_cursor_of_a_reader_alone(opened: Open) -> None:
    run = HandWritten(a_model())
    run.write(*started(batch=16, alive=True), named())
    async with opened([a_model()]) as pilot:

        def late(batch: int) -> None:
            done = settled(0)
            run.write(type(done)(batch=batch, start=16 * batch, end=16 * batch + 16, maximum=1.0, i=14, j=17,
                                 pairs=1, evaluated=1, seconds=0.0, settled="float64"))  # fmt: skip

        late(70)
        await until(pilot, lambda: "1120–1135" in screen_text(pilot))
        await pilot.press("home", "j")
        late(130)
        await until(pilot, lambda: app_of(pilot).state.all().views[0].newest == 130)
        await pilot.pause(0.3)
        assert table(pilot).cursor == 1
        assert "16–31" in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "2080–2095" in screen_text(pilot))


async def test_r_searches_and_again_and_the_result_is_there(opened: Open, tmp_path: Path) -> None:
    model = model_at(build_small_model(tmp_path / "small"))
    async with opened([model], (120, 36)) as pilot:
        watched = app_of(pilot).state.watched[0]
        runs_seen = []
        for _ in range(2):
            await pilot.press("r")
            runs_seen.append(watched.run)
            await until(pilot, lambda: not watched.going)
            await until(pilot, lambda: "✓ done" in screen_text(pilot))
            assert "norms > 2" in screen_text(pilot)
        assert runs_seen[0] != runs_seen[1]
        for key, words in (("x", "no run to stop"), ("space", "no run to pause")):
            await pilot.press(key)
            await until(pilot, lambda words=words: words in screen_text(pilot))  # type: ignore[misc]


async def test_space_pauses_and_goes_on_and_x_stops(opened: Open, tmp_path: Path) -> None:
    request = long_request(tmp_path / "long")
    control.start(request)
    async with opened([model_at(tmp_path / "long")], (120, 36)) as pilot:
        await until(pilot, lambda: " left" in screen_text(pilot))
        await pilot.press("r")
        await until(pilot, lambda: "is being searched" in screen_text(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "paused – space resumes" in screen_text(pilot))
        await pilot.press("space")
        await until(pilot, lambda: "paused" not in screen_text(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "stopped at" in screen_text(pilot))
        assert "r runs it again" in screen_text(pilot) or "r goes on from" in screen_text(pilot)


async def test_switching_stops_nothing_and_coming_back_shows_everything(opened: Open, tmp_path: Path) -> None:
    models = [
        model_at(build_small_model(tmp_path / name, n=1500, d=64, vocabulary=2000)) for name in ("one", "two")
    ]
    async with opened(models, (120, 36)) as pilot:
        await pilot.press("r", "right_square_bracket", "r", "left_square_bracket", "right_square_bracket")
        assert shown(pilot) == "two"
        watched = app_of(pilot).state.watched
        await until(pilot, lambda: not any(one.going for one in watched))
        await until(pilot, lambda: screen_text(pilot).count("✓ 1") + screen_text(pilot).count("✓ 2") >= 2)
        await pilot.press("left_square_bracket")
        assert watched[0].record is not None
        assert watched[0].record.pair is not None
        wanted = f"{watched[0].record.pair.distance:.8f} ±"
        await until(pilot, lambda: wanted in screen_text(pilot))


async def test_q_quits_at_once_where_nothing_runs(opened: Open) -> None:
    async with opened(THREE) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: not pilot.app.is_running)


@pytest.mark.parametrize(
    ("answer", "stays", "goes_on"), [("g", True, True), ("l", False, True), ("s", False, False)]
)
async def test_q_asks_what_becomes_of_a_run(
    opened: Open, tmp_path: Path, answer: str, stays: bool, goes_on: bool
) -> None:
    control.start(long_request(tmp_path / "long"))
    async with opened([model_at(tmp_path / "long")]) as pilot:
        await until(pilot, lambda: " left" in screen_text(pilot))
        watched = app_of(pilot).state.watched[0]
        await pilot.press("q")
        assert "is going on" in screen_text(pilot)
        await pilot.press(answer)
        await until(pilot, lambda: pilot.app.is_running == stays)
        if goes_on:
            await watched.look()
            assert watched.going
            watched.stop()
        while watched.going:
            await watched.look()
            await watched.look_for_the_engine()
        assert watched.record is not None
        assert watched.record.state == "stopped"


async def test_keys_from_the_settings_act_and_are_named_wherever_the_screen_names_keys() -> None:
    keys = {"run": ("f5",), "help": ("f1", "H"), "next": (">",)}
    app = FarpairApp(
        THREE,
        tensors="/nowhere",
        model=None,
        settings=RunSettings(device="cpu"),
        appearance=Appearance(keys=keys),
    )
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: all(watched.looked for watched in app.state.watched))
        assert "f5 starts the search" in screen_text(pilot)
        assert "f5 run  x stop  space pause  [ > model" in screen_text(pilot)
        assert screen_text(pilot).rstrip().endswith("f1 help  q quit")
        await pilot.press("greater_than_sign", "right_square_bracket")
        assert shown(pilot) == "beta"
        await pilot.press("h", "question_mark")
        assert isinstance(pilot.app.screen, MainScreen)
        for key in ("H", "f1"):
            await pilot.press(key, "pagedown")
            assert "f1           Explain the keys" in screen_text(pilot)
            await pilot.press("escape")


def test_the_help_spells_formulas_in_ascii_where_there_is_nothing_else() -> None:
    text = " ".join(plain(help_lines(KEYS, 100, ascii_only=True)).split())
    assert "max |x_i − x_j| = sqrt sum (x_i − x_j)^2" in text
    assert "no terminal answers" in text
