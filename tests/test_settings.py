"""The settings file: what it sets, what beats it, and where it says that it is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from farpair.cli import parse
from farpair.engine.errors import InputError, RunError
from farpair.engine.run_settings import RunSettings
from farpair.keymap import KEYS, keys_in_use
from farpair.settings import Settings, read_settings, settings_in_force
from farpair.settings_file import remember_theme, settings_page

EVERYTHING = """\
tensors = "~/models"
batch = 64          # small
device = "cuda:1"
threads = 3
memory = "1.5GB"
exhaustive = true
theme = "light"
mouse = false
ascii = true
colour = false
plain = true

[keys]
run = "f5"
quit = ["Q", "ctrl+x"]
"""


def written(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "settings.toml").write_text(text)
    return folder / "settings.toml"


def test_every_setting_is_read(config: Path) -> None:
    assert settings_in_force(None) == Settings()
    assert read_settings(written(config, EVERYTHING)) == Settings(
        tensors="~/models",
        run=RunSettings(batch=64, device="cuda:1", threads=3, memory=1_500_000_000, exhaustive=True),
        theme="light",
        mouse=False,
        ascii=True,
        colour=False,
        plain=True,
        keys={"run": ("f5",), "quit": ("Q", "ctrl+x")},
    )


def test_the_command_line_beats_the_environment_and_that_the_file(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(config, EVERYTHING)
    options = parse(["--batch", "7", "--mouse", "--no-exhaustive"])
    assert options.settings == RunSettings(batch=7, device="cuda:1", threads=3, memory=1_500_000_000)
    assert (options.mouse, options.tensors, options.keys["run"]) == (True, "~/models", ("f5",))
    monkeypatch.setenv("FARPAIR_TENSORS", "/elsewhere")
    assert parse([]).tensors is None
    assert parse(["--tensors", "/here"]).tensors == "/here"
    written(config, "colour = true")
    monkeypatch.setenv("NO_COLOR", "1")
    assert parse([]).colour is False
    other = tmp_path / "other.toml"
    other.write_text("batch = 9")
    monkeypatch.setenv("FARPAIR_CONFIG", str(other))
    assert parse([]).settings.batch == 9
    assert parse(["--config", str(config / "settings.toml")]).settings.batch == 256


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\n\nbatch = 0", 3, "batch: 0 is not a whole number from 1 to 2,147,483,647."),
        ("batch = true", 1, "batch: true is not a whole number"),
        ('batch = "256"', 1, "batch: '256' is not a whole number"),
        ("# a comment\nbatsch = 4", 2, "batsch: there is no such setting; did you mean batch?"),
        ("zzz = 4", 1, "zzz: there is no such setting; there are tensors, hub,"),
        ('batch = 4\ndevice = "gpu"\ndevise = 1', 2, ""),
        ("device = 1", 1, "device: 1 is not a device; it is auto, cpu, cuda, cuda:N, mps or xpu."),
        ('memory = "lots"', 1, "memory: 'lots' is not a size; write it as 256MB or 1.5GB."),
        ('theme = "drak"', 1, "theme: 'drak' is not a theme; it is dark, light, contrast or terminal."),
        ("\nmouse = 1", 2, "mouse: 1 is neither true nor false."),
        ('ascii = "yes"', 1, "ascii: 'yes' is neither true nor false."),
        ("keys = 3", 1, "keys: it is a table;"),
        ('[keys]\n\nrunn = "z"', 3, "keys.runn: there is no such action; did you mean run?"),
        ('[keys]\nrun = "ctrl-x"', 2, "keys.run: 'ctrl-x' is not a key; write a character, ctrl+s, f5, or one of"),
        ("[keys]\nrun = []", 2, "keys.run: [] is not a key in quotes."),
        ('[keys]\nstop = "z"\nrun = "x"\npause = "q"', 4, "keys.pause: q is the key of quit as well"),
        ('tensors = ""', 1, "tensors: '' is not the name of a folder; write it as \"~/tensors\"."),
        ("batch = 4\nother = [\n  1,\n  2,\n]\n", 2, "other: there is no such setting"),
    ],
)
def test_a_wrong_setting_names_the_line_the_key_and_what_is_allowed(
    config: Path, text: str, line: int, said: str
) -> None:
    file = written(config, text)
    if not said:
        text = text.replace("gpu", "cpu")
        file.write_text(text)
        line, said = 3, "devise: there is no such setting; did you mean device?"
    with pytest.raises(InputError) as raised:
        read_settings(file)
    assert str(raised.value).startswith(f"{file}, line {line}: {said}")
    assert str(raised.value).isprintable()
    assert str(raised.value).endswith((".", "?"))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"batch = \n", "is not TOML: Invalid value (at line 1"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"a = " + b"[" * 10_000, "is not TOML"),
    ],
)
def test_what_is_no_toml_is_a_sentence_with_its_line(config: Path, raw: bytes, said: str) -> None:
    file = written(config, "")
    file.write_bytes(raw)
    with pytest.raises(InputError, match="settings") as raised:
        read_settings(file)
    assert said in str(raised.value)


def test_wrong_settings_are_one_sentence_on_stderr_and_exit_code_2(config: Path, tmp_path: Path) -> None:
    written(config, "batch = -4")
    for words in (
        ["runs"],
        ["config"],
        ["--config", str(tmp_path / "none.toml"), "runs"],
        ["--config", "/", "runs"],
    ):
        said = subprocess.run([sys.executable, "-m", "farpair", *words], capture_output=True, text=True)
        assert (said.returncode, said.stdout) == (2, "")
        assert said.stderr.count("\n") == 1
        assert "settings" in said.stderr
    fine = subprocess.run([sys.executable, "-m", "farpair", "--help"], capture_output=True, text=True)
    assert fine.returncode == 0


def test_the_settings_printed_are_a_settings_file_that_says_the_same(config: Path, tmp_path: Path) -> None:
    for text in ("", EVERYTHING):
        file = written(config, text)
        page = settings_page(None)
        assert page.startswith(f"# {file}\n")
        copy = tmp_path / "copy.toml"
        copy.write_text(page)
        assert read_settings(copy) == read_settings(file)
        lines = [line.removeprefix("# ") for line in page.splitlines()]
        settable = [line for line in lines if " = " in line or line.startswith("[keys]")]
        names = {line.split(" = ")[0] for line in settable}
        assert names >= {"tensors", "batch", "memory", "theme", "colour", "plain", "run", "last"}
        copy.write_text("\n".join(settable))
        read_settings(copy)


def test_the_file_that_is_not_there_yet_is_named(config: Path) -> None:
    assert f"# {config / 'settings.toml'} (not there yet; these are the defaults)\n" in settings_page(None)


def test_a_theme_is_remembered_and_all_else_in_the_file_stays(config: Path, tmp_path: Path) -> None:
    file = config / "settings.toml"
    remember_theme(file, "light")
    assert file.read_text() == 'theme = "light"\n'
    for text in (EVERYTHING, EVERYTHING.replace('theme = "light"\n', ""), "# mine\n\n[keys]\nrun = 'f5' # run\n"):
        file.write_text(text)
        file.chmod(0o640)
        remember_theme(file, "contrast")
        assert read_settings(file).theme == "contrast"
        kept = [line for line in text.splitlines() if not line.startswith("theme")]
        assert [line for line in file.read_text().splitlines() if not line.startswith("theme")] == kept
        assert file.stat().st_mode & 0o777 == 0o640
    linked = tmp_path / "dotfiles.toml"
    linked.write_text("batch = 3\n")
    file.unlink()
    file.symlink_to(linked)
    remember_theme(file, "dark")
    assert file.is_symlink()
    assert read_settings(linked) == Settings(run=RunSettings(batch=3), theme="dark")
    assert [entry.name for entry in os.scandir(config)] == ["settings.toml"]


def test_a_theme_that_cannot_be_remembered_is_a_sentence_and_the_file_stays(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("batch = ")
    with pytest.raises(RunError, match=r"broken\.toml cannot be written: "):
        remember_theme(broken, "dark")
    assert broken.read_text() == "batch = "
    with pytest.raises(RunError, match="cannot be written: File exists"):
        remember_theme(broken / "settings.toml", "dark")


def test_actions_may_exchange_their_keys(config: Path) -> None:
    settings = read_settings(
        written(config, '[keys]\nrun = "x"\nstop = "r"\nhelp = "?"\nlast = "pgdn"\npage-down = "f12"')
    )
    table = {key.id: key for key in keys_in_use(settings.keys)}
    assert (table["run"].keys, table["run"].shown, table["stop"].keys) == ("x", "x", "r")
    assert (table["help"].keys, table["last"].keys, table["last"].shown) == (
        "question_mark",
        "pagedown",
        "pgdn",
    )
    assert len(table) == len(KEYS)
