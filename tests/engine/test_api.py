"""The library: farthest pairs, eccentricities and the outlier ladder against every pair in exact arithmetic."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import farpair
import numpy as np
import pytest
import torch
from farpair.engine.analysis.outlier_ladder import outlier_ladder
from farpair.engine.analysis.stats import mean_row, row_norms
from farpair.engine.api import eccentricities, farthest_pair, farthest_pairs
from farpair.engine.errors import InputError
from farpair.engine.journal.record import RunRecord
from farpair.engine.models.discovery import model_at
from farpair.engine.report.json_report import as_json
from farpair.engine.run_settings import RunSettings
from farpair.engine.runs.request import request_for
from farpair.engine.worker.pipeline import run_events
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from support.fixtures import MASK_FILE, build_small_model
from tokenizers import Tokenizer


def exact_squares(rows: torch.Tensor) -> dict[tuple[int, int], Fraction]:
    values = [[Fraction(number) for number in row] for row in rows.to(torch.float64).tolist()]
    return {
        (i, j): sum(((a - b) ** 2 for a, b in zip(values[i], values[j], strict=True)), Fraction(0))
        for i in range(len(values))
        for j in range(i + 1, len(values))
    }


@st.composite
def small_rows(draw: st.DrawFn) -> torch.Tensor:
    """Few rows, many of them on a grid, so that copies and exact ties are common."""
    n, d = draw(st.integers(2, 12)), draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    on_grid = torch.randint(0, draw(st.integers(2, 5)), (n, d), generator=generator).float()
    scattered = torch.randn(n, d, generator=generator) * draw(st.sampled_from([1e-20, 1e-3, 1.0, 1e15]))
    rows = draw(st.sampled_from([on_grid, scattered]))
    return rows.to(draw(st.sampled_from([torch.float32, torch.float64, torch.bfloat16])))


@settings(deadline=None, max_examples=60)
@given(small_rows(), st.integers(1, 80))
def test_the_k_farthest_pairs_are_the_first_k_in_exact_order(rows: torch.Tensor, k: int) -> None:
    squares = exact_squares(rows)
    expected = sorted(squares, key=lambda pair: (-squares[pair], pair))[:k]

    found = farthest_pairs(rows, k)

    assert [(pair.i, pair.j) for pair in found] == expected
    for pair in found:
        assert Fraction(pair.distance) ** 2 == pytest.approx(squares[pair.i, pair.j], rel=1e-14, abs=0)


@settings(deadline=None, max_examples=60)
@given(small_rows())
def test_every_row_has_its_farthest_partner(rows: torch.Tensor) -> None:
    squares = exact_squares(rows)

    found = eccentricities(rows)

    for row in range(len(rows)):
        others = {other: squares[min(row, other), max(row, other)] for other in range(len(rows)) if other != row}
        farthest = min(others, key=lambda other: (-others[other], other))
        assert int(found.partner[row]) == farthest
        assert Fraction(float(found.distance[row])) ** 2 == pytest.approx(others[farthest], rel=1e-14, abs=0)


@settings(deadline=None, max_examples=60)
@given(small_rows(), st.integers(0, 12))
def test_each_rung_is_the_diameter_of_the_rows_still_there(rows: torch.Tensor, most: int) -> None:
    squares = exact_squares(rows)
    x = rows if rows.dtype == torch.float64 else rows.float()
    out = row_norms(x, mean_row(x)).argsort(descending=True, stable=True).tolist()

    rungs = outlier_ladder(rows, most)

    assert [rung.removed for rung in rungs] == [None, *out[: min(most, len(rows) - 2)]]
    for k, rung in enumerate(rungs):
        still_there = {pair: square for pair, square in squares.items() if not set(pair) & set(out[:k])}
        assert (rung.i, rung.j) == min(still_there, key=lambda pair: (-still_there[pair], pair))
        assert Fraction(rung.diameter) ** 2 == pytest.approx(still_there[rung.i, rung.j], rel=1e-14, abs=0)


def test_the_ladder_falls_where_the_outliers_end() -> None:
    rows = torch.randn(3000, 32, generator=torch.Generator().manual_seed(0)) * 1e-3
    rows[[17, 400, 2999]] += torch.eye(3, 32) * torch.tensor([3.0, 4.0, 5.0])[:, None]

    diameters = [rung.diameter for rung in outlier_ladder(rows, most=5)]

    assert [diameter > 1 for diameter in diameters] == [True, True, True, False, False, False]


def test_a_ladder_can_be_measured_from_another_core() -> None:
    rows = torch.tensor([[0.0], [1.0], [10.0]])

    assert outlier_ladder(rows, most=1, core=torch.tensor([10.0]))[1].removed == 0


def test_numpy_arrays_and_parameters_of_a_module_are_rows_too() -> None:
    array = np.random.default_rng(0).normal(size=(50, 7))
    weight = torch.nn.Embedding(50, 7).weight

    assert farthest_pair(array).distance == farthest_pair(torch.from_numpy(array)).distance
    assert farthest_pair(weight).ties == 1


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (torch.ones(5), r"shape \(5,\)"),
        (torch.full((4, 2), 2**53 + 1), "int64"),
        (torch.ones(1, 3), "two rows"),
        (torch.tensor([[0.0], [1.0], [float("nan")]]), "row 2"),
        (torch.tensor([[0.0], [float("-inf")]]), "row 1"),
    ],
)
def test_rows_that_cannot_be_searched_are_refused_in_words(rows: torch.Tensor, sentence: str) -> None:
    for ask in (farthest_pair, lambda x: farthest_pairs(x, 2), eccentricities, outlier_ladder, farpair.analyse):
        with pytest.raises(InputError, match=sentence):
            ask(rows)


def test_no_pairs_and_negative_ladders_are_refused() -> None:
    with pytest.raises(InputError, match="k is 0"):
        farthest_pairs(torch.eye(3), 0)
    with pytest.raises(InputError, match="most is -1"):
        outlier_ladder(torch.eye(3), -1)


def _comparable(report: dict[str, Any]) -> dict[str, Any]:
    """A run's JSON object without what says where it ran, and how long that took."""
    for part in (report["certificate"], report["ladder"], *report["batches"]):
        del part["seconds"]
    del report["rows"]["vocabulary"]
    del report["ended"]
    return {key: value for key, value in report.items() if key not in ("program", "run", "host", "model", "files")}


