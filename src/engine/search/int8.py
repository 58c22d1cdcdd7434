"""Exact matrix products of whole numbers of eight bits, summed in 32 bits.

Processors with VNNI or AMX multiply these twice as fast as bfloat16 numbers. Torch has the product under a private
name, `_int_mm`, in newer versions; without such instructions it saturates or is slow. So it is tested before it is
used (`is_exact`), and a witness in each product shows that it is exact.
"""

from functools import cache
from typing import Final

import torch
from torch import Tensor

from ..errors import ProofError
from .matmul import multiply_in_float64

LARGEST: Final = 127  # without -128, so that the range is symmetric
MOST_TERMS: Final = 1 << 17  # whose sum is below 2^31 in magnitude: 2^17 times 127 squared
_SHAPES: Final = ((64, 40, 25), (300, 416, 65), (1024, 1040, 513), (33, 2576, 18))  # a, k, b of products tested


def product(left: Tensor, right: Tensor, checksum: Tensor, out: Tensor) -> Tensor:
    """left (a, k) times right (1 + b, k) transposed, without the witness's column: (a, b) of `out` (a, 1 + b).

    Both are int8, of -127 to 127, `out` is int32 and contiguous. The first row of `right` is the witness: 127
    throughout. Its product with a row of `left` is the `checksum` (a,) int32, 127 times the sum of that row.
    Where it is not, as where an instruction saturates, the product is carried out again in float64, which holds
    sums of `MOST_TERMS` exactly. Raises ProofError where that does not give the checksum either.
    """
    torch._int_mm(left, right.T, out=out)
    if not torch.equal(out[:, 0], checksum):
        multiply_in_float64(left, right, out)
        if not torch.equal(out[:, 0], checksum):
            raise ProofError("a product of whole numbers did not give back its witness, even in float64")
    return out[:, 1:]


@cache
def is_exact(device: torch.device) -> bool:
    """Whether torch multiplies whole numbers of eight bits exactly on the device, on operands with the largest
    sums among them. Tested once for each device; False where torch has no such product."""
    generator = torch.Generator().manual_seed(0)
    return all(_comes_out(_operand(a, k, generator), _operand(b, k, generator), device) for a, k, b in _SHAPES)


def _operand(rows: int, k: int, generator: torch.Generator) -> Tensor:
    """(rows, k) int8: in turn rows of random numbers, of 127s, of 127s with random signs, and of -127s."""
    numbers = torch.randint(-LARGEST, LARGEST + 1, (rows, k), generator=generator)
    numbers[1::4] = LARGEST
    numbers[2::4] = LARGEST * (1 - 2 * (numbers[2::4] < 0).to(torch.int64))
    numbers[3::4] = -LARGEST
    return numbers.to(torch.int8)


def _comes_out(left: Tensor, right: Tensor, device: torch.device) -> bool:
    """Whether left (a, k) times right (b, k) transposed comes out exactly, the rows apart as in a workspace."""
    apart = [torch.zeros(len(side), 4 * side.shape[1], dtype=torch.int8, device=device) for side in (left, right)]
    strided = [whole[:, : side.shape[1]].copy_(side) for whole, side in zip(apart, (left, right), strict=True)]
    out = torch.empty(len(left), len(right), dtype=torch.int32, device=device)
    try:
        torch._int_mm(strided[0], strided[1].T, out=out)
    except (AttributeError, RuntimeError, TypeError, NotImplementedError):
        return False
    exact = torch.mm(left.to(torch.float64), right.to(torch.float64).T)
    return torch.equal(out.cpu().to(torch.float64), exact)
