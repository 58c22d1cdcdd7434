"""Compares and rounds squared distances exactly, in whole numbers.

Every float is a whole multiple of some power of two, and so are the differences of two rows and the sum of their
squares. Many at once are stored in digits of 20 bits; single pairs, and rows that span so many binary orders that
this takes too many digits, use Python's integers.
"""

from collections import OrderedDict
from fractions import Fraction

import torch
from torch import Tensor

from ..errors import InputError
from .exact_rounding import distance
from .lengths import LARGEST, difference_of_squares, lengths
from .rounding import float64_error, float64_is_exact, underflow

Pair = tuple[int, int]

_DIGIT = 20  # bits
_MOST_DIGITS = 12  # digits of a difference; with more, Python's integers are as fast
_MOST_COLUMNS = 1 << 16  # columns for which sums of products of digits stay below 2^63
_NUMBERS = 1 << 13  # numbers of either row of the pairs whose digits are stored at once
_MEASURED = 1 << 15  # numbers of either row of the pairs whose distances are rounded at once
_KEPT = 1 << 15  # numbers of rows that are kept as Python's integers, a row at least
_UNIT = {torch.float32: -149, torch.float64: -1074}  # every number of the type is a multiple of 2^this


class ExactSquares:
    """Exact squares of 2^shift (x_i - x_j) for rows (n, d), float32 or float64.

    Two float64 squares s >= t of pairs by `rounding.squared_distances` are certainly in the right order where s -
    t exceeds `tolerance` s + `floor`.
    """

    def __init__(self, rows: Tensor, shift: int) -> None:
        self._rows, self._shift = rows, shift
        self.tolerance = 4 * float64_error(rows.shape[1])
        self.floor = 4 * underflow(rows.shape[1])
        self._known: dict[Pair, float] = {}
        self._integers: OrderedDict[int, tuple[int, ...]] = OrderedDict()

    def least(self, square: Tensor) -> Tensor:
        """The smallest float64 squares that may exactly be as large as these."""
        return square * (1 - self.tolerance) - self.floor

    def order(self, i: Tensor, j: Tensor, squares: Tensor, exact: Tensor | None = None) -> Tensor:
        """The ranks (m,) int64 of pairs by decreasing exact square: 0 for the largest, the same for equal ones.

        `squares` (m,) are the pairs' float64 squares; those marked in `exact` (m,) hold the exact ones.
        """
        by_square = squares.argsort(descending=True, stable=True)
        ranked = squares[by_square]
        fresh = torch.ones(len(ranked), dtype=torch.bool)
        fresh[1:] = ~(ranked[1:] >= self.least(ranked[:-1]))
        cluster = fresh.cumsum(0) - 1
        sizes = torch.bincount(cluster)
        close = (sizes[cluster] > 1).nonzero().flatten()
        keys = [cluster]
        if len(close):
            keys += self._keys_of(i, j, squares, exact, by_square, cluster, close)
        inner = torch.arange(len(ranked))
        for key in reversed(keys):
            inner = inner[key[inner].argsort(stable=True)]
        differs = torch.zeros(len(ranked), dtype=torch.bool)
        for key in keys:
            differs[1:] |= key[inner][1:] != key[inner][:-1]
        places = torch.empty_like(by_square)
        places[by_square[inner]] = differs.cumsum(0)
        return places

    def _keys_of(
        self,
        i: Tensor,
        j: Tensor,
        squares: Tensor,
        exact: Tensor | None,
        by_square: Tensor,
        cluster: Tensor,
        close: Tensor,
    ) -> list[Tensor]:
        """Sort keys that order the pairs by their exact squares, most significant first, smaller ones for larger
        squares, in the order `by_square`."""
        at = by_square[close]
        known = torch.zeros(len(at), dtype=torch.bool) if exact is None else exact[at].clone()
        asked = (~known).nonzero().flatten()
        known[asked] = float64_is_exact(self._rows, i[at[asked]], j[at[asked]], self._shift, squares[at[asked]])
        unknown = torch.zeros(int(cluster[-1]) + 1, dtype=torch.bool)
        unknown[cluster[close[~known]]] = True
        dense = unknown[cluster[close]]
        float_key = torch.zeros(len(by_square), dtype=torch.float64)
        float_key[close[~dense]] = -squares[at[~dense]]
        keys = [float_key]
        if bool(dense.any()):
            for word in self._words(i[at[dense]], j[at[dense]])[0]:
                key = torch.zeros(len(by_square), dtype=torch.int64)
                key[close[dense]] = -word
                keys.append(key)
        return keys

    def distances(self, pairs: list[Pair]) -> list[float]:
        """The distances of pairs, unscaled: each the float64 nearest to the exact one.

        Raises InputError where one is beyond float64.
        """
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._known]
        if new:
            self._known |= zip(new, self._distances(new), strict=True)
        return [self._known[pair] for pair in pairs]

    def gap(self, farther: Pair, nearer: Pair) -> float:
        """The difference of two pairs' distances from their exact squares, as (s - t) / (sqrt s + sqrt t), in
        which only the roots and the quotient are rounded."""
        i, j = torch.tensor([farther, nearer], dtype=torch.int64).T
        both = sum(map(Fraction, self.distances([farther, nearer])))
        left, right = self._float64(i, j)
        if _largest(left, right) <= LARGEST:
            difference, off = difference_of_squares(left, right)
            least, most = float((difference - off) / both), float((difference + off) / both)
            if least == most:
                return least
        words, lowest = self._words(i, j)
        digits = torch.stack(words[::-1]).tolist()  # least significant first
        more, less = (sum(word[at] << 60 * k for k, word in enumerate(digits)) for at in (0, 1))
        return float((more - less) * Fraction(2) ** (2 * lowest) / both)

    def _integer(self, i: int, j: int) -> int:
        """The exact square of one pair in units of the square of the dtype's least number."""
        return sum((a - b) ** 2 for a, b in zip(self._integer_row(i), self._integer_row(j), strict=True))

    def _integer_row(self, i: int) -> tuple[int, ...]:
        if i in self._integers:
            self._integers.move_to_end(i)
            return self._integers[i]
        unit = -_UNIT[self._rows.dtype]
        row = self._rows[i : i + 1].cpu().to(torch.float64)[0]
        ratios = (number.as_integer_ratio() for number in row.tolist())
        found = tuple(above * (1 << unit) // below for above, below in ratios)  # without remainder
        self._integers[i] = found
        while len(self._integers) > max(2, _KEPT // len(found)):
            self._integers.popitem(last=False)
        return found

    def _distances(self, pairs: list[Pair]) -> list[float]:
        found: list[float] = []
        step = max(1, _MEASURED // self._rows.shape[1])
        for start in range(0, len(pairs), step):
            i, j = torch.tensor(pairs[start : start + step], dtype=torch.int64).T
            left, right = self._float64(i, j)
            found += _lengths(left, right)
        return found

    def _words(self, i: Tensor, j: Tensor) -> tuple[list[Tensor], int]:
        """The exact squares of pairs (m,) as whole numbers in words (m,) of 60 bits each, most significant first,
        and their unit's exponent e: they count 2^(2e)."""
        step = max(1, _NUMBERS // self._rows.shape[1])
        parts = list(zip(torch.split(i, step), torch.split(j, step), strict=True))
        rows = torch.split(torch.unique(torch.cat([i, j])), step)
        spans = [_span(part) for at in rows for part in self._float64(at)]
        lowest, highest = min(low for low, _ in spans), max(high for _, high in spans)
        digits = -(-(highest - lowest) // _DIGIT)
        if digits <= _MOST_DIGITS and self._rows.shape[1] <= _MOST_COLUMNS:
            found = []
            for part in parts:
                left, right = self._float64(*part)
                found.append(_square_in_digits(left, right, lowest, max(1, digits)))
            return list(torch.cat(found).T), lowest
        squares = [self._integer(*pair) for pair in zip(i.tolist(), j.tolist(), strict=True)]
        words = -(-max(square.bit_length() for square in squares) // 60)
        columns = [[square >> 60 * k & (1 << 60) - 1 for square in squares] for k in reversed(range(words))]
        return [torch.tensor(column, dtype=torch.int64) for column in columns], _UNIT[self._rows.dtype]

    def _float64(self, *index: Tensor) -> list[Tensor]:
        """The rows at each index (m,), unscaled, in float64 on the CPU: (m, d)."""
        return [self._rows[at.to(self._rows.device)].cpu().to(torch.float64) for at in index]


def _lengths(left: Tensor, right: Tensor) -> list[float]:
    if _largest(left, right) <= LARGEST:
        return lengths(left, right)
    try:
        return [distance(*both) for both in zip(left.tolist(), right.tolist(), strict=True)]
    except OverflowError:
        raise InputError("The rows lie farther apart than float64 can say (1.8e308): scale them down.") from None


def _largest(left: Tensor, right: Tensor) -> float:
    return float(torch.maximum(left.abs().max(), right.abs().max()))


def _parts(x: Tensor) -> tuple[Tensor, Tensor]:
    """x = m 2^e, float64, with m odd or zero, as int64."""
    fraction, exponent = torch.frexp(x)
    whole = (fraction * 2.0**53).to(torch.int64)
    zeros = torch.frexp((whole & -whole).to(torch.float64)).exponent.to(torch.int64) - 1
    zeros.clamp_min_(0)
    return whole >> zeros, exponent.to(torch.int64) - 53 + zeros


def _span(x: Tensor) -> tuple[int, int]:
    """Exponents e and f with all numbers of x whole multiples of 2^e and smaller than 2^f."""
    whole, exponent = _parts(x)
    there = whole != 0
    if not bool(there.any()):
        return 0, 0
    top = torch.frexp(x[there]).exponent
    return int(exponent[there].min()), int(top.max())


def _digits(x: Tensor, lowest: int, count: int) -> Tensor:
    """Digits (count, m, d) int64 of the whole numbers x 2^-lowest, least significant first, with the sign of x."""
    whole, exponent = _parts(x)
    sign, size, up = whole.sign(), whole.abs(), exponent - lowest
    found = []
    for at in range(count):
        down = at * _DIGIT - up
        digit = torch.where(down >= 0, size >> down.clamp(0, 63), size << (-down).clamp(0, _DIGIT))
        digit.masked_fill_(down <= -_DIGIT, 0)
        found.append((digit & (1 << _DIGIT) - 1) * sign)
    return torch.stack(found)


def _square_in_digits(left: Tensor, right: Tensor, lowest: int, count: int) -> Tensor:
    """The sums of (left - right)^2 over the columns, in units of 2^(2 lowest): (m, words) int64 of 60 bits."""
    difference = _digits(left, lowest, count) - _digits(right, lowest, count)
    sums = torch.zeros(2 * count + 5, len(left), dtype=torch.int64)  # 5: the sums over d and over digits carry
    for a in range(count):
        for b in range(a, count):
            sums[a + b] += (1 + (a != b)) * (difference[a] * difference[b]).sum(dim=1)
    for at in range(len(sums) - 1):
        sums[at + 1] += sums[at] >> _DIGIT
        sums[at] &= (1 << _DIGIT) - 1
    padded = torch.nn.functional.pad(sums, (0, 0, 0, -len(sums) % 3)).view(-1, 3, len(left))
    words = padded[:, 0] | padded[:, 1] << _DIGIT | padded[:, 2] << 2 * _DIGIT
    return words.flip(0).T
