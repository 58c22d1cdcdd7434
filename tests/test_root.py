"""The repository's root holds what a stranger expects there, and nothing left over."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BELONGS = {
    *("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "LICENSE.md", "LICENSE.txt"),
    *("pyproject.toml", "constraints-cpu.txt", ".gitignore", ".ci", "src", "tests"),
}


def test_the_root_holds_only_what_belongs_there() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode or not listed.stdout:
        pytest.skip("this is no checkout of the repository")
    assert {name.split("/")[0] for name in listed.stdout.splitlines()} <= BELONGS


@pytest.mark.parametrize("suffix", [".csv", ".json", ".md", ".svg"])
def test_a_run_exported_into_the_root_is_not_committed(suffix: str) -> None:
    if subprocess.run(["git", "rev-parse"], cwd=ROOT, capture_output=True).returncode:
        pytest.skip("this is no checkout of the repository")
    name = f"farpair-20261122-185400-model-0a1b{suffix}"
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT).returncode == 0
