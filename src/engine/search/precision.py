"""The number formats of screening products, and the error of a product in each.

A screening product is the inner product of two factors of `screening_levels`. In a format narrower than float32
the coordinates and residuals z = (p, q) of a row are first rounded to it, to nearest: z = z^ + e. What that takes
is measured for every row: |e| is some 0.4 u |z| on most rows, u being the format's unit roundoff (2^-11 for TF32,
2^-8 for bfloat16), and never more than u |z|. For J = diag(1, ..., 1, -1), which turns p_i.p_j + q_i q_j into
p_i.p_j - q_i q_j and leaves norms as they are, Cauchy and Schwarz give

    |z_i.J z_j - z^_i.J z^_j|  =  |e_i.J z_j + z^_i.J e_j|  <=  |e_i| |z_j| + |z^_i| |e_j|.                   (3)

Two columns of the factors subtract this from the product: -E_i and -M_i on the left against N_j and E_j on the
right, upper bounds of |e|, |z^| and |z| in the format. The numbers b_i/2 are much larger than the differences that
are compared; they are split into two numbers of the format, whose sum is slightly more than b_i/2 and never less.

Products of rounded numbers are exact in float32 (11 + 11 and 8 + 8 bits). They are added up in float32, at worst
with truncation and in blocks, as tensor cores do (unit 2^-23; Fasi, Higham, Mikaitis and Pranesh, Numerical
behavior of NVIDIA tensor cores, PeerJ Computer Science 7, 2021): a block of b products and the sum so far is off
by at most (b + 1) 2^-23 times the sum of their magnitudes, k terms in blocks of four or more by 5/4 k 2^-23 times
it. gamma(4k) covers that, as it does the k 2^-24 of a CPU (Higham, Accuracy and Stability of Numerical Algorithms,
2nd ed., section 3.1; operands of one format and sums of another: Blanchard, Higham, Lopez, Mary and Pranesh, Mixed
precision block fused multiply-add, SIAM J. Sci. Comput. 42(3), 2020). The magnitudes sum to at most 1.2 s^2/2 for
s = r_i + r_j, (1 + eta) (1 + 5u) s^2/2 with the eta < 0.1 of `screening_levels`, so that

    2 |fl(l^.r^) - l^.r^|  <=  error(k) s^2,    error(k) = 1.2 gamma(4 (k + 8)).

A CPU returns a product of bfloat16 numbers in bfloat16. Rounding the sum keeps its sign, since rounding is
monotone and keeps zero. So only the signs of such products are used (`Factors.at`).

A test of the device shows whether its sums are that accurate before it is used (`confirms`).
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, Literal

import torch
from torch import Tensor

from ..errors import InputError, ProofError
from ..run_settings import AUTO, RunSettings
from ..run_settings import precision as allowed
from .int8 import is_exact
from .matmul import product, witness_of
from .rounding import UNIT_ROUNDOFF, gamma
from .speeds import cpu_speeds

PrecisionName = Literal["float32", "tf32", "bfloat16"]
Product = Callable[["Precision", Tensor, Tensor, Tensor], Tensor]
Confirm = Callable[["Precision", torch.device], bool]

_MAGNITUDE = 1.2  # of s^2 / 2: the most that a product's rounded terms sum to in magnitude
VANISHING = 2.0**-60  # more than is lost of a number whose square or parts underflow in float32
_FEW_TERMS = 2.0**34  # terms that take so little time in float32 that no other precision pays
_FASTER = 1.5  # times as fast as float32: else products of bfloat16 numbers are computed in float32
_AS_BEFORE: Final = "as in the run from which this one goes on"
_SHAPES: Final = ((27, 5, 3), (260, 391, 24), (33, 2567, 17), (16, 8193, 9))  # a, k, b of the products checked
_HIGH: Final = (2048, 1037, 513)  # and a, half of k, b of one as large as a tile's,
_REST: Final = 77.0  # whose sums are this


@dataclass(frozen=True)
class Precision:
    """A format for screening products: `unit` is the unit roundoff of its operands; `rounds`, whether these have
    to be rounded to it; `parts`, the numbers of the format that represent b/2; `adding`, the roundings assumed for
    each term; `multiple`, the number of which a factor's width is a multiple, as tensor cores need."""

    name: PrecisionName
    unit: float = UNIT_ROUNDOFF[torch.float32]
    rounds: bool = False
    parts: int = 1
    adding: int = 1
    multiple: int = 1

    @property
    def beside(self) -> int:
        """The count of numbers in a factor beside its coordinates: q, the parts of b/2, as many ones, in a narrow
        format the two of (3), and zeros."""
        return self.padded(1 + 2 * self.parts + 2 * self.rounds)

    def padded(self, width: int) -> int:
        """The least multiple of `multiple` that is `width` or more."""
        return -(-width // self.multiple) * self.multiple

    def error(self, k: int) -> float:
        """The error of a product of factors with k coordinates, as a fraction of s^2 / 2."""
        return (_MAGNITUDE if self.rounds else 1.0) * gamma(self.adding * (k + self.beside))

    def rounded(self, x: Tensor) -> Tensor:
        """x, float32, rounded to nearest in this format, ties to even; as float32."""
        if self.name == "bfloat16":
            return x.to(torch.bfloat16).to(torch.float32)
        if self.name == "tf32":
            bits = x.contiguous().view(torch.int32)
            return (bits + (0xFFF + (bits >> 13 & 1)) & ~0x1FFF).view(torch.float32)
        return x

    def round_into(self, out: Tensor, x: Tensor) -> None:
        """Write x, float32, rounded to nearest in this format, into `out` of `dtype`."""
        out.copy_(x if out.dtype == torch.bfloat16 else self.rounded(x))

    def rounded_up(self, x: Tensor) -> Tensor:
        """Numbers of this format, as float32, that are at least x, for x (m,) float32, x >= 0, with a few rounding
        errors.

        Rounded to nearest, x (1 + 2u) is at least x (1 + 2u)(1 - u), which exceeds x by at least u/2 x.
        """
        return self.rounded(x * (1 + 2 * self.unit) + VANISHING)

    def split(self, x: Tensor) -> list[Tensor]:
        """`parts` numbers of this format, as float32, whose sum is x (m,), float32, or a little less.

        The remainder after the first is exact, and the second is at most that: rounded to nearest, x - 2u |x| is
        less than x.
        """
        if self.parts == 1:
            return [x]
        first = self.rounded(x)
        left = x - first
        return [first, self.rounded(left - left.abs() * (2 * self.unit) - VANISHING**2)]

    def lost(self, squares: Tensor, k: int) -> Tensor:
        """Upper bounds (m,) of the norms of k differences from numbers of this format, from float32's sums of
        their `squares` (m,).

        Differences are exact: a number and its rounded one lie within a factor of two of each other, or one is
        zero. The sum is off by gamma(k), its root by half of that, and each square loses at most 2^-126 to
        underflow.
        """
        return squares.sqrt() * (1 + gamma(k + 4)) + math.sqrt(k) * VANISHING

    def dtype(self, device: torch.device) -> torch.dtype:
        """The dtype in which operands are stored: bfloat16 where the device multiplies it faster than float32."""
        native = self.name == "bfloat16" and _multiplies_bfloat16(device)
        return torch.bfloat16 if native else torch.float32

    def product_dtype(self, device: torch.device) -> torch.dtype:
        """The dtype of products: on a CPU that of the operands."""
        return self.dtype(device) if device.type == "cpu" else torch.float32

    def cost(self, device: torch.device) -> float:
        """The approximate time of a product relative to one in float32."""
        if device.type == "cpu":
            return _CPU_COST if self.dtype(device) == torch.bfloat16 else 1.0
        return _GPU_COSTS[self.name]

    def product(self, left: Tensor, right: Tensor, out: Tensor) -> Tensor:
        """left (a, k) times right (1 + b, k), transposed, their numbers in this format and the first row of
        `right` a witness (see `matmul`): (a, b) of `out` (a, 1 + b), of `product_dtype`."""
        return product(left, right, out, unit=self.unit)


INT8: Final = "int8"
FLOAT32: Final = Precision("float32")
_PRECISIONS: Final = {
    "float32": FLOAT32,
    "tf32": Precision("tf32", 2.0**-11, rounds=True, parts=2, adding=4, multiple=8),
    "bfloat16": Precision("bfloat16", 2.0**-8, rounds=True, parts=2, adding=4, multiple=8),
}
_GPU_COSTS: Final = {"float32": 1.0, "tf32": 1 / 8, "bfloat16": 1 / 16}
_CPU_COST = 1 / 4


@dataclass(frozen=True)
class Choice:
    """The precision of a search, and the reason for it, as the end of a sentence; with `int8`, whole numbers of
    eight bits are used as well where that saves work."""

    precision: Precision
    why: str
    int8: bool = False

    @property
    def name(self) -> str:
        """The name by which it is asked for."""
        return INT8 if self.int8 else self.precision.name


def choose_precision(
    settings: RunSettings,
    device: torch.device,
    confirm: Confirm | None = None,
    *,
    terms: float = math.inf,
    before: str = "",
) -> Choice:
    """The precision for `settings`. "auto" is the one that a CPU is measured to multiply fastest, if the search
    has enough `terms`, n^2 d, for that to pay, and float32 elsewhere. An exhaustive search screens nothing and has
    float32. A resumed search has the precision of the run `before` for "auto", whatever is measured now. Beside
    "int8", other levels have the fastest of the other precisions.

    A precision whose error bound the device does not keep is not used, even where it is asked for. Raises
    InputError where there is no such precision, and ProofError where the device does not keep float32's bound.
    """
    name = settings.precision
    try:
        allowed(name)
    except ValueError as error:
        raise InputError(f"precision: {error}.") from None
    confirm = confirm or confirms
    if not confirm(FLOAT32, device):
        raise ProofError(f"float32 products on the device {device} err more than IEEE arithmetic does")
    if settings.exhaustive:
        return Choice(FLOAT32, "since every pair is evaluated")
    if name == AUTO and before in (*_PRECISIONS, INT8):
        chosen = _named(before, device, confirm)
        return replace(chosen, why=_AS_BEFORE) if chosen.name == before else chosen
    if name == AUTO:
        return _fastest(device, confirm, terms)
    return _named(name, device, confirm)


def _named(name: str, device: torch.device, confirm: Confirm) -> Choice:
    """The precision with this name, if the device keeps its bound."""
    if name == INT8:
        return _in_int8(device, confirm)
    precision = _PRECISIONS[name]
    if precision is FLOAT32:
        return Choice(precision, "as asked")
    if not confirm(precision, device):
        return _refused(precision)
    if _in_float32(precision, device):
        return Choice(precision, "as asked, by rounding to it what is multiplied in float32")
    return Choice(
        precision, "as asked, and products on this device were measured to err no more than is reckoned with"
    )


def _in_int8(device: torch.device, confirm: Confirm) -> Choice:
    """Whole numbers of eight bits beside the fastest other precision, if the device multiplies them exactly."""
    beside = _fastest_but_int8(device, confirm)
    if device.type != "cpu" or not is_exact(device):
        return replace(beside, why="since this device has no exact products of int8 numbers")
    return replace(beside, why="as asked, and products of int8 numbers were found to be exact here", int8=True)


def _fastest(device: torch.device, confirm: Confirm, terms: float) -> Choice:
    """The precision that is expected to be fastest for a search of this many `terms`."""
    if device.type == "cpu" and terms < _FEW_TERMS:
        return Choice(FLOAT32, "since the search is small")
    beside = _fastest_but_int8(device, confirm)
    if device.type != "cpu":
        return beside
    fast = cpu_speeds()
    others = fast.bfloat16 if beside.precision.name == "bfloat16" else fast.float32
    is_faster = fast.int8 is not None and fast.int8 >= _FASTER * others and is_exact(device)
    return replace(beside, why=_measured(), int8=True) if is_faster else beside


def _fastest_but_int8(device: torch.device, confirm: Confirm) -> Choice:
    if device.type != "cpu":
        return Choice(FLOAT32, "as on every device but a CPU, unless another is asked for")
    precision = _PRECISIONS["bfloat16"]
    if _in_float32(precision, device):
        return Choice(FLOAT32, _measured())
    return Choice(precision, _measured()) if confirm(precision, device) else _refused(precision)


def _in_float32(precision: Precision, device: torch.device) -> bool:
    """Whether numbers of the precision are multiplied in float32 on the device."""
    return device.type != "cuda" and precision.dtype(device) == torch.float32


def _refused(precision: Precision) -> Choice:
    why = f"since products in {precision.name} were measured to err more on this device than they may"
    return Choice(FLOAT32, why)


def _measured() -> str:
    """The measured speeds of this machine, as the end of a sentence."""
    fast = cpu_speeds()
    int8 = f"{fast.int8:,.0f} GOP/s of int8, " if fast.int8 else ""
    figures = f"{int8}{fast.bfloat16:,.0f} GFLOP/s of bfloat16 and {fast.float32:,.0f} of float32"
    return f"as this machine multiplies {figures} (measured)"


@cache
def confirms(precision: Precision, device: torch.device, multiply: Product = Precision.product) -> bool:
    """Whether the errors of products by `multiply` on the device stay within the bound of `precision`, compared
    with float64 on operands of many kinds, in the form that a search uses: tall, with a witness, into a strided
    tensor; and for a narrow format also at the size of a tile, for which a library may use another kernel. Tested
    once for each device.

    Sums of whole numbers that come close to 2^24 on the way, but stay below, have to be exact: that reveals
    accumulators with fewer bits than float32 where a bound that grows with the length of sums does not.
    """
    for left, right, whole in _operands(precision.multiple):
        a, b = (precision.rounded(side.to(torch.float32)) for side in (left, right))
        exact = a[:, :-1].to(torch.float64) @ b[:, :-1].to(torch.float64).T
        magnitude = a[:, :-1].to(torch.float64).abs() @ b[:, :-1].to(torch.float64).abs().T
        off = (0.0 if whole else gamma(precision.adding * a.shape[1]) + 2.0**-40) * magnitude
        if not _lies_within(exact - off, exact + off, _carried_out(precision, device, multiply, a, b)):
            return False
    if not precision.rounds:
        return True
    a, b, exact = _high_operands(precision.multiple)
    return _lies_within(exact, exact, _carried_out(precision, device, multiply, a, b))


def _carried_out(precision: Precision, device: torch.device, multiply: Product, a: Tensor, b: Tensor) -> Tensor:
    """The product (a, b) of all columns but the last of operands (a, k) and (b, k), float32, on the device."""
    a, b = a.clone(), torch.cat([torch.zeros(1, b.shape[1], dtype=torch.float32), b])
    a[:, -1], b[1:, -1], b[0, -1] = 1.0, 0.0, witness_of(precision.unit)
    dtype = precision.dtype(device)
    out = torch.empty(len(a), 2 * len(b) + 15, dtype=precision.product_dtype(device), device=device)
    return multiply(precision, a.to(device, dtype), b.to(device, dtype), out[:, 15 : 15 + len(b)]).cpu()


def _lies_within(least: Tensor, most: Tensor, found: Tensor) -> bool:
    """Whether all numbers `found` lie between `least` and `most`, float64, rounded to the dtype of `found`."""
    if found.dtype != torch.float32:
        least, most = least.to(found.dtype), most.to(found.dtype)
    return bool(((least <= found) & (found <= most)).all())


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


def _high_operands(multiple: int) -> tuple[Tensor, Tensor, Tensor]:
    """Operands (a, k) and (b, k) of a tile's size, whole numbers of eight bits, float32, and the product (a, b)
    float64 of all their columns but the last: the rows are alike but for signs.

    The first half of a sum's terms adds up to between 2^23 and 2^24, and the second half subtracts all of that
    except `_REST`, which bfloat16 represents: an error on the way shows even where the sum is returned in
    bfloat16.
    """
    generator = torch.Generator().manual_seed(1)
    rows, half, partners = _HIGH
    numbers = torch.randint(1, 240, (2, half), generator=generator).to(torch.float32)
    k = -(-(2 * half + 2) // multiple) * multiple
    operands = torch.zeros(2, k, dtype=torch.float32)
    operands[:, :half], operands[:, half : 2 * half] = numbers, numbers.flip(1)
    operands[1, half : 2 * half] *= -1
    operands[:, 2 * half] = torch.tensor([_REST, 1.0])
    signs = [1.0 - 2.0 * (torch.arange(count) % 3 == 0) for count in (rows, partners)]
    a, b = (sign[:, None] * row for sign, row in zip(signs, operands, strict=True))
    return a, b, _REST * signs[0].to(torch.float64)[:, None] * signs[1]


def _multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 numbers faster than float32 ones; measured on a CPU."""
    if device.type == "cpu":
        return cpu_speeds().bfloat16 >= _FASTER * cpu_speeds().float32
    return device.type == "cuda" and _adds_in_float32(device)


@cache
def _adds_in_float32(device: torch.device) -> bool:
    """Whether a product of bfloat16 numbers can be returned in float32: from torch 2.8 on, on CUDA."""
    ones = torch.ones(8, 8, dtype=torch.bfloat16, device=device)
    strided = torch.empty(8, 24, dtype=torch.float32, device=device)[:, 15:23]
    try:
        torch.mm(ones, ones, out_dtype=torch.float32, out=strided)
    except (RuntimeError, TypeError, NotImplementedError):
        return False
    return True
