"""The notebook's published run through the real program: files, engine process, journal, report."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import notebook_geometry as published
from support.fixtures import build_notebook_model
from support.notebook_numbers import BATCH_MAXIMA, DISTANCE_IJ

CLOSE = 2e-7


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A tensors folder that holds the published model alone, and a state folder of its own."""
    folder = tmp_path_factory.mktemp("notebook")
    build_notebook_model(folder / "tensors" / "Qwen3-4B-Instruct-2507")
    return os.environ | {"FARPAIR_TENSORS": str(folder / "tensors"), "XDG_STATE_HOME": str(folder / "state")}


def farpair(surroundings: dict[str, str], *words: str) -> str:
    """What the program prints; the model is the only one in its folder, and it is told nothing of the numbers."""
    command = [sys.executable, "-m", "farpair", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def answer(surroundings: dict[str, str]) -> dict[str, Any]:
    """The object that `--json` prints. Its values are of many types, as JSON's are."""
    found: dict[str, Any] = json.loads(farpair(surroundings, "run", "Qwen3-4B-Instruct-2507", "--json"))
    return found


@pytest.fixture(scope="module")
def report(surroundings: dict[str, str], answer: dict[str, Any]) -> str:
    """The same run printed again from its journal, on one line: how it is wrapped is not what is compared."""
    return " ".join(farpair(surroundings, "report", answer["run"]).split())


def test_the_published_files_are_what_was_read(answer: dict[str, Any]) -> None:
    assert (answer["rows"]["n"], answer["rows"]["d"]) == (published.N_ROWS, published.DIMENSION)
    assert (answer["rows"]["vocabulary"], answer["rows"]["centroid"]) == (75_000, "stored")
    names = [Path(file["path"]).name for file in answer["files"]]
    assert names == ["W.safetensors", "1.6a_cluster_mask.safetensors"]


def test_the_table_of_batches_is_the_published_one(answer: dict[str, Any]) -> None:
    maxima = [batch["maximum"] for batch in answer["batches"]]
    assert maxima == pytest.approx(BATCH_MAXIMA, abs=CLOSE, rel=0)
    assert [batch["start"] for batch in answer["batches"]] == list(range(0, published.N_ROWS, published.BATCH))
    assert answer["batches"][-1]["end"] == published.N_ROWS


def test_the_pair_is_the_published_one(answer: dict[str, Any]) -> None:
    pair = answer["pair"]
    assert pair["distance"] == pytest.approx(DISTANCE_IJ, abs=CLOSE, rel=0)
    found = [(token["index"], token["id"]) for token in (pair["i"], pair["j"])]
    assert found == [(published.INDEX_I, published.TOKEN_I), (published.INDEX_J, published.TOKEN_J)]
    assert answer["certificate"]["ties"] == 1
    assert answer["certificate"]["error"] < 1e-12


def test_the_outliers_and_the_verdict_are_the_published_ones(answer: dict[str, Any]) -> None:
    found = answer["analysis"]
    measured = [
        (found["outlier"], published.TOKEN_J, published.NORM_J, published.DISTANCE_J, published.RATIO_J),
        (found["other"], published.TOKEN_I, published.NORM_I, published.DISTANCE_I, published.RATIO_I),
    ]
    for measure, token, norm, distance, ratio in measured:
        assert measure["token"]["id"] == token
        assert measure["norm"] == pytest.approx(norm, abs=CLOSE, rel=0)
        assert measure["distance"] == pytest.approx(distance, abs=CLOSE, rel=0)
        assert round(measure["norm_ratio"], 2) == ratio
    assert found["norms_beyond"] == "both"
    assert (found["outlier"]["is_outlier"], found["other"]["is_outlier"]) == (True, True)
    assert found["mean_distance"] == pytest.approx(published.MEAN_DISTANCE, abs=CLOSE, rel=0)
    assert found["centroid_norm"] == pytest.approx(published.CENTROID_NORM, abs=CLOSE, rel=0)


def test_the_triangle_and_its_check_by_dot_product_are_the_published_ones(answer: dict[str, Any]) -> None:
    triangle = answer["analysis"]["triangle"]
    sides = [triangle[side] for side in ("side_i", "side_j", "side_ij")]
    expected = (published.DISTANCE_I, published.DISTANCE_J, DISTANCE_IJ)
    assert sides == pytest.approx(expected, abs=CLOSE, rel=0)
    angles = [round(triangle[at], 2) for at in ("at_centroid", "at_i", "at_j", "angle_sum", "at_centroid_dot")]
    centre = published.ANGLE_CENTROID
    assert angles == [centre, published.ANGLE_I, published.ANGLE_J, 180.0, centre]
    assert triangle["degenerate"] is None


def test_the_statistics_of_the_cluster_are_the_published_ones(answer: dict[str, Any]) -> None:
    for name, expected in (("norms", published.NORMS), ("distances", published.DISTANCES)):
        summary = answer["analysis"][name]
        values = [summary[part] for part in ("minimum", "maximum", "median", "mean")]
        assert values == pytest.approx(expected, abs=CLOSE, rel=0)
    copies = answer["analysis"]["duplicates"]
    assert tuple(copies["sizes"]) == published.COPIES
    assert (copies["groups"], copies["rows"]) == (13, sum(published.COPIES))
    assert answer["analysis"]["centroid_offset"] == pytest.approx(published.CENTROID_OFFSET, abs=2e-6)


def test_the_report_prints_every_number_as_the_notebook_did(report: str) -> None:
    for start, maximum in zip(range(0, published.N_ROWS, published.BATCH), BATCH_MAXIMA, strict=True):
        end = min(start + published.BATCH, published.N_ROWS)
        assert f"{start:,}–{end - 1:,} {maximum:.8f}" in report
    for line in (
        "1.60828757 between tokens 48494 and 71473 (cluster indices 14 and 17)",
        "71473 1.21912193 3.29× 1.16093612",
        "48494 1.16991878 3.15× 1.10977745",
        "centroid 0.37091014",
        "Norms > 2 × the centroid's: both.",
        "The distance between them is 1.60828757, their mean distance from the centroid 1.13535678.",
        "48494 to 71473 1.60828757 at the centroid 90.16°",
        "centroid to 71473 1.16093612 at 48494 46.21°",
        "centroid to 48494 1.10977745 at 71473 43.63°",
        "The angles sum to 180.00°.",
        "Angle at the centroid (dot product): 90.16°.",
        "min 0.37029281 0.00125120",
        "max 1.21912193 1.16093612",
        "median 0.37091675 0.00125222",
        "mean 0.37223831 0.00374321",
    ):
        assert line in report
