"""A level's bound, for every pair of rows, is never less than the pair's distance."""

import pytest
import torch
from farpair.engine.search.centered_rows import Space, centre_rows
from farpair.engine.search.precision import FLOAT32, Screen, choose_screen
from farpair.engine.search.screening_levels import Factors, Level, full_level, leading_directions, projected_levels
from hypothesis import given, settings
from hypothesis import strategies as st
from support import inputs

WIDTHS = [1, 3, 8]
SCREENS = [choose_screen(name, torch.device("cpu")).screen for name in ("float32", "tf32", "bfloat16")]

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


def squares(space: Space) -> torch.Tensor:
    """(n, n) float64: all squared distances in the space's scale, by direct differences, a little too small."""
    rows = space.rows.to(torch.float64) * 2.0**space.shift
    d = rows.shape[1]
    return (rows[:, None] - rows).square().sum(dim=2) * (1 - (d + 3) * 2.0**-52)


def bounds(level: Level, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """(a, b) float64: what the level says of the pairs of rows left (a,) and right (b,)."""
    out = torch.empty(len(right), 1 + len(left))
    product = level.screen.product(Factors(right, "right").at(level), Factors(left, "left").at(level), out).T
    largest = float(level.space.radius[left].max() + level.space.radius[right].max())
    return -2 * product.cpu().to(torch.float64) + level.slack_for(largest)


def every_level(space: Space, basis: torch.Tensor, screen: Screen = FLOAT32) -> list[Level]:
    index = torch.arange(len(space.rows))
    widths = [width for width in WIDTHS if width <= basis.shape[1]]
    return [*projected_levels(space, screen, index, basis, widths), full_level(space, screen)]


@pytest.mark.parametrize("name", ROWS)
def test_no_pair_lies_farther_apart_than_its_two_radii_reach(name: str) -> None:
    space = centre_rows(ROWS[name]())

    assert ((space.radius[:, None] + space.radius).square() >= squares(space)).all()


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
@pytest.mark.parametrize("name", ROWS)
def test_no_pair_lies_farther_apart_than_its_bound(name: str, screen: Screen) -> None:
    space = centre_rows(ROWS[name]())
    index = torch.arange(len(space.rows))
    true = squares(space)
    for level in every_level(space, leading_directions(space, index, 8), screen):
        assert (bounds(level, index, index) >= true).all(), f"k = {level.k}"


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
@pytest.mark.parametrize("name", ROWS)
def test_pairs_taken_apart_into_tiles_are_bounded_too(name: str, screen: Screen) -> None:
    """A tile's slack is its own: that of the shortest rows must do for them."""
    space = centre_rows(ROWS[name]())
    by_radius = space.radius.argsort()
    true = squares(space)
    tiles = torch.split(by_radius, 9)
    for level in every_level(space, leading_directions(space, by_radius, 8), screen):
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
    st.sampled_from(SCREENS),
)
def test_any_directions_give_bounds_even_if_they_are_not_quite_orthonormal(
    seed: int, n: int, d: int, exponent: int, offset: float, skew: float, screen: Screen
) -> None:
    rows = ((inputs.normal(n, d, seed) + offset) * 2.0**exponent).to(torch.float32)
    space = centre_rows(rows)
    basis = torch.linalg.qr(inputs.normal(d, 8, seed + 1)).Q + skew / 8 * inputs.normal(d, 8, seed + 2)
    index, true = torch.arange(n), squares(space)
    for level in every_level(space, basis.to(torch.float32), screen):
        assert (bounds(level, index, index) >= true).all(), f"k = {level.k}"


def test_the_full_level_is_the_distance_itself_but_for_rounding() -> None:
    space = centre_rows(inputs.normal(90, 24).float())
    index = torch.arange(90)

    assert (bounds(full_level(space, FLOAT32), index, index) - squares(space)).abs().max() <= 2e-5 * squares(
        space
    ).max()


@pytest.mark.parametrize("d", [40, 800])
def test_a_wider_level_bounds_no_worse_where_its_directions_hold_more(d: int) -> None:
    space = centre_rows(inputs.vocabulary(90, d).float())
    index = torch.arange(90)
    levels = every_level(space, leading_directions(space, index, 8))
    excess = [(bounds(level, index, index) - squares(space)).mean() for level in levels]

    assert excess == sorted(excess, reverse=True)


@pytest.mark.parametrize("d", [40, 800])
def test_leading_directions_are_nearly_orthonormal_and_the_same_each_time(d: int) -> None:
    space = centre_rows(inputs.vocabulary(300, d).float())
    basis = leading_directions(space, torch.arange(300), 12)

    assert basis.shape == (d, 12)
    assert torch.allclose(basis.T @ basis, torch.eye(12), atol=1e-5)
    assert torch.equal(basis, leading_directions(space, torch.arange(300), 12))


@pytest.mark.parametrize("d", [40, 800])
def test_leading_directions_hold_nearly_as_much_as_any_can(d: int) -> None:
    space = centre_rows(inputs.vocabulary(300, d).float())
    index = torch.arange(300)
    y = space.centred(index).double() * (space.radius / space.radius.max()).pow(4)[:, None]
    most = torch.linalg.svdvals(y)[:12].square().sum()

    assert (y @ leading_directions(space, index, 12).double()).square().sum() >= 0.97 * most


def test_factors_serve_one_level_after_another() -> None:
    """What one level's product needed is not taken for another's."""
    space = centre_rows(inputs.vocabulary(90, 40).float())
    index, true = torch.arange(90), squares(space)
    levels = every_level(space, leading_directions(space, index, 8))
    left, right = Factors(index, "left"), Factors(index, "right")
    for level in [*levels, *reversed(levels)]:
        product = level.screen.product(right.at(level), left.at(level), torch.empty(90, 91)).T.to(torch.float64)

        assert (-2 * product + level.slack_for(2 * float(space.radius.max())) >= true).all()
