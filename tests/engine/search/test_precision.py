"""The formats in which pairs are screened: their rounding, and when a device is trusted with them."""

import math
from collections.abc import Callable
from fractions import Fraction

import pytest
import torch
from farpair.engine.api import farthest_pair
from farpair.engine.errors import InputError, ProofError
from farpair.engine.events import PairFound
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.precision import FLOAT32, Precision, choose_precision, confirms
from farpair.engine.search.rounding import gamma
from farpair.engine.search.search import search
from farpair.engine.search.speeds import Speeds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import inputs
from support.answers import answer, assert_true
from support.any_rows import small_rows, smooth_rows
from support.reference import blocked_truth, exact_truth
from support.tensor_cores import summed

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
AUTO = RunSettings(precision="auto")
TF32, BFLOAT16 = (choose_precision(RunSettings(precision=name), CPU).precision for name in ("tf32", "bfloat16"))
NARROW = pytest.mark.parametrize("precision", [TF32, BFLOAT16], ids=lambda precision: precision.name)
BITS = {"tf32": 11, "bfloat16": 8}
HARD = {
    "circle": lambda: inputs.circle(1024).float(),
    "one-hot": lambda: torch.eye(300),
    "one ulp": lambda: inputs.ulp_cloud(400, 24),
    "offset 1000, noise 1e-3": inputs.NEAR_TIES["offset 1000, noise 1e-3"],
    "one outlier": inputs.NEAR_TIES["one outlier"],
    "near ties": inputs.NEAR_TIES["near ties"],
    "float64 in small": lambda: inputs.opposite_clouds(600, 6, 1e-9),
    "sphere": lambda: inputs.on_sphere(700, 48).float(),
    "cluster": lambda: inputs.cluster(1100, 256).float(),
    "vocabulary": lambda: inputs.vocabulary(4000, 128).float(),
    "copies": lambda: inputs.copies(inputs.normal(13, 20), 500).bfloat16(),
    "magnitudes of 1e-38": lambda: (inputs.normal(400, 20) * 1e-38).float(),
    "magnitudes of 3e38": inputs.NEAR_TIES["magnitudes of 3e38"],
}


def nearest(x: float, bits: int) -> float:
    """x to so many significant bits, ties to even: whole numbers are rounded so."""
    _, exponent = math.frexp(x)
    exponent = max(exponent, -125)  # float32's subnormals end where its exponents do
    return math.ldexp(round(math.ldexp(x, bits - exponent)), exponent - bits)


@NARROW
@given(numbers=st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=20))
def test_numbers_are_rounded_to_nearest_with_ties_to_even(precision: Precision, numbers: list[float]) -> None:
    halfway = [x * (1 + 2.0 ** -BITS[precision.name]) for x in (1.0, 1 + 2.0 ** (1 - BITS[precision.name]), -3.0)]
    found = precision.rounded(torch.tensor(numbers + halfway)).tolist()

    assert found == [nearest(x, BITS[precision.name]) for x in torch.tensor(numbers + halfway).tolist()]


@NARROW
@given(numbers=st.lists(st.floats(-(2.0**80), 2.0**80, width=32), min_size=1, max_size=20))
def test_a_number_is_the_sum_of_its_parts_each_of_the_format_or_a_little_more(
    precision: Precision, numbers: list[float]
) -> None:
    x = torch.tensor(numbers)
    parts = precision.split(x)

    assert all(torch.equal(precision.rounded(part), part) for part in parts)
    for number, *held in zip(x.tolist(), *(part.tolist() for part in parts), strict=True):
        most = Fraction(number)
        assert (
            0
            <= most - sum(map(Fraction, held))
            <= abs(most) * 4 * Fraction(precision.unit) ** 2 + Fraction(2) ** -119
        )


@NARROW
@given(numbers=st.lists(st.floats(0, 2.0**80, width=32), min_size=1, max_size=20))
def test_numbers_rounded_up_are_more_by_a_few_roundings_of_float32_at_least(
    precision: Precision, numbers: list[float]
) -> None:
    found = precision.rounded_up(torch.tensor(numbers))

    assert torch.equal(precision.rounded(found), found)
    for number, up in zip(numbers, found.tolist(), strict=True):
        assert (1 + Fraction(2) ** -20) * Fraction(number) <= Fraction(up)
        assert Fraction(up) <= (1 + 4 * Fraction(precision.unit)) * Fraction(number) + Fraction(2) ** -59


