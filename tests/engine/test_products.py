"""Float32 products are rounded as float32, whatever torch was told to do elsewhere in the process."""

from collections.abc import Callable, Iterator

import inputs
import pytest
import torch
from farpair.engine.certify import gamma
from farpair.engine.products import product, products_at
from farpair.engine.search import search
from hypothesis import given, settings
from hypothesis import strategies as st
from other_device import DEVICE, Present

NEWER = hasattr(torch.backends.mkldnn, "matmul")


def matmul_settings() -> list[str]:
    """How torch would carry out a float32 product on the CPU and on CUDA at this moment."""
    if NEWER:
        return [torch.backends.mkldnn.matmul.fp32_precision, torch.backends.cuda.matmul.fp32_precision]
    return [torch.get_float32_matmul_precision()]


def told_in_a_word() -> None:
    torch.set_float32_matmul_precision("medium")


def told_of_cuda() -> None:
    torch.backends.cuda.matmul.allow_tf32 = True


def told_of_one_backend() -> None:
    if not NEWER:
        pytest.skip("this torch has one setting for all")
    torch.backends.cuda.matmul.fp32_precision = "tf32"


@pytest.fixture
def as_before() -> Iterator[None]:
    yield
    torch.set_float32_matmul_precision("highest")
    if NEWER:
        torch.backends.cuda.matmul.fp32_precision = torch.backends.mkldnn.matmul.fp32_precision = "none"


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("tell", [told_in_a_word, told_of_cuda, told_of_one_backend])
def test_every_product_of_a_search_is_precise_and_what_was_set_is_put_back(
    tell: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    multiply, seen = torch.mm, set[str]()

    def mm(*operands: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        seen.update(matmul_settings())
        return multiply(*operands, out=out)

    monkeypatch.setattr(torch, "mm", mm)
    tell()
    told = matmul_settings()
    for rows in (inputs.normal(900, 24).float(), inputs.vocabulary(3000, 96).float(), torch.eye(300)):
        for _ in search(rows):
            pass

    assert seen <= {"highest", "ieee", "none"}
    assert matmul_settings() == told


@pytest.mark.usefixtures("as_before")
def test_what_was_set_is_put_back_after_a_product_that_failed() -> None:
    told_in_a_word()
    told = matmul_settings()
    with pytest.raises(RuntimeError):
        product(torch.ones(2, 3), torch.ones(2, 3))

    assert matmul_settings() == told


@settings(deadline=None)
@given(
    rows=st.integers(1, 40),
    partners=st.integers(1, 300),
    k=st.integers(1, 90),
    fraction=st.floats(0, 1),
    elsewhere=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_single_products_are_those_of_the_pairs_asked_for(
    rows: int, partners: int, k: int, fraction: float, elsewhere: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    left, right = (torch.randn((size, k), generator=generator) for size in (rows, partners))
    chosen = torch.rand((partners, rows), generator=generator) < fraction
    chosen[seed % partners, seed % rows] = True
    column, row = chosen.nonzero(as_tuple=True)
    exact = (left[row].double() * right[column].double()).sum(dim=1)
    magnitude = (left[row].double() * right[column].double()).abs().sum(dim=1)

    if elsewhere:
        with Present():
            found = products_at(left.to(DEVICE), right.to(DEVICE), row, column).cpu()
    else:
        found = products_at(left, right, row, column)

    assert found.dtype == torch.float32
    assert ((found - exact).abs() <= gamma(k) * magnitude + 1e-12 * magnitude).all()


def test_more_single_products_than_are_carried_out_at_a_time() -> None:
    left, right = inputs.normal(200, 7).float(), inputs.normal(700, 7).float()
    column, row = torch.cartesian_prod(torch.arange(700), torch.arange(200)).T

    assert torch.allclose(products_at(left, right, row, column), (right @ left.T).flatten(), atol=1e-5)
