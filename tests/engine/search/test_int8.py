"""Whole numbers of eight bits: products that come out exactly, and a level that discards no pair that matters."""

from fractions import Fraction

import pytest
import torch
from farpair.engine.errors import ProofError
from farpair.engine.run_settings import RunSettings
from farpair.engine.search import int8, level_selection
from farpair.engine.search.block_sizes import Blocks
from farpair.engine.search.centered_rows import center_rows
from farpair.engine.search.int8 import LARGEST, is_exact
from farpair.engine.search.int8_level import Int8Level, int8_level, left_by_int8
from farpair.engine.search.screening_levels import Factors
from farpair.engine.search.speeds import Speeds
from hypothesis import given
from hypothesis import strategies as st
from support import inputs
from support.answers import answer

CPU = torch.device("cpu")
BLOCKS = Blocks(pivots=4, strip=256, tile_rows=64, tile_columns=256, float64_tile=64, projected=0, few=0, int8=1)
needs_int8 = pytest.mark.skipif(not is_exact(CPU), reason="this machine has no exact products of int8 numbers")


def saturated(left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
    """A product as instructions without VNNI have it: one side is made positive, and pairs of terms are added up
    in 16 bits."""
    left, right = left.to(torch.int64) + 128, right.to(torch.int64).T
    terms = (left[:, None, :] * right[None, :, :]).view(len(left), len(right), -1, 2)
    summed = terms.sum(dim=3).clamp(-(2**15), 2**15 - 1).sum(dim=2)
    return out.copy_(summed - 128 * right.sum(dim=1))


def operands(a: int, k: int, b: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(a)
    left, right = (
        torch.randint(-LARGEST, LARGEST + 1, (m, k), generator=generator).to(torch.int8) for m in (a, 1 + b)
    )
    right[0] = LARGEST
    return left, right, (left.to(torch.int64).sum(dim=1) * LARGEST).to(torch.int32)


@needs_int8
@pytest.mark.parametrize(("a", "k", "b"), [(5, 64, 3), (300, 400, 70), (40, 8192, 9)])
def test_a_product_comes_out_exactly(a: int, k: int, b: int) -> None:
    left, right, checksum = operands(a, k, b)
    found = int8.product(left, right, checksum, torch.empty(a, 1 + b, dtype=torch.int32))

    assert torch.equal(found.to(torch.int64), left.to(torch.int64) @ right[1:].to(torch.int64).T)


def test_a_product_that_saturates_is_found_out_and_carried_out_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "_int_mm", saturated)
    left, right, checksum = operands(30, 64, 5)
    found = int8.product(left, right, checksum, torch.empty(30, 6, dtype=torch.int32))

    assert torch.equal(found.to(torch.int64), left.to(torch.int64) @ right[1:].to(torch.int64).T)


def test_a_product_without_its_witness_is_no_proof() -> None:
    left, right, checksum = operands(30, 64, 5)

    with pytest.raises(ProofError, match="witness"):
        int8.product(left, right, checksum + 1, torch.empty(30, 6, dtype=torch.int32))


@pytest.mark.parametrize("fault", ["saturates", "is not there", "raises"])
def test_products_that_are_not_exact_are_not_believed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def raises(*_: object, **__: object) -> None:
        raise RuntimeError("not implemented")

    is_exact.cache_clear()
    if fault == "is not there":
        monkeypatch.delattr(torch, "_int_mm", raising=False)
    else:
        monkeypatch.setattr(torch, "_int_mm", saturated if fault == "saturates" else raises)
    monkeypatch.setattr(int8, "_SHAPES", ((24, 40, 7),))

    assert not is_exact(CPU)
    is_exact.cache_clear()


def level_of(rows: torch.Tensor, lowest: float) -> tuple[Int8Level | None, list[float]]:
    """The level for rows (n, d) whose pairs need `lowest`, and each row's radius."""
    centered = center_rows(rows)
    everything = torch.arange(len(rows))
    return int8_level(centered, everything, everything[::3], lowest, 0.1), centered.radius.tolist()


def assert_no_pair_that_matters_is_discarded(rows: torch.Tensor) -> None:
    """Each row's farthest partner, exactly as far away as the row's pairs need, is left by the level."""
    exact = [[Fraction(x) for x in row] for row in rows.to(torch.float64).tolist()]
    scale = Fraction(2) ** (2 * center_rows(rows).shift)
    squares = [[scale * sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in exact] for x in exact]
    farthest = [row.index(max(row)) for row in squares]
    needed = [largest_below(squares[i][j]) for i, j in enumerate(farthest)]
    if min(needed) <= 0:
        return
    level, radius = level_of(rows, min(needed))
    if level is None:
        return
    index = torch.arange(len(rows))
    less = torch.tensor(needed, dtype=torch.float64) - level.slack_for(2 * max(radius))
    left, _ = Factors(index, "left").in_int8(level, less)
    right, checksum = Factors(index, "right").in_int8(level)
    product = right.to(torch.int64) @ left.to(torch.int64).T

    assert torch.equal(product[:, 0], checksum.to(torch.int64))
    assert all(int(product[j, 1 + i]) <= 0 for i, j in enumerate(farthest))


def largest_below(square: Fraction) -> float:
    """The largest float64 that is `square` or less."""
    nearest = float(square)
    return (
        nearest
        if Fraction(nearest) <= square
        else float(torch.tensor(nearest).double().nextafter(torch.tensor(0.0).double()))
    )


@pytest.mark.parametrize(
    "name",
    [
        "normal",
        "sphere",
        "one-hot",
        "opposite",
        "one large column",
        "one outlier",
        "ulps",
        "far off",
        "tiny",
        "huge",
    ],
)
def test_no_pair_that_matters_is_discarded(name: str) -> None:
    outlier = inputs.normal(40, 70).float()
    outlier[7] *= 30
    column = inputs.normal(40, 70).float()
    column[:, 3] *= 1000
    rows = {
        "normal": lambda: inputs.normal(60, 100),
        "sphere": lambda: inputs.on_sphere(50, 64),
        "one-hot": lambda: torch.eye(64),
        "opposite": lambda: inputs.opposite_clouds(40, 130, 1e-3),
        "one large column": lambda: column,
        "one outlier": lambda: outlier,
        "ulps": lambda: inputs.ulp_cloud(30, 64),
        "far off": lambda: inputs.far_from_origin(40, 64),
        "tiny": lambda: inputs.normal(30, 64) * 1e-38,
        "huge": lambda: inputs.normal(30, 64) * 1e37,
    }[name]()

    assert_no_pair_that_matters_is_discarded(rows.to(torch.float32))


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(2, 12),
    d=st.integers(1, 130),
    spread=st.sampled_from([0.0, 1.0, 20.0]),
    whole=st.booleans(),
)
def test_of_any_few_rows_no_pair_that_matters_is_discarded(
    seed: int, n: int, d: int, spread: float, whole: bool
) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, d, generator=generator, dtype=torch.float64)
    rows *= (spread * torch.randn(1, d, generator=generator, dtype=torch.float64)).exp2()

    assert_no_pair_that_matters_is_discarded((rows.round() if whole else rows).to(torch.float32))