@NARROW
@pytest.mark.parametrize("name", HARD)
def test_hard_rows_have_the_answer_that_float32_has(name: str, precision: Precision) -> None:
    rows = HARD[name]()

    assert answer(rows, precision=precision.name).named == answer(rows, precision="float32").named


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(small_rows(), smooth_rows()), st.integers(1, 50), st.sampled_from(["tf32", "bfloat16"]))
def test_of_any_few_rows_the_answer_is_exact_in_every_format(
    rows: torch.Tensor, batch: int, precision: str
) -> None:
    assert_true(answer(rows, batch, precision=precision), exact_truth(rows, batch))


@settings(max_examples=8, deadline=None)
@given(
    shape=st.tuples(st.integers(2, 2200), st.integers(24, 80)),
    seed=st.integers(0, 2**32),
    fewer=st.sampled_from([1, 1, 3]),
    batch=st.sampled_from([100, 256]),
    scale=st.sampled_from([1.0, 2.0**-40, 2.0**70]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
    precision=st.sampled_from(["tf32", "bfloat16"]),
)
def test_of_vocabularies_the_answer_is_true_in_every_format(
    shape: tuple[int, int], seed: int, fewer: int, batch: int, scale: float, dtype: torch.dtype, precision: str
) -> None:
    n, d = shape
    distinct = inputs.vocabulary(-(-n // fewer), d, seed)
    rows = (scale * (distinct if fewer == 1 else inputs.copies(distinct, n, seed))).to(dtype)

    assert_true(answer(rows, batch, precision=precision), blocked_truth(rows, batch))


def test_the_certificate_says_in_which_format_pairs_were_screened() -> None:
    rows = inputs.normal(400, 24).float()

    assert farthest_pair(rows).precision == "float32"
    assert farthest_pair(rows, precision="bfloat16").precision == "bfloat16"


def test_a_format_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="float8"):
        farthest_pair(torch.eye(3), precision="float8")


@NARROW
def test_the_cpu_keeps_the_bound_that_it_stands_in_for(precision: Precision) -> None:
    assert confirms(precision, CPU)


def into(out: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """Float32 sums where a product's are wanted, behind a witness, in its dtype."""
    return out[:, 1:].copy_(found)


def coarse(_: Precision, left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Operands of four bits."""
    return into(out, torch.mm(*(side.to(torch.float8_e5m2).float() for side in (left, right[1:].T))))


def narrow_sums(_: Precision, left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """The sum kept in bfloat16 after every 64 terms."""
    left, right, found = left.float(), right[1:].float(), torch.zeros(len(left), len(right) - 1)
    for start in range(0, left.shape[1], 64):
        part = slice(start, start + 64)
        found = (found + torch.mm(left[:, part], right[:, part].T)).to(torch.bfloat16).float()
    return into(out, found)


def forgetful(_: Precision, left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """All terms but one."""
    return into(out, torch.mm(left[:, 1:].float(), right[1:, 1:].T.float()))


def in_tf32(_: Precision, left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """Operands of eleven bits, as a GPU has them where it is told so."""
    return into(out, torch.mm(TF32.rounded(left), TF32.rounded(right[1:]).T))


@pytest.mark.parametrize("product", [coarse, narrow_sums, forgetful], ids=lambda product: product.__name__)
@NARROW
def test_products_that_err_more_than_their_bound_are_found_out(precision: Precision, product: object) -> None:
    assert not confirms(precision, CPU, product)


def in_blocks(
    block: int, bits: int
) -> Callable[[Precision, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """Products as tensor cores with accumulators of so many bits have them."""

    def product(_: Precision, left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
        return into(out, summed(left.float(), right[1:].float().T, block, bits).float())

    return product


@pytest.mark.parametrize("block", [4, 16])
@NARROW
def test_sums_cut_in_blocks_as_by_tensor_cores_are_within_the_bound(precision: Precision, block: int) -> None:
    assert confirms(precision, CPU, in_blocks(block, 24))


@pytest.mark.parametrize("bits", [14, 22, 23])
@NARROW
def test_accumulators_of_fewer_bits_than_float32_has_are_found_out(precision: Precision, bits: int) -> None:
    """Those of float8 products are said to have fourteen."""
    assert not confirms(precision, CPU, in_blocks(16, bits))


@given(
    k=st.integers(1, 70),
    block=st.sampled_from([4, 8, 16]),
    spread=st.integers(0, 30),
    seed=st.integers(0, 2**32),
    precision=st.sampled_from([TF32, BFLOAT16]),
)
def test_a_sum_cut_in_blocks_is_off_by_no_more_than_the_proof_reckons_with(
    k: int, block: int, spread: int, seed: int, precision: Precision
) -> None:
    """Against fractions, on numbers of one sign or two and of all magnitudes."""
    scale = torch.linspace(-spread, spread, k).exp2()
    left, right = (precision.rounded((inputs.normal(1, k, seed + at) * scale).float()) for at in (0, 1))
    right = right.abs() if seed % 2 else right
    terms = [Fraction(a) * Fraction(b) for a, b in zip(left[0].tolist(), right[0].tolist(), strict=True)]
    off = abs(Fraction(float(summed(left, right.T, block))) - sum(terms))

    assert off <= Fraction(gamma(4 * k)) * sum(map(abs, terms))


def test_float32_is_confirmed_and_found_out_as_the_others_are() -> None:
    assert confirms(FLOAT32, CPU)
    for product in (coarse, narrow_sums, forgetful, in_tf32):
        assert not confirms(FLOAT32, CPU, product)


def only(*kept: Precision) -> Callable[[Precision, torch.device], bool]:
    """A device that keeps the bounds of these formats alone."""
    return lambda precision, _: precision in kept


def test_a_gpu_screens_in_tf32_only_if_its_products_keep_the_bound() -> None:
    kept, broken = (
        choose_precision(RunSettings(precision="tf32"), CUDA, only(FLOAT32, TF32)),
        choose_precision(RunSettings(precision="tf32"), CUDA, only(FLOAT32)),
    )

    assert kept.precision is TF32
    assert "measured" in kept.why
    assert broken.precision is FLOAT32
    assert "err more" in broken.why


def test_a_format_that_was_asked_for_is_not_used_where_the_device_breaks_its_bound() -> None:
    assert choose_precision(RunSettings(precision="bfloat16"), CUDA, only(FLOAT32)).precision is FLOAT32
    assert choose_precision(RunSettings(precision="bfloat16"), CUDA, only(FLOAT32, BFLOAT16)).precision is BFLOAT16


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps", "xpu"])
def test_float32_is_the_choice_where_nothing_else_is_asked_for_or_kept(device: str) -> None:
    assert choose_precision(AUTO, torch.device(device), only(FLOAT32)).precision is FLOAT32


def measured(monkeypatch: pytest.MonkeyPatch, narrow: float, float32: float, int8: float | None = None) -> None:
    """A CPU that was measured to be so fast."""
    speeds = Speeds({}, float32=float32, bfloat16=narrow, int8=int8)
    monkeypatch.setattr("farpair.engine.search.precision.cpu_speeds", lambda: speeds)


def test_auto_is_bfloat16_on_a_cpu_that_is_measured_to_multiply_it_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, 876.0, 214.0)
    choice = choose_precision(AUTO, CPU, only(FLOAT32, BFLOAT16))

    assert choice.precision is BFLOAT16
    assert choice.why == "as this machine multiplies 876 GFLOP/s of bfloat16 and 214 of float32 (measured)"
    assert BFLOAT16.dtype(CPU) == torch.bfloat16


@pytest.mark.parametrize(
    ("speeds", "beside"), [((876.0, 214.0, 1901.0), BFLOAT16), ((214.0, 214.0, 500.0), FLOAT32)]
)
def test_auto_is_int8_on_a_cpu_that_is_measured_to_multiply_it_fastest(
    speeds: tuple[float, float, float], beside: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, *speeds)
    monkeypatch.setattr("farpair.engine.search.precision.is_exact", lambda _: True)
    choice = choose_precision(AUTO, CPU, only(FLOAT32, BFLOAT16))

    assert (choice.name, choice.precision) == ("int8", beside)
    assert f"{speeds[2]:,.0f} GOP/s of int8, " in choice.why


@pytest.mark.parametrize("setting", [AUTO, RunSettings(precision="int8")], ids=["auto", "int8"])
def test_int8_is_not_used_where_its_products_are_not_exact(
    setting: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, 876.0, 214.0, 1901.0)
    monkeypatch.setattr("farpair.engine.search.precision.is_exact", lambda _: False)
    choice = choose_precision(setting, CPU, only(FLOAT32, BFLOAT16))

    assert choice.name == "bfloat16"
    assert setting is AUTO or "no exact products of int8" in choice.why


def test_auto_is_int8_again_where_it_was_and_is_exact_still(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, 3.0, 140.0, 2.0)
    for is_exact in (True, False):
        monkeypatch.setattr("farpair.engine.search.precision.is_exact", lambda _, found=is_exact: found)
        choice = choose_precision(AUTO, CPU, only(FLOAT32, BFLOAT16), before="int8")

        assert choice.name == ("int8" if is_exact else "float32")
        assert choice.why.startswith("as in the run") == is_exact


def test_auto_is_float32_on_a_cpu_that_is_measured_to_multiply_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, 3.0, 140.0)
    choice = choose_precision(AUTO, CPU, only(FLOAT32, BFLOAT16))

    assert choice.precision is FLOAT32
    assert "3 GFLOP/s of bfloat16 and 140 of float32" in choice.why
    assert BFLOAT16.dtype(CPU) == torch.float32


def test_auto_is_what_it_was_in_the_run_that_is_gone_on_from_whatever_is_measured_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured(monkeypatch, 876.0, 214.0)

    assert choose_precision(AUTO, CPU, only(FLOAT32, BFLOAT16), before="float32").precision is FLOAT32
    measured(monkeypatch, 3.0, 140.0)

    assert choose_precision(AUTO, CPU, only(FLOAT32, BFLOAT16), before="bfloat16").precision is BFLOAT16
    assert choose_precision(AUTO, CPU, only(FLOAT32), before="bfloat16").precision is FLOAT32
    assert (
        choose_precision(RunSettings(precision="tf32"), CPU, only(FLOAT32, TF32), before="bfloat16").precision
        is TF32
    )


def test_auto_is_float32_where_products_in_bfloat16_break_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, 876.0, 214.0)
    choice = choose_precision(AUTO, CPU, only(FLOAT32))

    assert choice.precision is FLOAT32
    assert "err more" in choice.why


def test_auto_is_float32_on_a_cpu_where_the_rows_are_few_and_nothing_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("farpair.engine.search.precision.cpu_speeds", pytest.fail)

    assert choose_precision(AUTO, CPU, only(FLOAT32), terms=2_248**2 * 2_560).precision is FLOAT32


@pytest.mark.parametrize("speeds", [(876.0, 214.0), (3.0, 140.0)], ids=["native", "in float32"])
@pytest.mark.parametrize("name", HARD)
def test_hard_rows_have_one_answer_however_bfloat16_is_multiplied(
    name: str, speeds: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, *speeds)
    rows = HARD[name]()

    assert answer(rows, precision="bfloat16").named == answer(rows, precision="float32").named


def test_a_device_that_breaks_the_bound_of_float32_is_not_searched_on() -> None:
    with pytest.raises(ProofError, match="cuda"):
        choose_precision(AUTO, CUDA, only(TF32, BFLOAT16))


@pytest.mark.parametrize("name", ["float32", "tf32", "bfloat16", "int8"])
def test_an_exhaustive_search_evaluates_every_pair_in_every_format(name: str) -> None:
    rows = inputs.normal(1200, 64).float()
    *_, found = search(rows, RunSettings(exhaustive=True, precision=name))

    assert isinstance(found, PairFound)
    assert found.evaluated == found.pairs
