"""The real program in a real terminal: keys in, a screen out, and nothing left behind but runs that keep going."""

import ctypes
import os
import platform
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from farpair.engine.journal.reader import read_record
from farpair.engine.journal.record import RunRecord
from farpair.engine.runs import control, folders
from support.fixtures import HOSTILE_TEXTS, build_small_model
from support.running import ended, long_request, read_until, searching
from support.terminal import Terminal
from tui.conftest import SIZES

RESTORED = ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l")  # the other screen gone, the cursor back, no mouse


@contextmanager
def farpair(tensors: Path, *words: str, size: tuple[int, int] = (80, 24)) -> Iterator[Terminal]:
    """The program on the models in `tensors`, its state beside them; its engines are ended with it."""
    state = Path(os.environ["XDG_STATE_HOME"])
    state.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "farpair", "--tensors", str(tensors), "--device", "cpu", *words]
    with Terminal(command, state, columns=size[0], rows=size[1]) as terminal:
        try:
            yield terminal
        finally:
            for run in folders.all_runs():
                record = read_record(run.journal) if run.journal.exists() else RunRecord()
                if record.ended is None and record.engine is not None and control.is_alive(run, record):
                    os.kill(record.engine.pid, signal.SIGKILL)


def engine_pid() -> int:
    """The process of the newest run's engine, once it searches."""
    record = read_until(folders.all_runs()[0], searching)
    assert record.engine is not None
    return record.engine.pid


@pytest.mark.parametrize("size", SIZES)
def test_one_key_searches_and_the_whole_analysis_is_on_the_screen(tmp_path: Path, size: tuple[int, int]) -> None:
    build_small_model(tmp_path / "tensors" / "small")
    with farpair(tmp_path / "tensors", size=size) as terminal:
        terminal.wait_for("r starts the search")
        terminal.press("r")
        terminal.wait_for("✓ done")
        text = terminal.wait_for(lambda text: any("⠀" < character <= "⣿" for character in text))
        record = read_record(folders.all_runs()[0].journal)
        assert record.pair is not None
        assert record.analysis is not None
        assert f"{record.pair.distance:.8f} ±" in text
        assert f"{record.analysis.triangle.at_centroid:.2f}°" in text
        assert f"{record.analysis.centroid_norm:.8f}" in text
        assert "norms > 2" in text
        assert "q quit" in text
        terminal.press("q")
        assert terminal.wait() == 0
    for sequence in RESTORED:
        assert sequence.encode() in terminal.written


def test_the_screen_is_laid_out_anew_when_the_terminal_is_resized_during_a_run(tmp_path: Path) -> None:
    control.start(long_request(tmp_path / "tensors" / "long"))
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for(" left")
        for columns, rows in (*SIZES[1:], SIZES[0]):
            terminal.resize(columns, rows)
            text = terminal.wait_for(
                lambda text: (
                    text.startswith(" farpair  long")
                    and all(
                        title in text for title in (" left", "batches", "outliers", "triangle", "batch maxima")
                    )
                    and "q quit" in text.splitlines()[-1]
                )
            )
            assert [len(line) for line in text.splitlines()] == [columns] * rows
        terminal.press("x")
        terminal.wait_for("stopped at")


def test_an_engine_that_is_killed_is_a_sentence_on_the_screen_and_r_runs_again(tmp_path: Path) -> None:
    control.start(long_request(tmp_path / "tensors" / "long"))
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for(" left")
        os.kill(engine_pid(), signal.SIGKILL)
        text = " ".join(terminal.wait_for("the engine died").split())
        assert "it was killed" in text or "was killed (SIGKILL)" in text
        terminal.wait_for(lambda text: "r runs it again" in text or "r goes on from" in text)
        terminal.press("r")
        terminal.wait_for(" left")
        assert len(folders.all_runs()) == 2


