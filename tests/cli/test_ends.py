"""How the command line ends: by a signal, a killed engine, or a reader or terminal that is gone."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from farpair.engine.runs import folders
from support.running import FARPAIR, PATIENCE_SECONDS, ended, farpair, read_until, searching


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "SIGTERM"]
)
def test_a_run_that_is_interrupted_stops_its_engine(number: int, code: int) -> None:
    program = subprocess.Popen(
        [*FARPAIR, "run", "long", "--exhaustive", "--threads", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a shell's background jobs ignore ctrl-c
    )
    run = first_run()
    read_until(run, searching)
    program.send_signal(number)
    printed, said = program.communicate(timeout=PATIENCE_SECONDS)
    assert (program.returncode, printed) == (code, "")
    record = read_until(run, ended)
    assert record.ended is not None
    assert said == f"farpair: {record.ended.reason}\n"
    assert record.ended.outcome == "cancelled"


def test_an_engine_that_is_killed_ends_the_run_with_a_sentence() -> None:
    program = subprocess.Popen(
        [*FARPAIR, "run", "long", "--exhaustive", "--threads", "1"], stderr=subprocess.PIPE, text=True
    )
    record = read_until(first_run(), searching)
    assert record.engine is not None
    os.kill(record.engine.pid, signal.SIGKILL)
    _, said = program.communicate(timeout=PATIENCE_SECONDS)
    assert program.returncode == 1
    assert said.startswith("farpair: The engine was killed (SIGKILL)")


def test_progress_is_one_line_on_a_terminal_that_is_gone_at_the_end() -> None:
    main, terminal = pty.openpty()
    program = subprocess.Popen([*FARPAIR, "run", "first"], stdout=subprocess.PIPE, stderr=terminal)
    os.close(terminal)
    shown = b"".join(_read(main))
    program.communicate(timeout=PATIENCE_SECONDS)
    assert shown.startswith(b"\rstarting the engine\x1b[K\rloading\x1b[K")
    assert shown.endswith(b"\r\x1b[K")
    assert b"\n" not in shown


def test_a_reader_that_leaves_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    program = subprocess.run([*FARPAIR, "models"], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (program.returncode, program.stderr) == (141, b"")


def test_output_that_cannot_be_written_is_a_sentence() -> None:
    with open("/dev/full", "w") as full:
        for words in (["models"], ["run", "first"], ["run", "first", "--json"]):
            said = subprocess.run([*FARPAIR, *words], stdout=full, stderr=subprocess.PIPE, text=True)
            assert (said.returncode, said.stderr) == (
                1,
                "farpair: The output cannot be written: No space left on device.\n",
            )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_traceback(closed: str) -> None:
    for words in ("models", "first", "run third"):
        command = f"{sys.executable} -m farpair {words} {closed}"
        said = subprocess.run(["sh", "-c", command], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert said.returncode == (2 if "third" in words else 0)
        assert "Traceback" not in said.stderr


def test_a_terminal_that_lacks_characters_is_told_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    said = farpair("models")
    assert said.returncode == 0
    assert r"200 \xd7 12" in said.stdout


def first_run() -> folders.Run:
    """The run that another process is about to start."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := folders.all_runs()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found[0]


def _read(fd: int) -> Iterator[bytes]:
    """All that comes from the terminal `fd` until its other side is closed."""
    while True:
        try:
            chunk = os.read(fd, 4096)
        except OSError:  # how Linux says that the other side of a terminal is closed
            chunk = b""
        if not chunk:
            os.close(fd)
            return
        yield chunk
