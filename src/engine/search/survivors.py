"""Finds the numbers of a product that are small enough to matter.

A level bounds the squared distance of a pair by slack - 2 p, p being the pair's number in the product. Where
thresholds are part of the product, the sign of p says whether the pair matters.
"""

import torch
from torch import Tensor

from ..errors import ProofError

_AT_ONCE = 1 << 18  # numbers compared at once on a CPU: 1 MB, so that they stay in cache;
_AT_ONCE_ELSEWHERE = 1 << 24  # on another device: 64 MB


def most_within(threshold: Tensor, slack: float) -> Tensor:
    """The largest p for which slack - 2 p is at least `threshold` (a,), rounded up: (a,) float32.

    Raises ProofError where one is not a number: it would discard every pair.
    """
    within = ((slack - threshold) / 2).to(torch.float32)
    if bool(within.isnan().any()):
        raise ProofError("a bound is not a number")
    return within.nextafter(torch.full_like(within, torch.inf))


def reaching(least: Tensor, slack: float, threshold: Tensor) -> Tensor:
    """The indices at which slack - 2 `least` is at least `threshold` (m,), or not a number; all float64."""
    return (~(least * -2 + slack < threshold)).nonzero().flatten()


def where_at_most(product: Tensor, within: Tensor, most: int) -> tuple[Tensor, Tensor] | None:
    """The places at which a product (b, a) is at most `within` (a,), in the order of `nonzero`; None where there
    are more than `most`, or where the product holds a NaN."""
    within = within.to(product.device)
    least = product.amin(dim=1)  # amin propagates NaN
    if bool(least.isnan().any()):
        return None
    return _places(product, (least <= within.max()).nonzero().flatten(), within, most)


def where_not_positive(product: Tensor, most: int) -> tuple[Tensor, Tensor] | None:
    """The places at which a product (b, a), float32, bfloat16 or int32, is zero or less, as for `where_at_most`.

    Bfloat16 numbers are compared by their bits as whole numbers, which torch does ten times as fast. The bits are
    positive where the number is greater than zero, or NaN without a sign, of which there must be none.
    """
    if product.dtype == torch.float32:
        return where_at_most(product, torch.zeros(1, dtype=torch.float32), most)
    whole = product.view(torch.int16) if product.dtype == torch.bfloat16 else product
    near = (whole.amin(dim=1) <= 0).nonzero().flatten()
    return _places(whole, near, torch.zeros(1, dtype=whole.dtype, device=whole.device), most)


def _places(product: Tensor, near: Tensor, within: Tensor, most: int) -> tuple[Tensor, Tensor] | None:
    """The places at which the rows `near` of a product are at most `within`."""
    mask = torch.empty(len(near), product.shape[1], dtype=torch.bool, device=product.device)
    at_once = _AT_ONCE if product.device.type == "cpu" else _AT_ONCE_ELSEWHERE
    step = max(1, at_once // product.shape[1])
    for start in range(0, len(near), step):
        part = slice(start, start + step)
        # Compared into numbers first, which torch vectorises, unlike comparing into booleans.
        some = product.index_select(0, near[part])
        mask[part] = torch.le(some, within, out=some)
    # Eight places at a time, because few are true.
    flat = mask.flatten()
    whole = len(flat) // 8 * 8
    words = flat[:whole].view(torch.int64)
    found = words.nonzero().flatten()
    if len(found) > most:
        return None
    which, place = words.index_select(0, found).view(torch.bool).view(-1, 8).nonzero(as_tuple=True)
    at = torch.cat([found.index_select(0, which).mul_(8).add_(place), flat[whole:].nonzero().flatten() + whole])
    if len(at) > most:
        return None
    column = at // mask.shape[1]
    return near.index_select(0, column), at - column * mask.shape[1]
