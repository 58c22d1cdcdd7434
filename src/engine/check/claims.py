"""The claims of a search, the findings of a check, and the sentences on the differences between the two.

Distances are compared as exact fractions. Only the standard library is used.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

Found = tuple[Fraction, int]  # the exact square of a distance, and i * n + j of the first pair i < j at it


@dataclass(frozen=True)
class Claim:
    """The claim that `distance` is the largest of some distances, and i < j the smallest pair of rows at it."""

    i: int
    j: int
    distance: float


@dataclass(frozen=True)
class Claims:
    """The claims of a search: the farthest pair, its distance to within `error`, its `ties`, and the runner-up.

    `batches` are the maxima of batches of `batch` rows, each with its batch's number; any may be left out.
    """

    pair: Claim
    error: float
    ties: int
    runner_up: Claim | None
    batch: int = 256
    batches: tuple[tuple[int, Claim], ...] = ()


@dataclass(frozen=True)
class Checked:
    """The progress of a check: `done` of `pairs` unordered pairs."""

    done: int
    pairs: int


@dataclass(frozen=True)
class Verdict:
    """Whether every claim is `confirmed`; `refutations` has a sentence for each that is not.

    `pairs` unordered pairs and the maxima of `batches` batches were checked. `sample` is the number of rows that
    were sampled, None where all were checked; `confirmed` then means only that the sample contradicts no claim.
    """

    confirmed: bool
    refutations: tuple[str, ...]
    pairs: int
    batches: int
    sample: int | None = None

    def __str__(self) -> str:
        if self.refutations:
            return " ".join(("Refuted.", *self.refutations))
        batches = (
            f", {self.batches:,} batch {'maximum' if self.batches == 1 else 'maxima'}" if self.batches else ""
        )
        if self.sample is not None:
            rows = f"{self.sample:,} {'row' if self.sample == 1 else 'rows'}"
            return f"No contradiction in the sample of {rows}: {self.pairs:,} pairs{batches}."
        return f"Confirmed: the pair, its ties and the runner-up{batches}, by all {self.pairs:,} pairs."


def refutations(
    claims: Claims,
    n: int,
    batches: Mapping[int, Found],
    tops: Mapping[Fraction, tuple[int, int]],
    square: Callable[[int, int], Fraction],
    *,
    whole: bool,
) -> Iterator[str]:
    """Yield a sentence for each wrong claim about n rows, or each that a sample (not `whole`) contradicts.

    The check found the maxima of `batches`, and `tops`, the two largest squares, each with its number of pairs and
    the first of them. `square` returns the exact square of a pair's distance.
    """
    judge = _Judge(n, square, whole)
    for number, claim in claims.batches:
        rows = range(number * claims.batch, min(n, (number + 1) * claims.batch))
        if claim.i in rows or claim.j in rows:
            yield from judge.wrong(f"The maximum of batch {number}", claim, batches.get(number))
        else:
            rows_claimed = f"rows {claim.i} and {claim.j}"
            yield f"The maximum of batch {number}: the claim is {rows_claimed}, neither of which is in it."
    found = sorted(((one, first) for one, (_, first) in tops.items()), reverse=True)
    wrong = list(judge.wrong("The farthest pair", claims.pair, found[0] if found else None, claims.error))
    yield from wrong
    if wrong or not found:
        return
    here = square(claims.pair.i, claims.pair.j)
    ties = tops.get(here, (1, 0))[0]
    if ties > claims.ties or (whole and ties < claims.ties):
        at_least = "" if whole else "at least "
        yield f"The ties: the claim is {claims.ties:,} pairs at this distance; there are {at_least}{ties:,}."
    elif claims.runner_up and claims.ties > 1:
        yield "The runner-up: one is claimed for a pair that is not unique."
    elif claims.runner_up:
        second = next((one for one in found if one[0] < here), None)
        if second or not whole:
            yield from judge.wrong("The runner-up", claims.runner_up, second)
        else:
            yield "The runner-up: one is claimed, and there is no other pair."
    elif whole and claims.ties == 1 and (second := next((one for one in found if one[0] < here), None)):
        i, j = divmod(second[1], n)
        yield f"The runner-up: none is claimed; there is one at {_root(second[0])!r} between rows {i} and {j}."


@dataclass(frozen=True)
class _Judge:
    n: int
    square: Callable[[int, int], Fraction]
    whole: bool

    def wrong(self, name: str, claim: Claim, found: Found | None, error: float = math.inf) -> Iterator[str]:
        """Yield a sentence on what is wrong with a claim, if anything; `found` is the check's finding."""
        said = f"{name}: the claim is {claim.distance!r} between rows {claim.i} and {claim.j}"
        if not 0 <= claim.i < claim.j < self.n:
            yield f"{said}, which are not a pair i < j of {self.n:,} rows."
            return
        here, code = self.square(claim.i, claim.j), claim.i * self.n + claim.j
        contradicts = (found[0], -found[1]) > (here, -code) if found else False
        if found and (contradicts or (self.whole and found != (here, code))):
            i, j = divmod(found[1], self.n)
            yield f"{said}; the true distance is {_root(found[0])!r} between rows {i} and {j}."
        elif not _is_root(claim.distance, here, error):
            yield f"{said}; the true distance is {_root(here)!r}, between the same rows."


def _root(square: Fraction) -> float:
    """The square root of `square`, rounded."""
    scaled = square * Fraction(4) ** 1200
    root = Fraction(math.isqrt(scaled.numerator // scaled.denominator), 2**1200)
    return float(root) if root < 2**1024 - 2**970 else math.inf


def _is_root(distance: float, square: Fraction, error: float) -> bool:
    """Whether `distance` is right to two units in its last place and to within `error`."""
    if not (0 <= distance < math.inf and error >= 0):
        return False
    slack = Fraction(min(error, 2 * math.ulp(distance)))
    return max(Fraction(0), Fraction(distance) - slack) ** 2 <= square <= (Fraction(distance) + slack) ** 2