def test_an_analysis_has_what_the_json_of_a_run_of_the_same_rows_has(tmp_path: Path) -> None:
    folder = build_small_model(tmp_path / "small")
    request = request_for(model_at(folder), RunSettings(batch=16, device="cpu"))
    record = RunRecord()
    for event in run_events(request):
        record.apply(0.0, event)
    stored, mask = load_file(folder / "W.safetensors"), load_file(folder / MASK_FILE)
    ids = mask["cluster_token_ids"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    texts = [tokenizer.id_to_token(int(one)) for one in ids]

    found = farpair.analyse(
        stored["W"][ids.long()], mask["centroid"], token_ids=ids, texts=texts, settings=RunSettings(batch=16)
    )

    ours, theirs = (_comparable(of) for of in (found.to_dict(), as_json(record)))
    assert ours == theirs
    assert farpair.verify(stored["W"][ids.long()], found.found).confirmed


def test_an_analysis_measures_from_the_mean_where_no_centroid_is_given() -> None:
    found = farpair.analyse(torch.tensor([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0], [1.0, 1.0]]))

    assert (found.pair.i.index, found.pair.j.index, found.pair.distance) == (0, 1, 5.0)
    assert found.pair.i.id is None
    assert (found.duplicates.groups, found.duplicates.rows, found.duplicates.sizes) == (1, 2, (2,))
    assert found.report.rows is not None
    assert found.report.rows.centroid == "mean"
    assert found.measures[0].norm == 5.0
    assert [rung.diameter for rung in found.ladder.rungs] == pytest.approx([5.0, 2**0.5, 0.0])
    assert len(found) == 4
    assert "row 0 and row 1 are 5.00000000 apart" in repr(found)
    assert "Farthest pair" in str(found)


def test_an_analysis_leaves_the_rows_as_they_are_and_takes_those_that_are_read_only() -> None:
    rows = np.random.default_rng(0).normal(size=(300, 6))
    before = rows.copy()
    rows.setflags(write=False)

    farpair.analyse(rows)

    assert np.array_equal(rows, before)


def test_what_a_notebook_shows_holds_no_element_of_a_tokens_text() -> None:
    texts = ["<script>alert(1)</script>", "a&b\x1b[31m", '"><img src=x onerror=y>']

    shown = farpair.analyse(torch.eye(3) * torch.tensor([1.0, 2.0, 3.0]), token_ids=range(3), texts=texts)

    page = shown._repr_html_()
    assert set(re.findall(r"<(\w+)", page)) <= {
        "div",
        "h3",
        "h4",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert "&lt;img src=x onerror=y&gt;" in page
    assert "\x1b" not in page


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"centroid": torch.zeros(4)}, r"centroid has shape \(4,\)"),
        ({"centroid": torch.tensor([0.0, float("nan"), 0.0])}, "centroid holds a NaN"),
        ({"token_ids": [1, 2]}, "token_ids are 2"),
        ({"token_ids": [1, 2, -3]}, "token_ids must be"),
        ({"token_ids": [1, 2, 2.5]}, r"token_ids\[2\] is 2.5"),
        ({"token_ids": 7}, "token_ids must be"),
        ({"texts": ["a", "b", "c"]}, "texts are given without token_ids"),
        ({"token_ids": [1, 2, 3], "texts": ["a", "b"]}, "texts must be 3 strings"),
        ({"settings": RunSettings(batch=0)}, "batch: 0 is not a whole number"),
        ({"settings": RunSettings(device="cuda:4000")}, "cuda:4000"),
    ],
)
def test_what_does_not_fit_the_rows_is_refused_in_words(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        farpair.analyse(torch.eye(3), **given)