def test_an_engine_of_our_own_that_is_killed_is_named_with_its_signal(tmp_path: Path) -> None:
    (tmp_path / "tensors").mkdir()
    long_request(tmp_path / "tensors" / "long")
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for("r starts the search")
        terminal.press("r")
        terminal.wait_for(" left")
        os.kill(engine_pid(), signal.SIGKILL)
        terminal.wait_for("killed (SIGKILL)")
        terminal.press("q")
        assert terminal.wait() == 0


HOSTILE_NAMES = ("plain", "\x1b]0;title\x07", "[bold]\x1b[31mred", "right\u202eleft", "new\nline", "\x9b2Jc1")


def test_no_hostile_name_or_token_reaches_the_terminal_as_it_is(tmp_path: Path) -> None:
    for name in HOSTILE_NAMES:
        build_small_model(tmp_path / "tensors" / name, n=7, vocabulary=len(HOSTILE_TEXTS))
    (tmp_path / "tensors" / HOSTILE_NAMES[2] / "W.safetensors").write_bytes(b"no safetensors")
    with farpair(tmp_path / "tensors", size=(120, 36)) as terminal:
        terminal.wait_for("plain")
        for number in range(1, len(HOSTILE_NAMES) + 1):
            terminal.press(str(number), "r")
            time.sleep(0.3)
        terminal.wait_for(lambda text: text.count("✓") >= len(HOSTILE_NAMES) - 1)
        for number in range(1, len(HOSTILE_NAMES) + 1):
            terminal.press(str(number))
            time.sleep(0.3)
            terminal.press("m", "escape", "n", "escape", "ctrl+p", "s", "h", "o", "w")
            time.sleep(0.3)
            terminal.press("escape")
            terminal.wait_for(lambda text: "q quit" in text and "Show model" not in text)
        assert "[bold]" in terminal.wait_for(r"\x1b")
        terminal.press("q")
        assert terminal.wait() == 0
    written = terminal.written.decode()
    for hostile in ("\x1b]0;", "\x1b[31m", "\x07", "\u202e", "\u200b", "\x9b"):
        assert hostile not in written.replace("\x1b]22;default\x07", ""), f"{hostile!r} reached the terminal"
    assert not re.search("new\r?\nline|two\r?\nlines", written)


