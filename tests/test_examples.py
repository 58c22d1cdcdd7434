"""The examples of docstrings, and of the README, run and give what they say."""

import doctest
import importlib
import re
from pathlib import Path

import farpair
import numpy as np
import pytest

PACKAGE = Path(farpair.__file__).parent
README = Path(__file__).parents[1] / "README.md"
WITH_EXAMPLES = sorted(path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text())


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_every_example_of_a_docstring_gives_what_it_says(path: Path) -> None:
    module = ".".join(("farpair", *path.relative_to(PACKAGE).with_suffix("").parts))

    tried = doctest.testmod(importlib.import_module(module))

    assert tried.attempted > 0
    assert tried.failed == 0


def test_each_function_of_the_library_has_an_example() -> None:
    for name in farpair.__all__:
        if name not in ("RunSettings", "verify"):
            assert ">>> " in getattr(farpair, name).__doc__, name


def test_the_readmes_example_of_the_library_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    rows = np.random.default_rng(0).normal(size=(200, 8))
    exec(example, {"rows": rows, "centroid": rows.mean(0), "ids": list(range(200))})