def test_rows_of_so_many_columns_that_sums_could_leave_32_bits_have_no_level() -> None:
    level, _ = level_of(torch.nn.functional.one_hot(torch.tensor([0, 1, 130_000]), 130_001).float(), 1.0)

    assert level is None


def test_a_threshold_less_than_any_before_is_refused() -> None:
    rows = inputs.normal(60, 100).float()
    level, _ = level_of(rows, 150.0)
    assert level is not None

    with pytest.raises(ProofError, match="columns of whole numbers"):
        Factors(torch.arange(60), "left").in_int8(level, torch.full((60,), -1e6, dtype=torch.float64))


def test_what_is_foretold_of_a_sample_is_what_the_level_leaves() -> None:
    rows = inputs.on_sphere(400, 128).float()
    centered = center_rows(rows)
    left, right = torch.arange(200), torch.arange(200, 400)
    need = torch.full((200, 200), 2.1, dtype=torch.float64)
    largest = (centered.radius[left][:, None] + centered.radius[right]).square()
    foretold = left_by_int8(centered, left, right, need, largest)
    level = int8_level(centered, torch.arange(400), torch.arange(400), 2.1, 0.1)
    assert level is not None
    rows_, _ = Factors(left, "left").in_int8(level, need[:, 0] - level.slack_for(2 * float(centered.radius.max())))
    partners, _ = Factors(right, "right").in_int8(level)
    found = (partners.to(torch.int64) @ rows_.to(torch.int64).T)[:, 1:].T <= 0

    assert 0 < float(foretold.double().mean()) < 0.5
    assert float((found != foretold).double().mean()) < 0.01


@needs_int8
@pytest.mark.parametrize("name", ["normal", "sphere", "vocabulary", "copies"])
def test_the_answer_is_that_of_float32_where_the_level_is_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used = []

    def note(*given: object) -> Int8Level | None:
        used.append(int8_level(*given))  # type: ignore[arg-type]
        return used[-1]

    monkeypatch.setattr(level_selection, "int8_level", note)
    monkeypatch.setattr(level_selection, "cpu_speeds", lambda: Speeds({}, 1.0, 1.0, 1000.0))
    rows = {
        "normal": lambda: inputs.normal(1500, 512),
        "sphere": lambda: inputs.on_sphere(1500, 512),
        "vocabulary": lambda: inputs.vocabulary(2000, 256),
        "copies": lambda: inputs.copies(inputs.normal(900, 384), 1500),
    }[name]().float()
    found = answer(rows, precision="int8", blocks=BLOCKS)

    assert found.pair.precision == "int8"
    assert used
    assert used[0] is not None
    assert found.named == answer(rows, precision="float32", blocks=BLOCKS).named


@needs_int8
def test_an_answer_in_int8_does_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(level_selection, "cpu_speeds", lambda: Speeds({}, 1.0, 1.0, 1000.0))
    rows, threads = inputs.normal(1500, 512).float(), torch.get_num_threads()
    one = answer(rows, precision="int8", blocks=BLOCKS)
    try:
        torch.set_num_threads(1 if threads > 1 else 2)
        other = answer(rows, precision="int8", blocks=BLOCKS)
    finally:
        torch.set_num_threads(threads)

    assert one.named == other.named
    assert one.pair.evaluated == other.pair.evaluated
    assert RunSettings(precision="int8").precision == one.pair.precision
