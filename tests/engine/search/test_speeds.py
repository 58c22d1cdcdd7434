"""The speeds of a machine are measured once and kept, and measured again where the kept ones are of no use."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from farpair.engine.search import speeds
from farpair.engine.search.int8 import is_exact
from farpair.engine.search.speeds import Speeds, cpu_speeds, machine, measured


@pytest.fixture(autouse=True)
def another_process() -> Iterator[None]:
    """Nothing was asked for yet in this process, nor is it afterwards."""
    cpu_speeds.cache_clear()
    yield
    cpu_speeds.cache_clear()


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """The machines that are measured from now on, each 100 and 400 GFLOP/s fast."""
    machines: list[dict[str, str]] = []

    def measure(of: dict[str, str]) -> tuple[Speeds, bool]:
        machines.append(of)
        return Speeds(of, float32=100.0, bfloat16=400.0, int8=None), True

    monkeypatch.setattr(speeds, "measured", measure)
    return machines


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "farpair" / "speeds").iterdir())


def test_speeds_are_measured_once_and_known_to_the_next_process(
    asked: list[dict[str, str]], tmp_path: Path
) -> None:
    first = cpu_speeds()
    cpu_speeds.cache_clear()

    assert cpu_speeds() == first == Speeds(machine(), 100.0, 400.0, None)
    assert asked == [machine()]
    (file,) = files(tmp_path)
    assert msgspec.json.decode(file.read_bytes()) == {
        "machine": machine(),
        "float32": 100.0,
        "bfloat16": 400.0,
        "int8": None,
    }


@pytest.mark.parametrize("differs", ["processor", "threads", "torch"])
def test_another_machine_with_the_same_home_is_measured_for_itself(
    differs: str, asked: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cpu_speeds()
    cpu_speeds.cache_clear()
    other = {**machine(), differs: "another"}
    monkeypatch.setattr(speeds, "machine", lambda: other)

    assert cpu_speeds().machine == other
    assert len(asked) == len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"\xff\xfe",
        b"[]",
        b'{"machine":{},"float32":1.0,"bfloat16":9.0,"int8":9.0}',
        b'{"machine":MACHINE,"float32":1.0}',
        b'{"machine":MACHINE,"float32":1.0,"bfloat16":9.0}',  # as kept by a version that had no int8
        b'{"machine":MACHINE,"float32":1.0,"bfloat16":9.0,"int8":0.0}',
        b'{"machine":MACHINE,"float32":0.0,"bfloat16":9.0,"int8":9.0}',
        b'{"machine":MACHINE,"float32":-1.0,"bfloat16":9.0,"int8":9.0}',
        b'{"machine":MACHINE,"float32":1e999,"bfloat16":9.0,"int8":9.0}',
        b'{"machine":MACHINE,"float32":"fast","bfloat16":9.0,"int8":9.0}',
        b'{"machine":MACHINE,"float32":1.0,"bfloat16":9.0,"int8":9.0}' + b" " * 100_000,
        b"[" * 10_000,
    ],
    ids=lambda content: str(content[:50]),
)
def test_a_damaged_file_is_measured_again_and_mended(
    content: bytes, asked: list[dict[str, str]], tmp_path: Path
) -> None:
    cpu_speeds()
    (file,) = files(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(content.replace(b"MACHINE", msgspec.json.encode(machine())))
    cpu_speeds.cache_clear()

    assert cpu_speeds().float32 == 100.0
    assert len(asked) == 2
    assert file.read_bytes() == whole


def test_a_folder_in_the_place_of_the_file_does_no_harm(asked: list[dict[str, str]], tmp_path: Path) -> None:
    cpu_speeds()
    (file,) = files(tmp_path)
    file.unlink()
    file.mkdir()
    cpu_speeds.cache_clear()

    assert cpu_speeds().bfloat16 == 400.0
    assert len(asked) == 2
    assert files(tmp_path) == [file]


def test_without_a_folder_for_caches_each_process_measures(
    asked: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    cpu_speeds()
    cpu_speeds.cache_clear()

    assert cpu_speeds().bfloat16 == 400.0
    assert len(asked) == 2


@pytest.mark.usefixtures("asked")
def test_without_a_home_each_process_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("farpair.engine.home._home_in_the_accounts", lambda: "")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "")

    assert cpu_speeds().bfloat16 == 400.0


def test_figures_that_other_programs_let_not_settle_are_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seconds = (0.97**turn for turn in itertools.count())  # each faster than the one before
    monkeypatch.setattr(speeds, "_turn", lambda *_: next(seconds))
    monkeypatch.setattr(speeds, "_LONGEST", 1e-3)

    assert 0 < cpu_speeds().float32 < cpu_speeds().bfloat16
    assert not (tmp_path / "cache").exists()


def test_the_fastest_turns_count_and_are_kept_once_they_settle(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = itertools.chain([9.0, 9.0, 9.0, 2.0, 9.0, 9.0, 9.0, 1.0, 0.5], itertools.repeat(9.0))
    monkeypatch.setattr(speeds, "_turn", lambda *_: next(turns))
    monkeypatch.setattr(speeds, "is_exact", lambda _: True)
    found, settled = measured(machine())

    assert found.int8 == 2 * found.bfloat16 == 4 * found.float32
    assert settled


def test_what_is_measured_is_a_speed_of_each_format() -> None:
    found, _ = measured(machine())

    assert 0 < found.float32 < 1e6
    assert 0 < found.bfloat16 < 1e6
    assert (found.int8 is not None) == is_exact(torch.device("cpu"))


def test_whole_numbers_that_do_not_come_out_exactly_have_no_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speeds, "is_exact", lambda _: False)

    assert measured(machine())[0].int8 is None
