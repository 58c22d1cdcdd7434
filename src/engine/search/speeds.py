"""How fast a CPU multiplies the numbers of a format, as it is measured: no name of a processor tells."""

import time
from functools import cache
from typing import Final

import torch
from torch import Tensor

_ROWS, _PARTNERS, _COLUMNS = 512, 256, 512  # a product of a millisecond or less on one core
_TURNS: Final = 4  # of which the fastest counts: another program may take the core for the others


@cache
def gflops(dtype: torch.dtype) -> float:
    """The billions of operations a second in a matrix product of `dtype` numbers on the CPU, with the threads that
    there are when it is asked for the first time. Measured in a few milliseconds, once in a process."""
    left, right = (torch.ones(rows, _COLUMNS, dtype=dtype, device="cpu") for rows in (_ROWS, _PARTNERS))
    return 2e-9 * _ROWS * _PARTNERS * _COLUMNS / min(_turn(left, right) for _ in range(_TURNS))


def _turn(left: Tensor, right: Tensor) -> float:
    started = time.perf_counter()
    torch.mm(left, right.T)
    return time.perf_counter() - started
