"""Matrix products as tensor cores carry them out, emulated exactly: in blocks, with truncation.

The model is that of Fasi, Higham, Mikaitis and Pranesh, Numerical behavior of NVIDIA tensor cores, PeerJ Computer
Science 7, 2021, without the extra bits that newer cores have: the products of a block and the sum so far are cut
to `bits` of the largest one's exponent, added up exactly, and the sum is cut to `bits` of its own.
"""

import torch


def summed(left: torch.Tensor, right: torch.Tensor, block: int, bits: int = 24) -> torch.Tensor:
    """left (a, k) times right (k, b), float32 of 12 bits or fewer each, summed so in blocks of `block` terms:
    (a, b) float64."""
    rows, row = left.to(torch.float64).unique(dim=0, return_inverse=True)  # type: ignore[no-untyped-call]
    columns, column = right.to(torch.float64).unique(dim=1, return_inverse=True)  # type: ignore[no-untyped-call]
    found = torch.zeros(len(rows), columns.shape[1], dtype=torch.float64)
    for start in range(0, rows.shape[1], block):
        terms = slice(start, start + block)
        products = rows[:, terms, None] * columns[None, terms]  # exact: 24 bits at most
        addends = torch.cat([found[:, None], products], dim=1)
        largest = addends.abs().amax(dim=1, keepdim=True)
        found = _cut(_cut(addends, largest, bits).sum(dim=1), None, bits)
    return found[row][:, column]


def _cut(x: torch.Tensor, like: torch.Tensor | None, bits: int) -> torch.Tensor:
    """x, float64, cut towards zero to `bits` bits of the exponent of `like`, or its own; zeros stay."""
    like = x.abs() if like is None else like
    exponent = torch.frexp(like).exponent
    return torch.ldexp(torch.ldexp(x, bits - exponent).trunc(), exponent - bits)
