"""The wheel built from the tree holds everything that the program needs and nothing else."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "src"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel of a copy of the tree, since building leaves its traces."""
    tree = tmp_path_factory.mktemp("tree")
    for path in [ROOT / "pyproject.toml", ROOT / "README.md", *SOURCES.rglob("*")]:
        if path.is_file() and "__pycache__" not in path.parts:
            copy = tree / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tree / "dist"), str(tree)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = (tree / "dist").iterdir()
    return zipfile.ZipFile(built)


def test_the_wheel_holds_every_module_and_style_sheet(wheel: zipfile.ZipFile) -> None:
    files = {path.relative_to(SOURCES) for path in SOURCES.rglob("*") if path.is_file()}
    ours = {f"farpair/{path}" for path in files if path.suffix in (".py", ".tcss", ".typed", ".md")}
    assert {"farpair/tui/app.tcss", "farpair/py.typed", "farpair/__main__.py"} <= ours
    assert {name for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")} == ours


def test_the_wheel_installs_one_package_and_one_command(wheel: zipfile.ZipFile) -> None:
    metadata = {name.split("/")[-1]: name for name in wheel.namelist() if ".dist-info/" in name}
    assert wheel.read(metadata["top_level.txt"]).decode().split() == ["farpair"]
    assert wheel.read(metadata["entry_points.txt"]).decode().split() == [
        "[console_scripts]",
        "farpair",
        "=",
        "farpair.cli:main",
    ]


def test_the_wheel_runs_from_where_it_is_installed(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    program = (
        "from pathlib import Path; import farpair; from farpair.tui import app;"
        "print(Path(farpair.__file__).parent, Path(app.__file__).with_name('app.tcss').exists())"
    )
    environment = {"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == [str(tmp_path / "farpair"), "True"], done.stderr


def test_ci_runs_the_command_that_the_readme_gives() -> None:
    command = (
        "python3 -m venv .venv && .venv/bin/pip install -q -c constraints-cpu.txt -e '.[demo,test]' "
        "&& .venv/bin/python -m pytest"
    )
    for name in ("README.md", ".ci/run"):
        assert command in [line.strip() for line in (ROOT / name).read_text().splitlines()]
