"""A search uses the levels that save work for its rows."""

from dataclasses import replace

import pytest
import torch
from farpair.engine.search.block_sizes import blocks_for
from farpair.engine.search.centered_rows import CenteredRows, center_rows
from farpair.engine.search.duplicates import DuplicateGroups
from farpair.engine.search.level_selection import select_levels
from farpair.engine.search.precision import FLOAT32, Choice
from farpair.engine.search.thresholds import Thresholds
from farpair.engine.search.workspace import Workspace
from support import inputs


def widths(centered: CenteredRows, threshold: float) -> list[int]:
    """The levels' widths where every pair must reach the squared distance `threshold`."""
    n, d = centered.rows.shape
    thresholds = Thresholds(DuplicateGroups(torch.arange(n), n), d)
    thresholds.evaluated(
        torch.tensor([0, 1]), torch.tensor([2, 2]), torch.full((2,), threshold, dtype=torch.float64)
    )
    workspace = Workspace(torch.device("cpu"))
    blocks = replace(blocks_for(torch.device("cpu"), n, d), projected=64)
    workspace.reserve(blocks.reserved(n, d))
    selection = select_levels(centered, Choice(FLOAT32, ""), torch.arange(n), thresholds, blocks, workspace)
    return [level.k for level in selection.levels]


@pytest.mark.parametrize("found", ["raises", "NaN"])
def test_without_directions_that_can_be_used_the_full_level_is_all(
    found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LAPACK raises on some moments, and gives back NaN for others without a word."""

    class Nothing:
        eigenvectors = torch.full((128, 128), torch.nan)

    def eigh(_: torch.Tensor) -> Nothing:
        if found == "raises":
            raise torch._C._LinAlgError("linalg.eigh: The algorithm failed to converge")  # type: ignore[attr-defined]
        return Nothing()

    monkeypatch.setattr(torch.linalg, "eigh", eigh)
    centered = center_rows((inputs.normal(12_000, 128) * 0.9 ** torch.arange(128)).float())

    assert widths(centered, float((1.7 * centered.radius.median()) ** 2)) == [128]


def test_rows_alike_in_all_directions_have_no_level_but_the_full_one() -> None:
    assert widths(center_rows(inputs.on_sphere(12_000, 128).float()), 2.2) == [128]


def test_rows_with_a_few_strong_directions_have_narrower_levels_first() -> None:
    centered = center_rows((inputs.normal(12_000, 128) * 0.9 ** torch.arange(128)).float())
    found = widths(centered, float((1.7 * centered.radius.median()) ** 2))

    assert len(found) > 1
    assert found == sorted(found)
    assert found[-1] == 128


def test_rows_alike_in_all_of_a_few_directions_have_a_level_of_these() -> None:
    directions = torch.linalg.qr(inputs.normal(160, 60, seed=1)).Q
    centered = center_rows((inputs.normal(12_000, 60) @ directions.T).float())
    found = widths(centered, float((1.7 * centered.radius.median()) ** 2))

    assert len(found) > 1
    assert found[-1] == 160


def test_a_few_rows_need_no_other_level() -> None:
    centered = center_rows(inputs.vocabulary(30, 256).float())

    assert widths(centered, float(centered.radius.max() ** 2)) == [256]
