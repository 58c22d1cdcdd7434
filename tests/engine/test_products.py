"""Float32 products are rounded as float32, whatever torch was told to do elsewhere in the process."""

from collections.abc import Callable, Iterator

import inputs
import pytest
import torch
from farpair.engine.products import product
from farpair.engine.search import search

NEWER = hasattr(torch.backends.mkldnn, "matmul")


def settings() -> list[str]:
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
        seen.update(settings())
        return multiply(*operands, out=out)

    monkeypatch.setattr(torch, "mm", mm)
    tell()
    told = settings()
    for rows in (inputs.normal(900, 24).float(), inputs.vocabulary(3000, 96).float(), torch.eye(300)):
        for _ in search(rows):
            pass

    assert seen <= {"highest", "ieee", "none"}
    assert settings() == told


@pytest.mark.usefixtures("as_before")
def test_what_was_set_is_put_back_after_a_product_that_failed() -> None:
    told_in_a_word()
    told = settings()
    with pytest.raises(RuntimeError):
        product(torch.ones(2, 3), torch.ones(2, 3))

    assert settings() == told
