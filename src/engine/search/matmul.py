"""Matrix products with known rounding, whatever the settings of the process.

Float32 products may be computed in TF32 or bfloat16: any code in the process can set that in torch
(`torch.set_float32_matmul_precision` and the like) at any moment, and an environment variable in cuBLAS. Nothing
here changes such a setting. Instead every product proves its arithmetic: its right operand begins with a witness,
a row that is zero except for one number 1 + 2u, which needs all bits of the format, against a column of ones in
the left operand. The product's first column is 1 + 2u throughout if and only if operands were multiplied
unrounded; a narrower arithmetic gives 1. The product is then repeated in float64, which no such setting affects.
"""

import warnings

import torch
from torch import Tensor

from ..device import float64_device
from ..errors import ProofError
from .rounding import UNIT_ROUNDOFF

_PAIRS = 1 << 15  # inner products of single pairs at once,
_NUMBERS = 1 << 22  # and numbers of their rows where these are gathered: 16 MB for either side
_ROWS, _COLUMNS = 128, 1 << 17  # rows of one operand, and numbers of the other, multiplied at once in float64


def witness_of(unit: float) -> float:
    """The number 1 + 2u of a format with unit roundoff u: its least number above 1."""
    return 1.0 + 2.0 * unit


def behind_witness(rows: Tensor) -> Tensor:
    """The `rows` (b, k) as a right operand (1 + b, k + 1) of `product`, for left operands (a, k + 1) whose last
    column is ones."""
    operand = rows.new_empty((len(rows) + 1, rows.shape[1] + 1))
    operand[1:, :-1] = rows
    write_witness(operand)
    return operand


def write_witness(operand: Tensor) -> None:
    """Write the first row and the last column of an operand as `behind_witness` has them."""
    operand[1:, -1] = 0.0
    operand[0] = 0.0
    operand[0, -1] = witness_of(UNIT_ROUNDOFF[operand.dtype])


def product(left: Tensor, right: Tensor, out: Tensor | None = None, *, unit: float | None = None) -> Tensor:
    """left (a, k) times right (1 + b, k) transposed, without the witness's column: (a, b) of `out` (a, 1 + b).

    `unit` is the unit roundoff of the format of the operands' numbers, by default that of their dtype. `out` has
    the operands' dtype, also by default, or float32 for operands of bfloat16 on a GPU; it may be strided. Raises
    ProofError where even float64 does not give back the witness: an operand is not finite, or the device does not
    multiply as it should. Raises ValueError where `out` has another shape.
    """
    if out is not None and out.shape != (len(left), len(right)):
        raise ValueError(f"out has shape {tuple(out.shape)}, and the product {(len(left), len(right))}")
    witness = witness_of(UNIT_ROUNDOFF[left.dtype] if unit is None else unit)
    if out is not None and out.dtype != left.dtype:
        out = torch.mm(left, right.T, out_dtype=out.dtype, out=out)
    else:
        out = torch.mm(left, right.T, out=out)
    if not _witnessed(out, witness):
        multiply_in_float64(left, right, out)
        if not _witnessed(out, witness):
            raise ProofError("a matrix product did not give back its witness, even in float64")
    return out[:, 1:]


def _witnessed(out: Tensor, witness: float) -> bool:
    return bool((out[:, 0] == witness).all())


def multiply_in_float64(left: Tensor, right: Tensor, out: Tensor) -> None:
    """left (a, k) times right (b, k) transposed, each number rounded once to out's dtype."""
    where = float64_device(left.device)
    step = max(1, _COLUMNS // left.shape[1])
    for first in range(0, len(right), _ROWS):
        columns = right[first : first + _ROWS].to(where).to(torch.float64)
        for start in range(0, len(left), step):
            rows = left[start : start + step].to(where).to(torch.float64)
            out[start : start + step, first : first + _ROWS] = (
                torch.mm(rows, columns.T).to(out.dtype).to(out.device)
            )


def products_at(left: Tensor, right: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The inner products (p,) of the rows of `left` (a, k) at `row` (p,) with those of `right` (b, k) at `column`
    (p,); the pairs are distinct, and ordered by column and then by row. Float32, on the rows' device.

    Torch computes these term by term, so that settings for matrix products do not affect them.
    """
    on_cpu = left.device.type == "cpu"
    at_once, pairs = (_sampled, _PAIRS) if on_cpu else (_gathered, max(1, _NUMBERS // left.shape[1]))
    parts = zip(torch.split(row, pairs), torch.split(column, pairs), strict=True)
    return torch.cat([at_once(left, right, *(at.to(left.device) for at in part)) for part in parts])


def _gathered(left: Tensor, right: Tensor, row: Tensor, column: Tensor) -> Tensor:
    return left[row].mul_(right[column]).sum(dim=1)


def _sampled(left: Tensor, right: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The same without a copy of any row, as the product of two matrices at the entries of a sparse one."""
    right = right[int(column[0]) :]
    start = torch.bincount(column - column[0], minlength=len(right)).cumsum(0)
    pattern = torch.sparse_csr_tensor(
        torch.nn.functional.pad(start, (1, 0)),
        row,
        torch.zeros(len(row), dtype=torch.float32),
        size=(len(right), len(left)),
        dtype=torch.float32,
        device="cpu",
        check_invariants=False,
    )
    products: Tensor = torch.sparse.sampled_addmm(pattern, right, left.T, beta=0.0)
    return products.values()


with warnings.catch_warnings():  # torch warns once in a process that sparse tensors are new
    warnings.simplefilter("ignore")
    _sampled(
        *(torch.ones(1, 1, dtype=torch.float32, device="cpu") for _ in range(2)),
        *torch.zeros(2, 1, dtype=torch.int64),
    )
