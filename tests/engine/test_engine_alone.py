"""The engine needs no command line, no settings and no screen: it works in a copy without them."""

import shutil
import subprocess
import sys
from pathlib import Path

import farpair
import pytest
from support.fixtures import build_small_model

PROGRAM = """
import importlib, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import farpair, numpy
assert Path(farpair.__file__).parent == Path(sys.argv[1]) / "farpair", farpair.__file__
for path in sorted(Path(farpair.__file__).parent.rglob("*.py")):
    if path.name != "__init__.py":
        importlib.import_module(".".join(path.relative_to(sys.argv[1]).with_suffix("").parts))

from farpair.engine import eccentricities, farthest_pair, farthest_pairs, outlier_ladder
rows = numpy.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]])
assert farthest_pair(rows).distance == 5.0 == farthest_pairs(rows, 1)[0].distance
assert eccentricities(rows).partner.tolist() == [1, 0, 1]
assert outlier_ladder(rows)[0].diameter == 5.0

from farpair.engine.journal.record import RunRecord
from farpair.engine.models.discovery import model_at
from farpair.engine.report.text_report import print_report
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.request import request_for
from farpair.engine.worker.pipeline import run_events
record = RunRecord()
for time, event in enumerate(run_events(request_for(model_at(Path(sys.argv[2])), RunSettings(device="cpu")))):
    record.apply(float(time), event)
assert record.state == "done"
print_report(record, sys.stdout, colour=False)
assert not {name.split(".")[1] for name in sys.modules if name.startswith("farpair.")} - {"engine"}
assert "textual" not in sys.modules
"""


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A folder with a copy of the package that holds the engine and nothing else."""
    source, copy = Path(farpair.__file__).parent, tmp_path / "alone" / "farpair"
    shutil.copytree(source / "engine", copy / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source / "__init__.py", copy)
    return copy.parent


def test_the_engine_is_imported_and_used_with_everything_above_it_deleted(alone: Path, tmp_path: Path) -> None:
    model = build_small_model(tmp_path / "small")
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(alone), str(model)],
        env={"PYTHONPATH": str(alone), "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert "apart" in run.stdout
