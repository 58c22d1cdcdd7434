"""With any user and any home the program works where a folder is known, and else says what to set."""

import os
import subprocess
from pathlib import Path

import pytest
from support.fixtures import as_nobody, build_small_model
from support.running import FARPAIR

NOBODYS = 54_321  # no account has this number
NOT_ALLOWED = bool(
    subprocess.run(["unshare", "-U", f"--map-user={NOBODYS}", "true"], capture_output=True).returncode
)
HOMES = [None, "", "relative", "~"]


def run_as(
    user: int | None, home: str | None, folder: Path, *words: str, **more: str
) -> "subprocess.CompletedProcess[str]":
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("XDG", "HOME", "FARPAIR"))
    }
    environment |= more if home is None else {"HOME": home, **more}
    become = [] if user is None else ["unshare", "-U", f"--map-user={user}"]
    command = [*become, *FARPAIR, *words]
    return subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=folder, env=environment
    )


@pytest.fixture
def folder(open_folder: Path) -> Path:
    build_small_model(open_folder / "tensors" / "small", n=20, d=4)
    for path in (open_folder, *open_folder.rglob("*")):
        path.chmod(0o777)
    return open_folder


@pytest.mark.skipif(NOT_ALLOWED, reason="this system lets nobody be somebody without an account")
@pytest.mark.parametrize("home", HOMES)
def test_somebody_without_an_account_or_a_home_is_told_what_to_set_and_no_folder_is_made(
    home: str | None, folder: Path
) -> None:
    before = sorted(folder.rglob("*"))
    for words in (["run", "small", "--device", "cpu"], ["runs"], ["config"], ["report", "last"]):
        said = run_as(NOBODYS, home, folder, *words)
        assert said.returncode == 2, said.stderr
        assert "There is no home folder" in said.stderr
        assert said.stderr.count("\n") == 1
    assert sorted(folder.rglob("*")) == before
    assert run_as(NOBODYS, home, folder, "models").returncode == 0


@pytest.mark.skipif(NOT_ALLOWED, reason="this system lets nobody be somebody without an account")
@pytest.mark.parametrize("home", HOMES)
def test_where_the_state_folder_is_known_a_home_is_not_needed(home: str | None, folder: Path) -> None:
    state = str(folder / "state")
    said = run_as(NOBODYS, home, folder, "run", "small", "--device", "cpu", XDG_STATE_HOME=state)
    assert said.returncode == 0, said.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["state", "tensors"]


@pytest.mark.parametrize("state", ["", "relative", "~/state"])
def test_a_state_folder_that_is_no_absolute_path_is_passed_over(state: str, folder: Path) -> None:
    said = run_as(None, str(folder / "home"), folder, "run", "small", "--device", "cpu", XDG_STATE_HOME=state)
    assert said.returncode == 0, said.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["home", "tensors"]
    assert (folder / "home" / ".local" / "state" / "farpair" / "runs").is_dir()


def test_runs_that_may_not_be_listed_are_not_said_to_be_none(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from farpair.engine.errors import RunError
    from farpair.engine.runs import folders

    (open_folder / "farpair" / "runs").mkdir(parents=True)
    (open_folder / "farpair" / "runs").chmod(0)
    monkeypatch.setenv("XDG_STATE_HOME", str(open_folder))
    with as_nobody(), pytest.raises(RunError, match="cannot be listed: Permission denied"):
        folders.all_runs()