@pytest.mark.parametrize("size", SIZES)
def test_a_finished_run_is_sorted_filtered_read_and_filled_into_the_screen(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    build_small_model(tmp_path / "tensors" / "small", n=120, vocabulary=400)
    with farpair(tmp_path / "tensors", "--batch", "16", size=size) as terminal:
        terminal.wait_for("r starts the search")
        terminal.press("r")
        terminal.wait_for("✓ done")
        record = read_record(folders.all_runs()[0].journal)
        largest = max(record.batches, key=lambda row: row.value or 0.0)
        terminal.press("s")
        terminal.wait_for("maximum▼")
        terminal.press("/#3\r")  # faster than anyone types: no letter counts as a key
        terminal.wait_for("1 of 8 match #3")
        terminal.press("down", "enter")
        text = terminal.wait_for("triangle · batch 3's pair")
        third = record.batches[3]
        assert third.done is not None
        assert f"{third.done.maximum:.8f}" in text
        shape = record.triangles[third.done.i, third.done.j]
        assert f"{shape.at_centroid:.2f}°" in text
        terminal.press("f")
        terminal.wait_for(lambda text: "triangle" not in text and "1 of 8 match #3" in text)
        terminal.resize(*SIZES[(SIZES.index(size) + 1) % len(SIZES)])
        terminal.wait_for(lambda text: "1 of 8 match #3" in text and "q quit" in text.splitlines()[-1])
        terminal.press("escape", "escape", "escape")
        text = terminal.wait_for(lambda text: "triangle" in text and "match" not in text)
        assert f"{largest.value:.8f}" in text
        terminal.press("q")
        assert terminal.wait() == 0


def test_keys_that_come_all_at_once_are_written_where_the_first_of_them_leads(tmp_path: Path) -> None:
    for name in ("alpha", "quux"):
        build_small_model(tmp_path / "tensors" / name)
    with farpair(tmp_path / "tensors", size=(120, 36)) as terminal:
        terminal.wait_for("r starts the search")
        terminal.press("mqux\r")  # q does not quit, x does not stop
        terminal.wait_for(lambda text: text.startswith(" farpair  quux"))
        terminal.press("b17\r")
        terminal.wait_for("batch 17 ·")
        terminal.press("dauto\r")
        terminal.wait_for("batch 17 · auto")
        terminal.press("q")
        assert terminal.wait() == 0


def test_a_broken_model_is_a_sentence_on_the_screen(tmp_path: Path) -> None:
    folder = build_small_model(tmp_path / "tensors" / "broken")
    (folder / "W.safetensors").write_bytes(b"\x05\0\0\0\0\0\0\0hello")
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for("this model cannot be searched")
        terminal.wait_for("is not a safetensors file")
        terminal.press("r")
        terminal.press("q")
        assert terminal.wait() == 0


def test_nothing_is_written_while_nothing_changes(tmp_path: Path) -> None:
    build_small_model(tmp_path / "tensors" / "small")
    with farpair(tmp_path / "tensors", size=(160, 48)) as terminal:
        terminal.wait_for("r starts the search")
        terminal.press("r")
        terminal.wait_for(lambda text: any("⠀" < character <= "⣿" for character in text))
        terminal.settled()
        before = len(terminal.written)
        time.sleep(3.0)
        assert len(terminal.written) == before


def test_a_paused_run_writes_nothing_and_goes_on_by_the_same_key(tmp_path: Path) -> None:
    control.start(long_request(tmp_path / "tensors" / "long"))
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for(" left")
        terminal.press("space")
        terminal.wait_for("paused – space resumes")
        terminal.settled()
        before = len(terminal.written)
        time.sleep(2.0)
        assert len(terminal.written) == before
        terminal.press("space")
        terminal.wait_for(" left")


def test_leaving_lets_the_engine_go_on_and_the_next_farpair_shows_it(tmp_path: Path) -> None:
    (tmp_path / "tensors").mkdir()
    long_request(tmp_path / "tensors" / "long")
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for("r starts the search")
        terminal.press("r")
        terminal.wait_for(" left")
        pid = engine_pid()
        terminal.press("q")
        terminal.wait_for("leave it running")
        terminal.press("l")
        assert terminal.wait() == 0
        assert psutil.pid_exists(pid)
        with farpair(tmp_path / "tensors") as again:
            again.wait_for(lambda text: " left" in text or "✓ done" in text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_restores_the_terminal_and_leaves_the_engine_alone(
    tmp_path: Path, number: signal.Signals
) -> None:
    control.start(long_request(tmp_path / "tensors" / "long"))
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for(" left")
        pid = engine_pid()
        terminal.process.send_signal(number)
        assert terminal.wait() == 128 + number
        for sequence in RESTORED:
            assert sequence.encode() in terminal.written
        assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_a_dropped_connection_ends_the_screen_and_leaves_the_engine_alone(tmp_path: Path) -> None:
    run = control.start(long_request(tmp_path / "tensors" / "long"))
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for(" left")
        pid = engine_pid()
        terminal.hang_up()
        assert terminal.wait() == 128 + signal.SIGHUP
        assert psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        control.stop(run, read_record(run.journal))
        assert read_until(run, ended).state == "stopped"


def test_nothing_of_the_picture_is_left_for_the_terminal_to_put_among_the_lines_of_the_shell(
    tmp_path: Path,
) -> None:
    build_small_model(tmp_path / "tensors" / "small")
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for("r starts the search")
        terminal.resize(120, 36)
        terminal.wait_for(lambda text: "q quit" in text.splitlines()[-1])
        terminal.press("q")
        assert terminal.wait() == 0
    _, _, after = terminal.written.rpartition(b"\x1b[2J")
    leaving, _, _ = after.partition(b"\x1b[?1049l")
    assert leaving != after, "the other screen is left after it is cleared"
    assert re.sub(rb"\x1b\[[0-9;<>?]*[a-zA-Z]", b"", leaving) == b""


def test_without_the_mouse_the_terminal_keeps_it(tmp_path: Path) -> None:
    build_small_model(tmp_path / "tensors" / "small")
    with farpair(tmp_path / "tensors", "--no-mouse") as terminal:
        terminal.wait_for("r starts the search")
        terminal.press("q")
        assert terminal.wait() == 0
    assert b"\x1b[?1000h" not in terminal.written


@pytest.mark.parametrize("streams", ["2>{file}", "2>/dev/null", "2>&-"])
def test_the_app_draws_where_its_output_goes_wherever_its_errors_go(tmp_path: Path, streams: str) -> None:
    build_small_model(tmp_path / "tensors" / "small")
    program = f"{sys.executable} -m farpair --tensors {tmp_path / 'tensors'} --device cpu"
    redirected = f"exec {program} {streams.format(file=tmp_path / 'errors')}"
    with Terminal(["/bin/sh", "-c", redirected], tmp_path / "state", columns=80, rows=24) as terminal:
        terminal.wait_for("r starts the search")
        terminal.resize(120, 36)
        terminal.wait_for(lambda text: "r starts the search" in text and len(text.splitlines()[0]) == 120)
        terminal.press("q")
        assert terminal.wait() == 0
    assert not (tmp_path / "errors").exists() or (tmp_path / "errors").read_bytes() == b""


@pytest.mark.parametrize("before", ["", "?", "a", "b", "\x10", "/"])
def test_ctrl_z_suspends_the_app_wherever_one_is_and_fg_paints_it_again(tmp_path: Path, before: str) -> None:
    build_small_model(tmp_path / "tensors" / "small")
    with farpair(tmp_path / "tensors") as terminal:
        shown = terminal.wait_for("r starts the search")
        terminal.press(*before)
        there = terminal.settled(shown if before else "")
        for _ in range(2):
            terminal.press("\x1a")
            program = psutil.Process(terminal.process.pid)
            deadline = time.monotonic() + 20
            while program.status() != psutil.STATUS_STOPPED:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            terminal.wait_for(lambda text: not text.strip())
            os.kill(program.pid, signal.SIGCONT)
            terminal.wait_for(lambda text: text == there)
        if before:
            terminal.press("escape")
        terminal.wait_for(lambda text: text.splitlines()[0] == shown.splitlines()[0])
        terminal.press("q")
        assert terminal.wait() == 0


def test_fg_paints_the_app_again_whichever_of_its_threads_the_kernel_gives_the_signal_to(tmp_path: Path) -> None:
    build_small_model(tmp_path / "tensors" / "small")
    with farpair(tmp_path / "tensors") as terminal:
        terminal.wait_for("r starts the search")
        shown = terminal.settled()
        program = psutil.Process(terminal.process.pid)
        for _ in range(2):
            terminal.press("\x1a")
            deadline = time.monotonic() + 20
            while program.status() != psutil.STATUS_STOPPED:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            terminal.wait_for(lambda text: not text.strip())
            others = [thread.id for thread in program.threads() if thread.id != program.pid]
            assert others, "the app has a second thread"
            _signal_thread(program.pid, others[0], signal.SIGCONT)
            terminal.wait_for(lambda text: text == shown)
        terminal.press("q")
        assert terminal.wait() == 0


def _signal_thread(process: int, thread: int, number: int) -> None:
    """Send a signal to one thread of another process, as tgkill(2) does."""
    tgkill = {"x86_64": 234, "aarch64": 131}[platform.machine()]
    assert ctypes.CDLL(None, use_errno=True).syscall(tgkill, process, thread, number) == 0
