"""Float32 products are rounded as float32, whatever the settings of torch and the device."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from farpair.engine.errors import ProofError
from farpair.engine.search.matmul import behind_witness, product, products_at
from farpair.engine.search.rounding import gamma
from hypothesis import given, settings
from hypothesis import strategies as st
from support import inputs
from support.answers import answer
from support.other_device import DEVICE, Present

NEWER = hasattr(torch.backends.mkldnn, "matmul")


def matmul_settings() -> list[str]:
    """How torch would carry out a float32 product on the CPU and on CUDA at this moment."""
    if NEWER:
        mkldnn: Any = torch.backends.mkldnn
        return [mkldnn.matmul.fp32_precision, torch.backends.cuda.matmul.fp32_precision]
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
        mkldnn: Any = torch.backends.mkldnn
        torch.backends.cuda.matmul.fp32_precision = mkldnn.matmul.fp32_precision = "none"


def rounding(bits: int) -> Callable[..., torch.Tensor]:
    """torch.mm on a machine that rounds float32 operands to so many bits, as it may be told to."""
    multiply = torch.mm

    def mm(left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
        if left.dtype == torch.float32:
            fractions = [torch.frexp(side) for side in (left, right)]
            left, right = (torch.ldexp((part * 2**bits).round() / 2**bits, power) for part, power in fractions)
        return multiply(left, right, out=out)

    return mm


@pytest.mark.usefixtures("as_before")
@pytest.mark.parametrize("tell", [told_in_a_word, told_of_cuda, told_of_one_backend])
def test_a_search_changes_no_setting_and_no_setting_changes_its_answer(
    tell: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    multiply, seen = torch.mm, set[str]()

    def mm(*operands: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        seen.add(str(matmul_settings()))
        return multiply(*operands, out=out)

    inputs_of_all_paths = inputs.normal(900, 24).float(), inputs.vocabulary(3000, 96).float(), torch.eye(300)
    plain = [answer(rows).named for rows in inputs_of_all_paths]
    monkeypatch.setattr(torch, "mm", mm)
    tell()
    told = matmul_settings()
    found = [answer(rows).named for rows in inputs_of_all_paths]

    assert found == plain
    assert seen == {str(told)}
    assert matmul_settings() == told


@pytest.mark.parametrize("bits", [8, 11])
def test_a_search_has_the_same_answer_where_float32_operands_are_rounded(
    bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU under NVIDIA_TF32_OVERRIDE, which no setting of torch's shows."""
    rows = inputs.vocabulary(1200, 96).float()
    plain = [answer(rows, precision=precision).named for precision in ("float32", "tf32")]
    monkeypatch.setattr(torch, "mm", rounding(bits))

    assert [answer(rows, precision=precision).named for precision in ("float32", "tf32")] == plain


@pytest.mark.parametrize("bits", [8, 11, 24])
@given(a=st.integers(1, 40), b=st.integers(1, 300), k=st.integers(1, 90), seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_a_product_errs_no_more_than_float32_does_whatever_the_machine_does(
    bits: int, a: int, b: int, k: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    left, right = (torch.randn((size, k), generator=generator) for size in (a, b))
    ones = torch.nn.functional.pad(left, (0, 1), value=1.0)
    with pytest.MonkeyPatch.context() as machine:
        machine.setattr(torch, "mm", rounding(bits))
        found = product(ones, behind_witness(right))
    exact, magnitude = left.double() @ right.double().T, left.double().abs() @ right.double().abs().T

    assert ((found - exact).abs() <= gamma(k + 1) * magnitude).all()


def test_a_product_that_cannot_be_known_is_refused() -> None:
    ones, right = torch.ones(3, 5), torch.ones(2, 4)
    right[1, 2] = torch.inf
    with pytest.raises(ProofError, match="witness"):
        product(ones * torch.inf, behind_witness(right))


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
