"""The rounding errors of distances in float32 and float64.

Everything rests on one bound. A sum of k products evaluated in floating point with unit roundoff u, in any
order and with or without fused multiply-add, differs from the exact one by at most gamma(k) times the sum of
the products' magnitudes, gamma(k) = k u / (1 - k u) (Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., section 3.1; u = 2^-24 for float32, 2^-53 for float64).

Directly differenced squares, sum_c (x_ic - x_jc)^2, are sums of non-negative terms, each off by three
roundings at most, so in float64 they carry a relative error of at most gamma(d + 2).
"""

import torch
from torch import Tensor

from ..device import float64_device
from ..errors import ProofError

UNIT_ROUNDOFF = {
    torch.float64: 2.0**-53,
    torch.float32: 2.0**-24,
    torch.bfloat16: 2.0**-8,
}

# Float64 numbers held at once for either row of the pairs evaluated: half a MB; and for those whose rounding is
# looked at, of which a dozen times as many are held.
_WORKSPACE, _LOOKED_AT = 1 << 16, 1 << 14
_PROBED = 1 << 16  # numbers: enough for more than one thread


def gamma(k: int, dtype: torch.dtype = torch.float32) -> float:
    """The relative error bound k u / (1 - k u) of a k-term inner product in `dtype` (Higham, section 3.1)."""
    ku = k * UNIT_ROUNDOFF[dtype]
    return ku / (1 - ku)


def float64_error(d: int) -> float:
    """Relative error bound of `squared_distances` for rows of dimension `d`."""
    return gamma(d + 2, torch.float64)


def check_float64() -> None:
    """Raise ProofError where this thread, or one that helps it, flushes subnormal numbers to zero or does not
    round to nearest: `torch.set_flush_denormal` does so, and a thread inherits it."""
    tiny = torch.full((_PROBED,), 2.0**-1074, dtype=torch.float64, device="cpu")
    one = tiny.new_full((1,), 1.0)
    kept = float(tiny.mul_(1.0).min()) > 0
    nearest = float(one + 2.0**-53) == 1.0 and float(one + 1.5 * 2.0**-53) == 1 + 2.0**-52
    if not (kept and nearest):
        what = "rounds otherwise than to nearest" if kept else "flushes subnormal numbers to zero"
        raise ProofError(f"float64 arithmetic in this process {what}")


def power_of_two(exponent: Tensor) -> Tensor:
    """2^exponent in float64 for whole exponents of -1022 to 1023, from its bits, because `torch.exp2` need not be
    exact."""
    return ((exponent.to(torch.int64) + 1023) << 52).view(torch.float64)


def underflow(d: int) -> float:
    """An upper bound of what `squared_distances` of dimension `d` lose to underflow, and of what scaling lost in
    the rows, where both are at most 2 long: see PROOF.md."""
    return (d + 2) * 2.0**-1070


def scaled(rows: Tensor, shift: int) -> Tensor:
    """2^shift rows, in two steps so that the factors stay in the dtype's range; exact except for underflow."""
    return rows * 2.0 ** (shift // 2) * 2.0 ** (shift - shift // 2) if shift else rows


def scaled_difference(left: Tensor, right: Tensor, shift: int) -> Tensor:
    """2^shift (left - right), in their dtype: rounded once, and scaled exactly except for underflow.

    Scaling up is done after subtracting, because rows far from zero could overflow; scaling down before it,
    because differences could.
    """
    if shift > 0:
        return scaled(left - right, shift)
    return scaled(left, shift) - scaled(right, shift)


def squared_distances(rows: Tensor, i: Tensor, j: Tensor, shift: int = 0) -> Tensor:
    """|2^shift (x_i - x_j)|^2 by direct differences in float64, for pairs of indices (p,) into rows (n, d).

    Relative error at most `float64_error(d)`. The result is on the CPU; a device
    without float64 (mps) copies the rows to the CPU, a bounded number at a time.
    """
    squares = torch.empty(len(i), dtype=torch.float64)
    step = max(1, _WORKSPACE // rows.shape[1])
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        squares[part] = _differences(rows, i[part], j[part], shift).square_().sum(dim=1).cpu()
    return squares


def _differences(rows: Tensor, i: Tensor, j: Tensor, shift: int) -> Tensor:
    where = float64_device(rows.device)
    left, right = (rows.index_select(0, at.to(rows.device)).to(where).to(torch.float64) for at in (i, j))
    return scaled_difference(left, right, shift)


def float64_is_exact(rows: Tensor, i: Tensor, j: Tensor, shift: int, squares: Tensor) -> Tensor:
    """Whether the float64 `squares` (p,) of pairs (p,) are free of any rounding, as booleans (p,).

    Where scaling loses nothing, and every difference is exact and a whole multiple of a power of two g with
    square <= 2^52 g^2, every partial sum is a whole number of g^2 below 2^53: none is rounded. Rows of few
    significant bits (one-hot, hypercube corners, neighbours an ulp apart) are of this kind, and it is these that
    tie by the million.
    """
    exact = torch.empty(len(i), dtype=torch.bool)
    step = max(1, _LOOKED_AT // rows.shape[1])
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        left, right = (rows[at[part].to(rows.device)].cpu().to(torch.float64) for at in (i, j))
        difference = scaled_difference(left, right, shift)
        kept = scaled(difference, -shift) == left - right
        exponent = torch.frexp(squares[part]).exponent.to(torch.int64)  # square < 2^exponent
        grain = power_of_two((exponent - 52 + 1).div(2, rounding_mode="floor").clamp_min(-500))[:, None]
        whole = torch.remainder(difference / grain, 1.0) == 0
        exact[part] = (kept & whole).all(dim=1) & subtraction_is_exact(left, right, left - right)
    return exact


def subtraction_is_exact(left: Tensor, right: Tensor, difference: Tensor) -> Tensor:
    """Whether left - right = difference, (m, d) float64, without any rounding, as booleans (m,): both parts of
    Knuth's error term (TwoSum) are zero throughout."""
    virtual = left - difference
    lost = (left - (difference + virtual)).abs_().add_((virtual - right).abs_())
    return lost.amax(dim=1) == 0
