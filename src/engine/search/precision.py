"""In which format the screening products are carried out, and what that rounds off.

A screening product is the inner product l.r of two factors of `levels`, whose coordinates are first rounded to a
format with unit roundoff u (2^-11 for TF32, 2^-8 for bfloat16; float32 keeps them: 0), to nearest, ties to even.
For coordinates p and residuals q, rounding changes every term by a factor (1 + a)(1 + b), |a|, |b| <= u, so that

    |p^_i.p^_j - q^_i q^_j - (p_i.p_j - q_i q_j)|  <=  (2u + u^2) sum |p_i||p_j| + q_i q_j  <=  (2u + u^2) r_i r_j,

by Cauchy and Schwarz; r_i r_j <= s^2/4 for s = r_i + r_j. The numbers b_i/2 are much larger than what is compared,
and are not rounded: they are split into parts that the format holds, which add up to them exactly.

Products of rounded numbers are exact in float32 (11 + 11 and 8 + 8 bits). They are added up in float32, at worst
with truncation and in blocks, as tensor cores do (unit 2^-23; Fasi, Higham, Mikaitis and Pranesh, Numerical
behavior of NVIDIA tensor cores, PeerJ Computer Science 7, 2021): a block of b products and the sum so far is off
by at most (b + 1) 2^-23 times the sum of their magnitudes, k terms in blocks of four or more by 5/4 k 2^-23 times
it. gamma(4k) covers that, as it does the k 2^-24 of a CPU (Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., section 3.1; operands of one format and sums of another: Blanchard, Higham, Lopez, Mary and Pranesh, Mixed
precision block fused multiply-add, SIAM J. Sci. Comput. 42(3), 2020). The magnitudes sum to at most s^2/2, so that

    2 |fl(l^.r^) - l.r|  <=  error(k) s^2,    error(k) = (u + u^2/2) + (1 + u)^2 gamma(4 (k + 8)).

Whether a device adds up as well as that is measured before it is believed (`confirms`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import torch
from torch import Tensor

from ..errors import InputError, ProofError
from ..text.escape import visible
from .matmul import product, witness_of
from .rounding import UNIT_ROUNDOFF, gamma

PrecisionName = Literal["float32", "tf32", "bfloat16"]
AUTO: Final = "auto"
Product = Callable[["Precision", Tensor, Tensor, Tensor], Tensor]

_NEARLY = 1.01  # b_i exceeds r_i^2 by roundings; what a skewed basis adds is in the level's slack (PROOF.md, 6)
_SHAPES: Final = ((27, 5, 3), (260, 391, 24), (33, 2567, 17), (16, 8193, 9))  # a, k, b of the products checked


@dataclass(frozen=True)
class Precision:
    """A format for screening products: `unit`, the unit roundoff of its operands; `rounds`, whether these have to
    be rounded to it; `parts`, how many of its numbers add up to any float32 number; `adding`, how many roundings
    are reckoned for each term; `multiple`, of which a factor's width is one, as tensor cores like it; `cost`,
    about how long a product takes on tensor cores beside one in float32."""

    name: PrecisionName
    unit: float = UNIT_ROUNDOFF[torch.float32]
    rounds: bool = False
    parts: int = 1
    adding: int = 1
    multiple: int = 1
    cost: float = 1.0

    @property
    def beside(self) -> int:
        """The numbers of a factor beside its coordinates: q, the parts of b/2, as many ones, and zeros."""
        return self.padded(1 + 2 * self.parts)

    def padded(self, width: int) -> int:
        """The least multiple of `multiple` that is `width` or more."""
        return -(-width // self.multiple) * self.multiple

    def error(self, k: int) -> float:
        """The error of a product of factors with k coordinates, as a fraction of s^2 / 2."""
        u = self.unit * _NEARLY if self.rounds else 0.0
        return u + u**2 / 2 + (1 + u) ** 2 * gamma(self.adding * (k + self.beside))

    def rounded(self, x: Tensor) -> Tensor:
        """x, float32, to nearest in this format, ties to even; still as float32."""
        if self.name == "bfloat16":
            return x.to(torch.bfloat16).to(torch.float32)
        if self.name == "tf32":
            bits = x.contiguous().view(torch.int32)
            return (bits + (0xFFF + (bits >> 13 & 1)) & ~0x1FFF).view(torch.float32)
        return x

    def split(self, x: Tensor) -> list[Tensor]:
        """Numbers of this format, as float32, that add up to x, float32, exactly."""
        parts: list[Tensor] = []
        for _ in range(self.parts):
            parts.append(self.rounded(x))
            x = x - parts[-1]
        return parts

    def dtype(self, device: torch.device) -> torch.dtype:
        """How operands are stored: as what the device multiplies, if it adds up in float32; else as float32."""
        return torch.bfloat16 if self.name == "bfloat16" and _adds_in_float32(device) else torch.float32

    def product(self, left: Tensor, right: Tensor, out: Tensor) -> Tensor:
        """left (a, k) times right (1 + b, k), transposed, their numbers in this format and the first row of
        `right` a witness (see `matmul`): (a, b) of `out` (a, 1 + b), float32."""
        return product(left, right, out, unit=self.unit)


FLOAT32: Final = Precision("float32")
_PRECISIONS: Final = {
    "float32": FLOAT32,
    "tf32": Precision("tf32", 2.0**-11, rounds=True, parts=3, adding=4, multiple=8, cost=1 / 8),
    "bfloat16": Precision("bfloat16", 2.0**-8, rounds=True, parts=3, adding=4, multiple=8, cost=1 / 16),
}


@dataclass(frozen=True)
class Choice:
    """The precision that a search uses, and why it is that one, as the end of a sentence."""

    precision: Precision
    why: str


def choose_precision(
    name: str, device: torch.device, confirm: Callable[[Precision, torch.device], bool] | None = None
) -> Choice:
    """The precision called `name`; for "auto" float32.

    A precision whose bound the device does not keep is not used, even where it is asked for. Raises InputError
    where there is no such precision, and ProofError where the device does not keep float32's bound, on which all
    rest.
    """
    if name not in (AUTO, *_PRECISIONS):
        raise InputError(
            f"There is no precision {visible(repr(name), 40)}: it is {AUTO}, {', '.join(_PRECISIONS)}."
        )
    confirm = confirm or confirms
    if not confirm(FLOAT32, device):
        raise ProofError(f"float32 products on the device {device} err more than IEEE arithmetic does")
    if name == AUTO:
        return Choice(FLOAT32, "as always unless another is asked for")
    precision = _PRECISIONS[name]
    if precision is FLOAT32:
        return Choice(precision, "as asked")
    if not confirm(precision, device):
        return Choice(
            FLOAT32, f"since products in {precision.name} were measured to err more on this device than they may"
        )
    if device.type != "cuda":
        return Choice(precision, "as asked, by rounding to it what is multiplied in float32")
    return Choice(
        precision, "as asked, and products on this device were measured to err no more than is reckoned with"
    )


@cache
def confirms(precision: Precision, device: torch.device, multiply: Product = Precision.product) -> bool:
    """Whether products by `multiply` on the device err no more than `precision` reckons with, on operands of many
    kinds, against float64, as a search has them: tall, with a witness, into a strided tensor. Measured once for
    each device.

    Whole numbers whose sums stay below 2^24 have to come out exactly, however many are added up: that shows sums
    of fewer bits than float32's where a bound that grows with their length no longer does.
    """
    dtype = precision.dtype(device)
    for left, right, whole in _operands(precision.multiple):
        a, b = (precision.rounded(side.to(torch.float32)) for side in (left, right))
        a[:, -1] = 1.0
        b[:, -1] = 0.0
        witness = torch.zeros(1, b.shape[1], dtype=torch.float32)
        witness[0, -1] = witness_of(precision.unit)
        operands = a.to(device, dtype), torch.cat([witness, b]).to(device, dtype)
        out = torch.empty(len(a), 2 * len(b) + 16, dtype=torch.float32, device=device)[:, 15 : 16 + len(b)]
        found = multiply(precision, *operands, out).cpu().to(torch.float64)
        exact = a.to(torch.float64) @ b.to(torch.float64).T
        magnitude = a.to(torch.float64).abs() @ b.to(torch.float64).abs().T
        bound = (0.0 if whole else gamma(precision.adding * a.shape[1]) + 2.0**-40) * magnitude
        if not bool(((found - exact).abs() <= bound).all()):
            return False
    return True


def _operands(multiple: int) -> Iterator[tuple[Tensor, Tensor, bool]]:
    """Pairs of float64 operands (a, k), (b, k), and whether they are whole numbers: random, of one sign,
    cancelling, and of all magnitudes."""
    generator = torch.Generator().manual_seed(0)
    for a, terms, b in _SHAPES:
        k = -(-terms // multiple) * multiple
        left, right = (torch.randn(m, k, generator=generator, dtype=torch.float64) for m in (a, b))
        yield left, right, False
        yield (3 * left).round().clamp(-15, 15), (3 * right).round().clamp(-15, 15), True
        yield left.abs() + 1, right.abs() + 1, False
        yield torch.full_like(left, 1 + 2.0**-8), torch.full_like(right, 1 + 2.0**-8), False
        signs = torch.where(torch.arange(k) % 2 == 0, 1.0, -1.0).to(torch.float64)
        yield 1 + left.abs() * 2.0**-7, signs.expand(b, k).contiguous(), False
        scales = torch.linspace(-30, 30, k, dtype=torch.float64).exp2()
        yield left * scales, right * scales.flip(0), False
        yield left * scales, right * scales, False


@cache
def _adds_in_float32(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 numbers into float32 ones (from torch 2.8 on, on CUDA)."""
    if device.type != "cuda":
        return False
    ones = torch.ones(8, 8, dtype=torch.bfloat16, device=device)
    strided = torch.empty(8, 24, dtype=torch.float32, device=device)[:, 15:23]
    try:
        torch.mm(ones, ones, out_dtype=torch.float32, out=strided)
    except (RuntimeError, TypeError, NotImplementedError):
        return False
    return True
