"""Where flags may stand, and what may be written after them."""

import shutil
import subprocess
from dataclasses import fields

import pytest
from farpair.cli import parse
from farpair.engine.errors import InputError
from farpair.engine.run_settings import RunSettings
from farpair.parser import COMMANDS, RUN_SETTINGS
from farpair.values import THEMES
from support.running import farpair


def test_flags_may_stand_before_and_after_the_words() -> None:
    for words in (
        ["run", "--tensors", "run", "demo", "--batch", "7"],
        ["--tensors", "run", "run", "--batch", "7", "demo"],
        ["--batch=7", "run", "demo", "--tensors=run"],
    ):
        options = parse(words)
        assert (options.command, options.model, options.tensors) == ("run", "demo", "run")
        assert options.settings == RunSettings(batch=7)
    assert parse(["demo"]).command == "demo"
    assert (parse(["./run"]).command, parse(["./run"]).model) == ("app", "./run")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("256MB", 256_000_000),
        ("1.5GB", 1_500_000_000),
        ("2GiB", 2**31),
        ("6400k", 6_400_000),
        ("1000000", 10**6),
        ("2000000B", 2 * 10**6),
    ],
)
def test_memory_is_written_as_people_write_it(text: str, size: int) -> None:
    assert parse(["run", "m", "--memory", text]).settings.memory == size


def test_what_cannot_be_parsed_is_raised_as_a_sentence() -> None:
    with pytest.raises(InputError, match="'no' is not a whole number"):
        parse(["--batch", "no"])


def test_what_is_asked_of_a_run_may_be_asked_of_the_app_too() -> None:
    flags = ["--threads", "1", "--memory", "64MB", "--exhaustive", "--precision", "tf32"]
    for words in ([], ["demo"], ["run", "m"]):
        options = parse([*words, *flags])
        assert options.settings == RunSettings(threads=1, memory=64_000_000, exhaustive=True, precision="tf32")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "m", "--bach", "7"], "farpair run has no flag --bach; did you mean --batch?"),
        (["--mose"], "farpair has no flag --mose; did you mean --mouse?"),
        (["runs", "--batch=7"], "farpair runs has no flag --batch."),
        (["run", "first", "second"], "'second' is one word too many; `farpair run --help` says more."),
        (["pause"], "the following arguments are required: RUN; `farpair pause --help` says more."),
        (["completion", "csh"], "SHELL: invalid choice: 'csh' (choose from "),
    ],
)
def test_what_no_command_takes_is_refused_with_the_nearest_flag_or_with_the_help_of_that_command(
    words: list[str], said: str
) -> None:
    with pytest.raises(InputError) as refused:
        parse(words)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (["rnus", "--print"], "Did you mean the command runs?"),
        (["frist", "--print"], "Did you mean first?"),
        (["run", "secnd"], "Did you mean second?"),
        (["run", "zzzzzz"], "and no such file; there are"),
    ],
)
def test_a_mistyped_command_or_model_is_answered_with_the_nearest_one(words: list[str], asked: str) -> None:
    said = farpair(*words)
    assert (said.returncode, said.stdout) == (2, "")
    assert asked in said.stderr


def test_every_setting_of_a_run_has_its_flag_and_every_theme_stands_in_the_help() -> None:
    assert list(RUN_SETTINGS) == [field.name for field in fields(RunSettings)]
    said = " ".join(farpair("--help").stdout.split())
    assert all(theme in said for theme in THEMES)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_every_command_and_flag(shell: str) -> None:
    said = farpair("completion", shell)
    assert (said.returncode, said.stderr) == (0, "")
    for word in (*(name for name in COMMANDS if name != "app"), "exhaustive", "no-mouse", "speed"):
        assert word in said.stdout
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=said.stdout, text=True).returncode == 0


def test_bash_completes_commands_and_their_own_flags() -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    script = farpair("completion", "bash").stdout
    for words, wanted in ((["farpair", "re"], "report replay resume"), (["farpair", "runs", "--cl"], "--clean")):
        typed = " ".join(words)
        asks = f"COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}; _shtab_farpair farpair {words[-1]} {words[-2]}"
        ran = [bash, "-c", f'{script}\n{asks}; echo "${{COMPREPLY[@]}}"']
        assert subprocess.run(ran, capture_output=True, text=True).stdout.strip() == wanted
