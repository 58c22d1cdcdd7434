"""Which levels a search uses: those that pay for rows like these."""

from dataclasses import replace

import inputs
import torch
from farpair.engine.blocks import blocks_for
from farpair.engine.ladder import choose_ladder
from farpair.engine.screen import FLOAT32
from farpair.engine.space import Space, centre_rows
from farpair.engine.workspace import Workspace


def widths(space: Space, needed: float) -> list[int]:
    """The levels' widths where every pair must reach the squared distance `needed`."""
    n, d = space.rows.shape
    needs = torch.full((n,), needed, dtype=torch.float64)
    workspace = Workspace(n, d, torch.device("cpu"))
    workspace.reserve(replace(blocks_for(torch.device("cpu"), n, d), projected=64))
    return [level.k for level in choose_ladder(space, FLOAT32, torch.arange(n), needs, 64, workspace).levels]


def test_rows_alike_in_all_directions_have_no_level_but_the_full_one() -> None:
    assert widths(centre_rows(inputs.on_sphere(12_000, 128).float()), 2.2) == [128]


def test_rows_with_a_few_strong_directions_have_narrower_levels_first() -> None:
    space = centre_rows((inputs.normal(12_000, 128) * 0.9 ** torch.arange(128)).float())
    found = widths(space, float((1.7 * space.radius.median()) ** 2))

    assert len(found) > 1
    assert found == sorted(found)
    assert found[-1] == 128


def test_rows_alike_in_all_of_a_few_directions_have_a_level_of_these() -> None:
    directions = torch.linalg.qr(inputs.normal(160, 60, seed=1)).Q
    space = centre_rows((inputs.normal(12_000, 60) @ directions.T).float())
    found = widths(space, float((1.7 * space.radius.median()) ** 2))

    assert len(found) > 1
    assert found[-1] == 160


def test_a_few_rows_need_no_other_level() -> None:
    space = centre_rows(inputs.vocabulary(30, 256).float())

    assert widths(space, float(space.radius.max() ** 2)) == [256]
