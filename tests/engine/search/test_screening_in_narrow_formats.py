"""No narrow format discards a pair that reaches its threshold, on rows built so that a wrong bound would.

What a level keeps is asked of it as a search does: with thresholds in its product, of which the sign is looked at.
Each pair's own exact distance is its row's threshold in turn. What is true is worked out in whole numbers.
Products are the machine's own, once more as bad as the proof allows them to be, and as tensor cores add them up.
"""

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from farpair.engine.errors import ProofError
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.centered_rows import CenteredRows, center_rows
from farpair.engine.search.precision import Precision, choose_precision
from farpair.engine.search.rounding import gamma
from farpair.engine.search.screening_levels import (
    Factors,
    Level,
    full_level,
    leading_directions,
    projected_levels,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from support import inputs
from support.level_products import CPU, level_keeps
from support.tensor_cores import summed

PRECISIONS = [
    choose_precision(RunSettings(precision=name), CPU).precision for name in ("float32", "tf32", "bfloat16")
]
EACH = pytest.mark.parametrize("precision", PRECISIONS, ids=lambda precision: precision.name)
BELOW_HALF = 2.0**-9 - 2.0**-20  # what added to 1 rounds down to bfloat16's 1, and is nearly half of its spacing
ABOVE_HALF = 2.0**-9 + 2.0**-20  # rounds up


def opposite(rows: torch.Tensor) -> torch.Tensor:
    """The rows and their negatives."""
    return torch.cat([rows, -rows])


def errors_that_point_one_way(n: int, d: int, off: float) -> torch.Tensor:
    """Numbers that rounding changes by as much as it can and in one direction, with the signs of a few directions,
    so that all errors of a product of opposite rows add up."""
    generator = torch.Generator().manual_seed(d)
    signs = torch.where(torch.rand(1, d, generator=generator, dtype=torch.float64) < 0.5, -1.0, 1.0)
    powers = torch.randint(-1, 2, (n, 1), generator=generator).double().exp2()
    grains = 1 + torch.randint(0, 4, (n, d), generator=generator) * 2.0**-40
    return opposite(signs * powers * (1 + off * grains))


def near_ties_below_the_slack(n: int, d: int, _: float) -> torch.Tensor:
    """Opposite rows whose distances differ by less than any narrow format can tell."""
    row = inputs.normal(1, d, seed=d)
    return opposite(row * (1 + 2.0**-20 * torch.arange(n, dtype=torch.float64)[:, None]))


def small_differences_of_large_squares(n: int, d: int, _: float) -> torch.Tensor:
    """Rows close together and far from the centre: a product's sum is little of its terms, and rounds most."""
    rows = inputs.normal(1, d, seed=d) + 2.0**-10 * inputs.normal(n, d, seed=d + 1)
    return torch.cat([rows, inputs.normal(1, d, seed=d) * -1])


ROWS = {
    "errors that point up": lambda d: errors_that_point_one_way(8, d, ABOVE_HALF),
    "errors that point down": lambda d: errors_that_point_one_way(8, d, BELOW_HALF),
    "errors of TF32 that point down": lambda d: errors_that_point_one_way(8, d, 2.0**-12 - 2.0**-22),
    "near ties below the slack": lambda d: near_ties_below_the_slack(8, d, 0),
    "small differences of large squares": lambda d: small_differences_of_large_squares(15, d, 0),
    "numbers of all magnitudes": lambda d: opposite(inputs.normal(8, d) * torch.logspace(-18, 18, d).double()),
    "numbers whose squares vanish": lambda d: torch.cat([inputs.normal(8, d), 1e-30 * inputs.normal(8, d)]),
    "numbers that bfloat16 holds": lambda d: inputs.normal(16, d).bfloat16().double(),
    "ones and zeros": lambda d: (inputs.normal(16, d) > 1).double(),
    "one long row": lambda d: torch.cat([inputs.normal(1, d) * 2.0**12, inputs.normal(15, d)]),
    "subnormal": lambda d: 1e-42 * inputs.normal(16, d),
    "almost too large": lambda d: 3e38 * inputs.on_sphere(16, d),
}
SCALES = [1.0, 2.0**-30, 2.0**60]


def exact_squares(centered: CenteredRows) -> list[list[int]]:
    """2^298 times the squared distances of float32 rows: whole numbers."""
    whole = [[int(math.ldexp(number, 149)) for number in row] for row in centered.rows.double().tolist()]
    return [[sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) for other in whole] for one in whole]


def thresholds_of(centered: CenteredRows) -> torch.Tensor:
    """(n, n) float64: the exact squared distances in the search's scale, rounded down."""
    found = [
        [_rounded_down(square, 2 * centered.shift - 298) for square in row] for row in exact_squares(centered)
    ]
    return torch.tensor(found, dtype=torch.float64)


def _rounded_down(whole: int, exponent: int) -> float:
    """The largest float64 of at most whole x 2^exponent."""
    shift = max(0, whole.bit_length() - 53)
    return math.ldexp(whole >> shift, exponent + shift)


