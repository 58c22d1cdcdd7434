"""Matrix products of float32 numbers, rounded as float32 and as nothing narrower unless that is asked for.

Torch may be told, by whoever shares the process, to carry out float32 products in TF32 or bfloat16
(`torch.set_float32_matmul_precision`, `torch.backends.cuda.matmul.allow_tf32`, `…matmul.fp32_precision`). Every
bound of the search rests on how its products are rounded, so each is carried out under the setting that its bound
is for, and what was set is put back.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

_PAIRS = 1 << 15  # inner products of single pairs at a time,
_NUMBERS = 1 << 22  # and of so many numbers where their rows are gathered: 16 MB for either side
_PRECISE = ("none", "ieee")
_ON_CPU = getattr(torch.backends.mkldnn, "matmul", None)  # before torch 2.9 one setting is for all devices


def product(left: Tensor, right: Tensor, out: Tensor | None = None, *, tf32: bool = False) -> Tensor:
    """left (a, k) times right (k, b), float32; with `tf32`, on CUDA's tensor cores where there are any."""
    with _products_in_tf32(tf32 and left.device.type == "cuda"):
        return torch.mm(left, right, out=out)


def products_at(left: Tensor, right: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The inner products (p,) of the rows of `left` (a, k) at `row` (p,) with those of `right` (b, k) at `column`
    (p,); the pairs are distinct, and ordered by column and then by row. Float32, on the rows' device."""
    on_cpu = left.device.type == "cpu"
    at_once, pairs = (_sampled, _PAIRS) if on_cpu else (_gathered, max(1, _NUMBERS // left.shape[1]))
    parts = zip(torch.split(row, pairs), torch.split(column, pairs), strict=True)
    return torch.cat([at_once(left, right, *(at.to(left.device) for at in part)) for part in parts])


def _gathered(left: Tensor, right: Tensor, row: Tensor, column: Tensor) -> Tensor:
    return left[row].mul_(right[column]).sum(dim=1)


def _sampled(left: Tensor, right: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The same without a copy of any row, as the product of two matrices where a sparse one has its entries."""
    right = right[int(column[0]) :]
    start = torch.bincount(column - column[0], minlength=len(right)).cumsum(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        pattern = torch.sparse_csr_tensor(
            torch.nn.functional.pad(start, (1, 0)),
            row,
            torch.zeros(len(row)),
            size=(len(right), len(left)),
            check_invariants=False,
        )
    products: Tensor = torch.sparse.sampled_addmm(pattern, right, left.T, beta=0.0)
    return products.values()


@contextmanager
def _products_in_tf32(wanted: bool) -> Iterator[None]:
    """Float32 products are in TF32, or not, for so long; what was set is put back."""
    settings = _settings()
    if (settings[0] == "tf32") if wanted else all(setting in _PRECISE for setting in settings):
        yield
        return
    word = _one_word()
    if word is None:  # settings of both kinds are mixed, and torch refuses to sum them up in one
        _set("tf32" if wanted else "ieee", "ieee")
    else:
        torch.set_float32_matmul_precision("high" if wanted else "highest")
    try:
        yield
    finally:
        if word is not None:
            torch.set_float32_matmul_precision(word)
        _set(*settings)


def _settings() -> tuple[str, str]:
    """How float32 products are carried out on CUDA and on the CPU: "ieee", "tf32", "bf16", or "none" for ieee."""
    if _ON_CPU is None:
        setting = {"highest": "ieee", "high": "tf32"}.get(torch.get_float32_matmul_precision(), "bf16")
        return setting, setting
    return torch.backends.cuda.matmul.fp32_precision, _ON_CPU.fp32_precision


def _one_word() -> str | None:
    """The same in the words of the older of torch's two interfaces; None where they do not agree."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return None


def _set(cuda: str, cpu: str) -> None:
    if _ON_CPU is not None:
        torch.backends.cuda.matmul.fp32_precision = cuda
        _ON_CPU.fp32_precision = cpu
