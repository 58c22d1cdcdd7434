"""The command line: what each command prints, its exit code, and that there is never a traceback."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from farpair import __version__
from farpair.engine.journal.reader import read_record
from farpair.engine.models.discovery import model_at
from farpair.engine.report import sentences
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs import control, folders
from farpair.engine.runs.request import request_for
from safetensors.torch import save_file
from support.fixtures import build_small_model
from support.running import FARPAIR, PATIENCE_SECONDS, ended, farpair, read_until, searching


def test_a_model_is_run_and_reported_by_name_by_folder_and_by_file(models: Path) -> None:
    for word in ("first", str(models / "first"), str(models / "first" / "W.safetensors")):
        done = farpair("run", word, "--device", "cpu", "--batch", "16")
        assert (done.returncode, done.stderr) == (0, "")
        record = read_record(folders.all_runs()[0].journal)
        assert record.started is not None
        assert record.started.batches == 4
        assert record.pair is not None
        assert f"{record.pair.distance:.8f}" in done.stdout


def test_a_model_without_a_terminal_is_printed_instead_of_shown() -> None:
    said = farpair("first", "--json", "--batch", "16", "--cluster", "all")
    assert said.returncode == 0
    printed = json.loads(said.stdout)
    assert printed["state"] == "done"
    assert printed["rows"]["n"] == 200
    assert len(printed["batches"]) == 13
    assert farpair("first").stdout.startswith("first")


def test_a_finished_run_is_printed_again_as_it_was() -> None:
    first = farpair("run", "first")
    again = farpair("report", folders.all_runs()[0].id)
    assert again.returncode == 0
    assert again.stdout == first.stdout
    assert (
        json.loads(farpair("report", folders.all_runs()[0].id[-4:], "--json").stdout)["run"]
        == folders.all_runs()[0].id
    )


def test_a_run_is_printed_as_markdown_and_as_a_table_of_its_batches() -> None:
    printed = farpair("run", "first", "--batch", "16", "--markdown")
    assert printed.returncode == 0
    assert printed.stdout.startswith("# first")
    record = read_record(folders.all_runs()[0].journal)
    assert record.pair is not None
    assert f"{record.pair.distance:.8f}" in printed.stdout.replace("\\", "")
    table = farpair("report", folders.all_runs()[0].id, "--csv").stdout.splitlines()
    assert table[0].startswith("batch,start,end,maximum")
    assert len(table) == 5
    assert [float(row.split(",")[3]) for row in table[1:]] == [row.value for row in record.batches]


def test_plain_tells_what_happens_in_sentences_as_it_happens() -> None:
    program = subprocess.Popen(
        [*FARPAIR, "run", "long", "--exhaustive", "--threads", "1", "--plain"], stdout=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    lines = [program.stdout.readline() for _ in range(2)]
    assert lines[0].startswith("long: the engine has started, as run ")
    assert lines[1].startswith("24,000 of 24,000 tokens, of dimension 512, F32, in 94 batches of 256 on cpu")
    while not lines[-1].startswith("1 of 94 batches: rows "):
        lines.append(program.stdout.readline())
    assert program.poll() is None
    program.send_signal(signal.SIGTERM)
    program.communicate(timeout=PATIENCE_SECONDS)
    again = farpair("report", folders.all_runs()[0].id, "--plain")
    assert again.stdout.splitlines()[:2] == [line.rstrip() for line in lines[:2]]
    assert "Terminated from outside by SIGTERM" in again.stdout.splitlines()[-1]


def test_plain_says_all_that_was_found_and_moves_no_cursor() -> None:
    said = farpair("run", "first", "--plain")
    assert (said.returncode, said.stderr) == (0, "")
    record = read_record(folders.all_runs()[0].journal)
    assert record.pair is not None
    assert record.analysis is not None
    assert record.ladder is not None
    for number in (
        f"The largest distance is {record.pair.distance:.8f}",
        f"norm is {record.analysis.outlier.norm:.8f}",
        f"{record.analysis.triangle.at_centroid:.2f}° at the centroid",
        f"median {record.analysis.norms.median:.8f}",
        *sentences.ladder(record.ladder),
        "Done. ",
    ):
        assert number in said.stdout
    assert all(line.isprintable() and line.endswith(".") for line in said.stdout.splitlines())


def test_models_are_listed_with_their_problems_and_harmless_names() -> None:
    said = farpair("models")
    assert said.returncode == 0
    lines = said.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["model", r"[red]\x1b[31m\nname", "broken"]
    assert "not a safetensors file" in lines[2]
    assert "200 × 12" in next(line for line in lines if line.startswith("first"))


def test_runs_are_listed_newest_first_with_what_they_found() -> None:
    none = farpair("runs")
    assert (none.returncode, none.stdout) == (0, "")
    farpair("run", "first")
    farpair("run", "nan")
    lines = farpair("runs").stdout.splitlines()
    assert [line.split()[1] for line in lines] == ["state", "failed", "done"]
    record = read_record(folders.all_runs()[1].journal)
    assert record.pair is not None
    assert f"{record.pair.distance:.8f}" in lines[2]


def test_the_only_model_there_is_needs_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FARPAIR_TENSORS")
    build_small_model(tmp_path / "tensors" / "lonely")
    assert farpair().stdout.startswith("lonely")
    build_small_model(tmp_path / "tensors" / "neighbour")
    said = farpair()
    assert said.returncode == 2
    assert said.stderr.startswith("farpair: Which model? There are lonely, neighbour and all-MiniLM-L6-v2.")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["run"], "MODEL"),
        (["run", "third"], "no model 'third'"),
        (["third"], "no model 'third'"),
        (["run", "./third"], "no file or folder"),
        (["run", "broken"], "not a safetensors file"),
        (["run", "nan"], "NaN"),
        (["run", "first", "--tensor", "V"], 'no tensor "V"'),
        (["run", "first", "--cluster", "tokens:["], "not a regular expression"),
        (["run", "first", "--cluster", "some"], "'some' is not a cluster"),
        (["run", "first", "--device", "cuda:99"], "cuda:99"),
        (["run", "first", "--device", "gpu0"], "gpu0"),
        (["run", "first", "--device", "\x1b[31m"], r"'\x1b[31m' is not a device"),
        (["run", "first", "second"], "'second' is one word too many"),
        (["--tensors", "nowhere", "models"], "no folder"),
        (["--tensor", "W"], "--tensor goes with the MODEL"),
        (["report"], "RUN"),
        (["report", "third"], "no run 'third'"),
        (["runs", "--json"], "--json"),
        (["report", "third", "--json", "--csv"], "--csv: not allowed with argument --json"),
        (["--frobnicate"], "--frobnicate"),
        (["--bat", "4"], "--bat"),
        *(
            (["run", "first", flag, value], value)
            for flag in ("--batch", "--threads")
            for value in ("0", "-3", "many", "1.5", "9" * 30)
        ),
        *((["run", "first", "--memory", value], value) for value in ("0", "much", "3XB", "1e3")),
        (["run", "first", "--memory=-1GB"], "-1GB"),
        (["run", "first", "--precision", "float8"], "float8"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(words: list[str], reason: str) -> None:
    said = farpair(*words)
    assert said.returncode == 2
    assert said.stdout == ""
    assert said.stderr.startswith("farpair: ")
    assert reason in said.stderr
    assert said.stderr.count("\n") == 1
    assert said.stderr[:-1].isprintable()


def test_a_run_that_was_never_finished_is_reported_as_far_as_it_came(models: Path) -> None:
    run = control.start(request_for(model_at(models / "long"), RunSettings(threads=1, exhaustive=True)))
    record = read_until(run, searching)
    going = farpair("report", run.id)
    assert going.returncode == 1
    assert "Not ended: according to its journal, the run is searching." in going.stdout
    assert going.stderr == f"farpair: The run {run.id} is not over yet.\n"
    control._children[run.id].kill()
    control._children[run.id].wait()
    dead = farpair("report", run.id)
    assert dead.returncode == 1
    assert "0–255" in dead.stdout
    assert f"The engine (process {record.engine.pid if record.engine else 0}) is no longer there" in dead.stderr
    assert farpair("runs").stdout.splitlines()[1].split()[1] == "died"
    printed = farpair("report", run.id, "--json")
    assert printed.returncode == 1
    assert (json.loads(printed.stdout)["state"], json.loads(printed.stdout)["ended"]) == ("searching", None)


def test_a_run_that_was_stopped_or_failed_is_reported_with_how_it_ended(models: Path) -> None:
    run = control.start(request_for(model_at(models / "long"), RunSettings(threads=1, exhaustive=True)))
    control.stop(run, read_until(run, lambda now: now.batches_done > 0))
    record = read_until(run, ended)
    stopped = farpair("report", run.id)
    assert (stopped.returncode, stopped.stderr) == (1, "")
    assert record.ended is not None
    assert f"{record.batches_done} of {len(record.batches)} batches are settled." in stopped.stdout
    assert stopped.stdout.endswith(f"\n{record.ended.reason} {record.ended.advice}\n")
    farpair("run", "nan")
    failed = farpair("report", folders.all_runs()[0].id)
    assert (failed.returncode, failed.stderr) == (1, "")
    assert "\nFailed. NaN or infinity in 4 rows" in failed.stdout
    assert "Fix this, then run again." in " ".join(failed.stdout.split())


def test_a_folder_that_is_not_the_notebooks_is_named_by_its_place_among_the_models(models: Path) -> None:
    (models / "hollow").mkdir(exist_ok=True)
    said = farpair("run", "hollow")
    assert said.returncode == 2
    assert "hollow holds none of W.safetensors, " in said.stderr
    (models / "checkpoint").mkdir(exist_ok=True)
    save_file({"tok.weight": torch.eye(3)}, models / "checkpoint" / "model.safetensors")
    assert farpair("run", "checkpoint").stdout.startswith("checkpoint")


def test_of_many_models_a_few_are_named(tmp_path: Path) -> None:
    for n in range(9):
        build_small_model(tmp_path / "many" / f"model-{n}", n=4, d=2)
    said = farpair("run", "third", "--tensors", str(tmp_path / "many"))
    assert (
        "model-0, model-1, model-2, model-3, model-4, model-5 and 4 more; `farpair models` lists them."
        in said.stderr
    )


def test_the_version_and_help_are_there_from_either_door() -> None:
    script = Path(sys.executable).with_name("farpair")
    for program in ([str(script)], FARPAIR):
        version = subprocess.run([*program, "--version"], capture_output=True, text=True)
        assert (version.returncode, version.stdout) == (0, f"farpair {__version__}\n")
    commands = ["demo", "run", "models", "runs", "report", "config", "attach", "replay", "stop", "pause", "resume"]
    for words in ([], *([command] for command in commands)):
        said = farpair(*words, "--help")
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.startswith(f"usage: {' '.join(['farpair', *words])} ")


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16", "int8"])
def test_a_run_says_in_which_format_it_screened_and_finds_the_same(precision: str) -> None:
    plain, screened = (
        json.loads(farpair("run", "first", "--json", *flags).stdout) for flags in ([], ["--precision", precision])
    )

    assert screened["device"]["precision"] == screened["certificate"]["precision"] == precision
    assert screened["device"]["precision_reason"].startswith("as asked")
    assert screened["pair"] == plain["pair"]
    assert plain["device"]["precision"] == "float32"


@pytest.mark.parametrize("words", [["run"], ["--print"], ["run", "--json"]])
@pytest.mark.parametrize("where", ["deleted", "closed"])
def test_a_model_at_a_path_is_run_from_a_folder_that_is_gone_or_may_not_be_read(
    words: list[str], where: str, models: Path, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    script = (
        'cd "$1"; shift; rmdir ../here; exec "$@"'
        if where == "deleted"
        else 'cd "$1"; chmod 0 .; shift; exec "$@"'
    )
    command = [*FARPAIR, *words, str(models / "first"), "--device", "cpu"]
    environment = {name: value for name, value in os.environ.items() if name != "FARPAIR_TENSORS"}
    said = subprocess.run(
        ["sh", "-c", script, "sh", str(tmp_path / "here"), *command],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr


def test_a_tensors_folder_that_is_not_there_is_in_no_way_of_a_model_at_a_path(models: Path) -> None:
    said = farpair("run", str(models / "first"), "--device", "cpu", "--tensors", "/nowhere/tensors")
    assert said.returncode == 0, said.stderr
    assert "/nowhere/tensors" in farpair("run", "first", "--tensors", "/nowhere/tensors").stderr
