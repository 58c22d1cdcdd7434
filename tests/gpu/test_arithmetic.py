"""What the proof assumes of a device's own arithmetic (PROOF.md, A and F), bit by bit against the CPU's."""

from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from farpair.engine.search.rounding import gamma, squared_distances
from farpair.engine.search.survivors import where_at_most, where_not_positive
from support import inputs
from support.reference import exact_squares

LARGEST = {torch.float32: 120.0, torch.float64: 1000.0}  # exponents of two
OPERATIONS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "addition": torch.add,
    "subtraction": torch.sub,
    "multiplication": torch.mul,
    "division": torch.div,
    "square root": lambda x, _: x.abs().sqrt(),
    "next number": torch.nextafter,
    "to float32": lambda x, _: x.to(torch.float32),
    "to bfloat16": lambda x, _: x.to(torch.bfloat16),
}


def numbers(dtype: torch.dtype, seed: int) -> torch.Tensor:
    """Numbers of all magnitudes, subnormal ones and halfway ones among them."""
    size = 1 << 15
    exponents = torch.linspace(-LARGEST[dtype] - 40, LARGEST[dtype], size, dtype=torch.float64)
    wide = inputs.normal(1, size, seed)[0] * exponents.round().exp2()
    near_one = 1 + torch.arange(size, dtype=torch.float64) * torch.finfo(dtype).eps / 2
    return torch.cat([wide, near_one, -near_one.flip(0), wide.flip(0)]).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", OPERATIONS)
def test_single_operations_round_as_the_cpus_do(device: torch.device, name: str, dtype: torch.dtype) -> None:
    x, y = numbers(dtype, 1), numbers(dtype, 2).roll(12_345)
    expected, found = OPERATIONS[name](x, y), OPERATIONS[name](x.to(device), y.to(device)).cpu()

    assert not expected.isnan().any()  # there are many, and devices differ in which they give
    assert torch.equal(found.view(torch.uint8), expected.view(torch.uint8))


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_squared_distances_are_within_the_bound_of_the_exact_ones(device: torch.device, scale: float) -> None:
    rows = (scale * inputs.normal(60, 257)).float()
    i, j = torch.triu_indices(60, 60, offset=1)[:, ::7]
    found = squared_distances(rows.to(device), i, j, 0).cpu().tolist()
    pairs = list(zip(i.tolist(), j.tolist(), strict=True))

    for square, exact in zip(found, exact_squares(rows, pairs), strict=True):
        assert abs(Fraction(square) - exact) <= Fraction(gamma(259, torch.float64)) * exact


def test_what_is_not_a_number_is_never_lost(device: torch.device) -> None:
    product = inputs.normal(300, 257).float().to(device)
    within = torch.full((257,), -2.0)
    product[17, 200] = torch.nan

    assert bool(product.amin(dim=1).isnan()[17])
    assert where_at_most(product, within, product.numel()) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_survivors_are_found_in_the_same_order_as_on_the_cpu(device: torch.device, dtype: torch.dtype) -> None:
    product = (inputs.normal(1_000, 1_237) + 3).to(dtype)
    product[5, 5], product[7, 1_236] = 0.0, -0.0
    expected = where_not_positive(product, product.numel())
    found = where_not_positive(product.to(device), product.numel())

    assert expected is not None
    assert found is not None
    assert all(torch.equal(there.cpu(), here) for there, here in zip(found, expected, strict=True))
    assert torch.equal(torch.stack(expected), (product <= 0).nonzero().T)