def as_bad_as_allowed(precision: Precision) -> Callable[..., torch.Tensor]:
    """torch.mm with sums that are all too large, by as much as the precision's error bound allows."""
    multiply = torch.mm

    def mm(left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
        if out is None or out.dtype == torch.float64:  # a projection's, which is another lemma's
            return multiply(left, right, out=out)
        exact, magnitude = left.double() @ right.double(), left.double().abs() @ right.double().abs()
        terms = int(
            ((left != 0).any(dim=0) & (right != 0).any(dim=1)).sum()
        )  # zeros that fill factors up add nothing
        off = gamma(precision.adding * terms) * magnitude
        off[:, 0] = 0.0  # the witness is one number, and is not rounded
        return out.copy_(exact + off)

    return mm


def levels_of(centered: CenteredRows, precision: Precision) -> Iterator[Level]:
    index = torch.arange(len(centered.rows))
    yield full_level(centered, precision)
    directions = leading_directions(centered, index, min(8, centered.rows.shape[1]))
    if directions is not None:
        widths = sorted({1, min(3, directions.shape[1]), directions.shape[1]})
        yield from projected_levels(centered, precision, index, directions, widths)


def as_tensor_cores(precision: Precision) -> Callable[..., torch.Tensor]:
    """torch.mm of operands in a narrow format with sums cut in blocks of four, the fewest that any core takes."""
    multiply = torch.mm

    def mm(left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
        if not precision.rounds or out is None or out.dtype == torch.float64:
            return multiply(left, right, out=out)
        return out.copy_(summed(left, right, block=4))

    return mm


ARITHMETICS = {"as bad as allowed": as_bad_as_allowed, "as tensor cores add": as_tensor_cores}


@pytest.fixture(params=["as it is", *ARITHMETICS])
def arithmetic(request: pytest.FixtureRequest, precision: Precision, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param in ARITHMETICS:
        monkeypatch.setattr(torch, "mm", ARITHMETICS[request.param](precision))


def assert_none_is_lost(rows: torch.Tensor, precision: Precision) -> None:
    """Each pair is kept where its own distance is what its row needs, whatever the other rows need."""
    centered = center_rows(rows)
    true, index = thresholds_of(centered), torch.arange(len(rows))
    for level in levels_of(centered, precision):
        left, right = Factors(index, "left"), Factors(index, "right")
        for turn in range(len(rows)):
            partner = (index + turn) % len(rows)
            mask = level_keeps(level, left, right, true[index, partner])
            assert mask[index, partner].all(), f"k = {level.k}, turn {turn}"


@EACH
@pytest.mark.usefixtures("arithmetic")
@pytest.mark.parametrize("d", [1, 2, 16, 300])
@pytest.mark.parametrize("name", ROWS)
def test_no_pair_that_reaches_its_threshold_is_discarded(name: str, d: int, precision: Precision) -> None:
    for scale in SCALES if name not in ("subnormal", "almost too large", "numbers of all magnitudes") else [1.0]:
        assert_none_is_lost((scale * ROWS[name](d)).float(), precision)


@EACH
@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 24),
    d=st.integers(1, 40),
    bits=st.integers(1, 24),
    offset=st.sampled_from([0.0, 1.0, 300.0]),
    seed=st.integers(0, 2**32),
)
def test_no_pair_of_rows_of_few_bits_is_discarded(
    n: int, d: int, bits: int, offset: float, seed: int, precision: Precision
) -> None:
    rows = (inputs.normal(n, d, seed) * 2.0**bits).round() * 2.0**-bits + offset
    assert_none_is_lost(rows.float(), precision)


@EACH
def test_a_level_discards_nearly_all_pairs_that_lie_well_below_their_thresholds(precision: Precision) -> None:
    centered = center_rows(inputs.normal(300, 512).float())
    index = torch.arange(300)
    true = torch.cdist(centered.rows.double(), centered.rows.double()).square()
    mask = level_keeps(
        full_level(centered, precision), Factors(index, "left"), Factors(index, "right"), true.amax(dim=1)
    )

    assert mask.sum() <= 1.5 * len(index)


@EACH
def test_what_rounding_takes_is_measured_and_not_the_most_that_it_may_take(precision: Precision) -> None:
    """Where the format holds the rows as they are, its full level discards as sharply as float32's."""
    rows = inputs.normal(200, 256).bfloat16().double()
    centered = center_rows(opposite(rows).float())
    index = torch.arange(400)
    true = torch.cdist(centered.rows.double(), centered.rows.double()).square()
    mask = level_keeps(
        full_level(centered, precision), Factors(index, "left"), Factors(index, "right"), true.amax(dim=1) * 1.001
    )

    assert not mask.any()


@pytest.mark.parametrize("precision", PRECISIONS[1:], ids=lambda precision: precision.name)
@pytest.mark.parametrize("number", [torch.inf, -torch.inf, torch.nan])
def test_a_row_that_is_not_finite_is_refused(number: float, precision: Precision) -> None:
    centered = center_rows(inputs.normal(40, 16).float())
    centered.rows[3, 5] = number

    with pytest.raises(ProofError, match="finite"):
        Factors(torch.arange(40), "right").at(full_level(centered, precision))


@EACH
def test_a_threshold_that_is_not_finite_is_refused(precision: Precision) -> None:
    centered = center_rows(inputs.normal(40, 16).float())
    for number in (torch.inf, torch.nan):
        with pytest.raises(ProofError, match="finite"):
            Factors(torch.arange(40), "left").at(
                full_level(centered, precision), torch.full((40,), number, dtype=torch.float64)
            )


@EACH
def test_a_level_without_thresholds_is_as_it_was_before_it_had_some(precision: Precision) -> None:
    centered = center_rows(inputs.normal(40, 16).float())
    level, left = full_level(centered, precision), Factors(torch.arange(40), "left")
    before = left.at(level).clone()
    changed = left.at(level, torch.ones(40, dtype=torch.float64)).clone()

    assert not torch.equal(changed, before)
    assert torch.equal(left.at(level), before)
