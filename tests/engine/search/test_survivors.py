"""The places found in a product are those that examining every number finds."""

from fractions import Fraction

import torch
from farpair.engine.search.survivors import most_within, reaching, where_at_most
from hypothesis import example, given, settings
from hypothesis import strategies as st

MAGNITUDES = st.floats(1e-3, 1e3)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.sampled_from([0, 0.01, 0.3, 1]), st.integers(0, 2**31))
@example(1, 1, 1, 0)
def test_places_are_found_in_the_order_of_nonzero(b: int, a: int, share: float, seed: int) -> None:
    chance = torch.Generator().manual_seed(seed)
    product = torch.rand(b, a, generator=chance)
    within = torch.full((a,), share) * torch.rand(a, generator=chance).round()
    product[torch.rand(b, a, generator=chance) < 0.1] = torch.inf

    wanted = (product <= within).nonzero(as_tuple=True)
    for most in (len(wanted[0]), b * a):
        found = where_at_most(product, within, most)
        assert found is not None
        assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))
    assert not len(wanted[0]) or where_at_most(product, within, len(wanted[0]) - 1) is None


def test_a_product_of_several_blocks_is_gone_through_whole() -> None:
    product = torch.ones(700, 1_001)
    places = torch.tensor([[0, 0], [261, 1_000], [262, 0], [699, 1_000]])
    product[places[:, 0], places[:, 1]] = 0.5

    found = where_at_most(product, torch.full((1_001,), 0.5), 4)
    assert found is not None
    assert torch.equal(torch.stack(found, dim=1), places)


@given(MAGNITUDES, MAGNITUDES, st.floats(-1e3, 1e3, width=32))
def test_no_number_that_reaches_what_is_needed_is_left_out(threshold: float, slack: float, number: float) -> None:
    reaches = Fraction(slack) - 2 * Fraction(number) >= Fraction(threshold)
    within = float(most_within(torch.tensor([threshold], dtype=torch.float64), slack))

    assert number <= within or not reaches


def test_what_reaches_is_told_by_its_place() -> None:
    least = torch.tensor([-1.0, 0.0, 1.0, -2.0], dtype=torch.float64)

    assert reaching(least, 3.0, torch.full((4,), 5.0, dtype=torch.float64)).tolist() == [0, 3]
