"""A level's bound, for every pair of rows, is never less than the pair's distance."""

import pytest
import torch
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.centered_rows import CenteredRows, center_rows
from farpair.engine.search.precision import FLOAT32, Precision, choose_precision
from farpair.engine.search.screening_levels import Factors, Level, full_level, leading_directions, projected_levels
from hypothesis import given, settings
from hypothesis import strategies as st
from support import inputs
from support.level_products import level_products

WIDTHS = [1, 3, 8]
PRECISIONS = [
    choose_precision(RunSettings(precision=name), torch.device("cpu")).precision
    for name in ("float32", "tf32", "bfloat16")
]

ROWS = {
    "normal": lambda: inputs.normal(90, 24).float(),
    "vocabulary": lambda: inputs.vocabulary(90, 40).float(),
    "cluster": lambda: inputs.cluster(90, 64).float(),
    "on a sphere": lambda: inputs.on_sphere(90, 16).float(),
    "one-hot": lambda: torch.eye(32),
    "far from the origin": lambda: inputs.far_from_origin(90, 32),
    "of many columns": lambda: inputs.vocabulary(40, 800).float(),
    "copies": lambda: inputs.copies(inputs.normal(5, 12), 90).float(),
    "one ulp": lambda: inputs.ulp_cloud(90, 12),
    "subnormal": lambda: (1e-42 * inputs.normal(90, 12)).float(),
    "3e38": lambda: (3e38 * inputs.on_sphere(90, 12)).float(),
    "columns of scales 1e-30 to 1": lambda: (inputs.normal(90, 12) * torch.logspace(-30, 0, 12)).float(),
    "float64": lambda: 1 + 1e-9 * inputs.normal(90, 12),
    "float64 of 1e200": lambda: 1e200 * inputs.normal(90, 12),
}


def directions(centered: CenteredRows, rows: torch.Tensor, k: int) -> torch.Tensor:
    """The k leading directions of the rows, which there are."""
    found = leading_directions(centered, rows, k)
    assert found is not None
    return found


def squares(centered: CenteredRows) -> torch.Tensor:
    """(n, n) float64: all squared distances in the space's scale, by direct differences, a little too small."""
    rows = centered.rows.to(torch.float64) * 2.0**centered.shift
    d = rows.shape[1]
    return (rows[:, None] - rows).square().sum(dim=2) * (1 - (d + 3) * 2.0**-52)


def bounds(level: Level, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """(a, b) float64: what the level says of the pairs of rows left (a,) and right (b,)."""
    largest = float(level.centered.radius[left].max() + level.centered.radius[right].max())
    return -2 * level_products(level, Factors(left, "left"), Factors(right, "right")) + level.slack_for(largest)


def every_level(centered: CenteredRows, basis: torch.Tensor, precision: Precision = FLOAT32) -> list[Level]:
    index = torch.arange(len(centered.rows))
    widths = [width for width in WIDTHS if width <= basis.shape[1]]
    return [*projected_levels(centered, precision, index, basis, widths), full_level(centered, precision)]


@pytest.mark.parametrize("name", ROWS)
def test_no_pair_lies_farther_apart_than_its_two_radii_reach(name: str) -> None:
    centered = center_rows(ROWS[name]())

    assert ((centered.radius[:, None] + centered.radius).square() >= squares(centered)).all()


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda precision: precision.name)
@pytest.mark.parametrize("name", ROWS)
def test_no_pair_lies_farther_apart_than_its_bound(name: str, precision: Precision) -> None:
    centered = center_rows(ROWS[name]())
    index = torch.arange(len(centered.rows))
    true = squares(centered)
    for level in every_level(centered, directions(centered, index, 8), precision):
        assert (bounds(level, index, index) >= true).all(), f"k = {level.k}"


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda precision: precision.name)
@pytest.mark.parametrize("name", ROWS)
def test_pairs_taken_apart_into_tiles_are_bounded_too(name: str, precision: Precision) -> None:
    """A tile's slack is its own: that of the shortest rows must do for them."""
    centered = center_rows(ROWS[name]())
    by_radius = centered.radius.argsort()
    true = squares(centered)
    tiles = torch.split(by_radius, 9)
    for level in every_level(centered, directions(centered, by_radius, 8), precision):
        for left in tiles:
            for right in tiles:
                assert (bounds(level, left, right) >= true[left][:, right]).all()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(2, 30),
    st.integers(8, 20),
    st.integers(-40, 40),
    st.sampled_from([0.0, 1.0, 1000.0]),
    st.floats(0, 0.1),
    st.sampled_from(PRECISIONS),
)
def test_any_directions_give_bounds_even_if_they_are_not_quite_orthonormal(
    seed: int, n: int, d: int, exponent: int, offset: float, skew: float, precision: Precision
) -> None:
    rows = ((inputs.normal(n, d, seed) + offset) * 2.0**exponent).to(torch.float32)
    centered = center_rows(rows)
    basis = torch.linalg.qr(inputs.normal(d, 8, seed + 1)).Q + skew / 8 * inputs.normal(d, 8, seed + 2)
    index, true = torch.arange(n), squares(centered)
    for level in every_level(centered, basis.to(torch.float32), precision):
        assert (bounds(level, index, index) >= true).all(), f"k = {level.k}"


def test_the_full_level_is_the_distance_itself_but_for_rounding() -> None:
    centered = center_rows(inputs.normal(90, 24).float())
    index = torch.arange(90)

    assert (bounds(full_level(centered, FLOAT32), index, index) - squares(centered)).abs().max() <= 2e-5 * squares(
        centered
    ).max()


@pytest.mark.parametrize("d", [40, 800])
def test_a_wider_level_bounds_no_worse_where_its_directions_hold_more(d: int) -> None:
    centered = center_rows(inputs.vocabulary(90, d).float())
    index = torch.arange(90)
    levels = every_level(centered, directions(centered, index, 8))
    excess = [(bounds(level, index, index) - squares(centered)).mean() for level in levels]

    assert excess == sorted(excess, reverse=True)


@pytest.mark.parametrize("d", [40, 800])
def test_leading_directions_are_nearly_orthonormal_and_the_same_each_time(d: int) -> None:
    centered = center_rows(inputs.vocabulary(300, d).float())
    basis = directions(centered, torch.arange(300), 12)

    assert basis.shape == (d, 12)
    assert torch.allclose(basis.T @ basis, torch.eye(12), atol=1e-5)
    assert torch.equal(basis, directions(centered, torch.arange(300), 12))


@pytest.mark.parametrize("d", [40, 800])
def test_leading_directions_hold_nearly_as_much_as_any_can(d: int) -> None:
    centered = center_rows(inputs.vocabulary(300, d).float())
    index = torch.arange(300)
    y = centered.centred(index).double() * (centered.radius / centered.radius.max()).pow(4)[:, None]
    most = torch.linalg.svdvals(y)[:12].square().sum()

    assert (y @ directions(centered, index, 12).double()).square().sum() >= 0.97 * most


def test_factors_serve_one_level_after_another() -> None:
    """What one level's product needed is not taken for another's."""
    centered = center_rows(inputs.vocabulary(90, 40).float())
    index, true = torch.arange(90), squares(centered)
    levels = every_level(centered, directions(centered, index, 8))
    left, right = Factors(index, "left"), Factors(index, "right")
    for level in [*levels, *reversed(levels)]:
        products = level_products(level, left, right)

        assert (-2 * products + level.slack_for(2 * float(centered.radius.max())) >= true).all()
