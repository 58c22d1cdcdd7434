"""The bounds on rows built to spend their slack: opposite rows of one number each, whose products are as large as
their norms allow and are rounded alike in every column. What is true is worked out in exact arithmetic."""

from fractions import Fraction

import pytest
import torch
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.centered_rows import center_rows
from farpair.engine.search.duplicates import DuplicateGroups
from farpair.engine.search.float64_tiles import Float64Tiles
from farpair.engine.search.pivots import pivot_pairs
from farpair.engine.search.precision import choose_precision
from farpair.engine.search.rounding import UNIT_ROUNDOFF, gamma
from farpair.engine.search.screening_levels import Factors, full_level
from farpair.engine.search.thresholds import Thresholds
from support.level_products import level_products

COLUMNS = [1, 2, 64, 2048]


def opposite_constants(d: int, dtype: torch.dtype) -> torch.Tensor:
    """(80, d): rows of one number each and their negatives, so that |y_i.y_j| = |y_i||y_j|.

    Half of them are short: beside those it is the rounding of the long row's own square that a slack covers.
    """
    numbers = 1 + torch.rand(40, 1, dtype=dtype, generator=torch.Generator().manual_seed(d))
    numbers[::2] *= 2.0**-16
    return torch.cat([numbers, -numbers]).expand(-1, d).contiguous()


def exact_squares(rows: torch.Tensor) -> list[list[Fraction]]:
    """Squared distances of rows of one number each."""
    numbers = [Fraction(number) for number in rows[:, 0].tolist()]
    return [[rows.shape[1] * (a - b) ** 2 for b in numbers] for a in numbers]


@pytest.mark.parametrize("name", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("d", COLUMNS)
def test_the_full_level_bounds_opposite_rows(d: int, name: str) -> None:
    centered = center_rows(opposite_constants(d, torch.float32))
    level = full_level(centered, choose_precision(RunSettings(precision=name), torch.device("cpu")).precision)
    index, scale = torch.arange(80), Fraction(4) ** centered.shift
    products = level_products(level, Factors(index, "left"), Factors(index, "right"))
    bounds = (-2 * products + level.slack_for(2 * float(centered.radius.max()))).tolist()

    true = exact_squares(centered.rows)
    assert all(bounds[i][j] >= scale * true[i][j] for i in range(80) for j in range(80))


@pytest.mark.parametrize("d", COLUMNS)
def test_estimates_from_pivots_err_by_no_more_than_they_say(d: int) -> None:
    centered = center_rows(opposite_constants(d, torch.float32))
    pivots = torch.arange(1, 80, 2)  # the long rows
    found, scale = pivot_pairs(centered, pivots), Fraction(4) ** centered.shift
    reach, true = (found.squares.double() + found.error()).tolist(), exact_squares(centered.rows)

    assert all(reach[at][i] >= scale * true[p][i] for at, p in enumerate(pivots.tolist()) for i in range(80))


@pytest.mark.parametrize("d", COLUMNS)
def test_float64_tiles_neither_drop_the_farthest_pair_nor_raise_a_threshold_above_the_truth(d: int) -> None:
    rows = opposite_constants(d, torch.float64)
    centered, index = center_rows(rows), torch.arange(80)
    scale, true = Fraction(4) ** centered.shift, exact_squares(rows)
    thresholds = Thresholds(DuplicateGroups(index, 1), d)
    tiles = Float64Tiles(centered, 16)
    assert not tiles.are_exact
    kept = {
        pair
        for tile in tiles.tiles(index, index, thresholds)
        for pair in zip(tile.i.tolist(), tile.j.tolist(), strict=True)
    }

    for i, lower in enumerate(thresholds.of_batches().tolist()):
        assert lower <= scale * max(true[i])
        farthest = max(range(80), key=lambda j, i=i: true[i][j])  # type: ignore[misc]
        assert (min(i, farthest), max(i, farthest)) in kept


@pytest.mark.parametrize("d", [64, 2048])
def test_the_slack_of_the_full_level_is_no_more_than_its_lemma_says(d: int) -> None:
    centered = center_rows(opposite_constants(d, torch.float32))
    level = full_level(centered, choose_precision(RunSettings(precision="float32"), torch.device("cpu")).precision)
    s = 2 * float(centered.radius.max())

    assert level.slack_for(s) <= 1.01 * (gamma(d + 3) + gamma(d + 8) + 8 * UNIT_ROUNDOFF[torch.float32]) * s**2
