"""Rows in every kind of array are searched as exactly the numbers that they hold, or refused with a sentence."""

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from farpair.engine.analysis.outlier_ladder import outlier_ladder
from farpair.engine.api import eccentricities, farthest_pair, farthest_pairs
from farpair.engine.errors import InputError
from farpair.engine.search.arrays import checked
from hypothesis import given, settings
from hypothesis import strategies as st

PLAIN = np.random.default_rng(5).integers(-100, 100, (12, 4)).astype(np.float64)


class Frame:
    """An object that numpy can make an array of, as data frames are."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return PLAIN if dtype is None else PLAIN.astype(dtype)


class Named(np.ndarray):
    """A subclass of numpy's array."""


def read_only() -> np.ndarray:
    array = PLAIN.copy()
    array.setflags(write=False)
    return array


def unaligned() -> np.ndarray:
    return np.frombuffer(b"\0" + PLAIN.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(PLAIN.shape)


def negative_bit() -> torch.Tensor:
    view = torch.complex(torch.zeros(12, 4), torch.from_numpy(-PLAIN).float()).conj().imag
    assert view.is_neg()
    return view


KINDS: dict[str, Callable[[], Any]] = {
    "big-endian float64": lambda: PLAIN.astype(">f8"),
    "big-endian float32": lambda: PLAIN.astype(">f4"),
    "little-endian float16": lambda: PLAIN.astype("<f2"),
    "big-endian float16": lambda: PLAIN.astype(">f2"),
    "longdouble": lambda: PLAIN.astype(np.longdouble),
    "objects": lambda: PLAIN.astype(object),
    "fractions": lambda: [[Fraction(x) for x in row] for row in PLAIN.tolist()],
    "decimals": lambda: [[Decimal(x) for x in row] for row in PLAIN.tolist()],
    "large integers in objects": lambda: (PLAIN.astype(int).astype(object) * 2**80),
    "int8": lambda: PLAIN.astype(np.int8),
    "big-endian int64": lambda: PLAIN.astype(">i8"),
    "uint64": lambda: (PLAIN + 100).astype(np.uint64),
    "list of lists": PLAIN.tolist,
    "tuple of arrays": lambda: tuple(PLAIN),
    "list of tensors": lambda: list(torch.from_numpy(PLAIN)),
    "an object with __array__": Frame,
    "a subclass": lambda: PLAIN.view(Named),
    "np.matrix": lambda: np.asmatrix(PLAIN),
    "unmasked masked array": lambda: np.ma.masked_array(PLAIN),
    "Fortran order": lambda: np.asfortranarray(PLAIN),
    "negative strides": lambda: np.ascontiguousarray(PLAIN[::-1, ::-1])[::-1, ::-1],
    "every second": lambda: np.repeat(np.repeat(PLAIN, 2, 0), 3, 1)[::2, ::3],
    "a column of a record": lambda: np.rec.fromarrays([PLAIN[:, 0], PLAIN[:, 1]], names="a,b").a[:, None],  # type: ignore[call-overload]
    "read-only": read_only,
    "unaligned": unaligned,
    "strided tensor": lambda: torch.from_numpy(PLAIN).repeat_interleave(2, 0)[::2],
    "transposed tensor": lambda: torch.from_numpy(PLAIN.T.copy()).T,
    "tensor with gradient": lambda: torch.from_numpy(PLAIN.copy()).requires_grad_(),
    "a result with gradient": lambda: torch.from_numpy(PLAIN.copy()).requires_grad_() * 1,
    "parameter": lambda: torch.nn.Parameter(torch.from_numpy(PLAIN.copy())),
    "negative-bit view": negative_bit,
    "float16 tensor": lambda: torch.from_numpy(PLAIN).half(),
    "bfloat16 tensor": lambda: torch.from_numpy(PLAIN).bfloat16(),
    "int64 tensor": lambda: torch.from_numpy(PLAIN).long(),
    "uint8 tensor": lambda: torch.from_numpy(PLAIN + 100).to(torch.uint8),
}  # fmt: skip


def expected_of(kind: str) -> np.ndarray:
    """The numbers that the kind holds."""
    if "objects" in kind and "large" in kind:
        return PLAIN * 2.0**80
    if kind in ("uint64", "uint8 tensor"):
        return PLAIN + 100
    return PLAIN[:, :1] if "record" in kind else PLAIN


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_array_is_searched_as_the_numbers_it_holds(kind: str) -> None:
    rows, plain = KINDS[kind](), torch.from_numpy(expected_of(kind))

    assert checked(rows).to(torch.float64).equal(plain)
    assert not checked(rows).requires_grad
    found, expected = farthest_pair(rows), farthest_pair(plain)
    assert (found.i, found.j, found.distance, found.ties) == (
        expected.i,
        expected.j,
        expected.distance,
        expected.ties,
    )
    assert farthest_pairs(rows, 3) == farthest_pairs(plain, 3)
    assert eccentricities(rows).distance.equal(eccentricities(plain).distance)
    assert outlier_ladder(rows, 3) == outlier_ladder(plain, 3)


@pytest.mark.parametrize("rows", [np.broadcast_to(PLAIN[0], (5, 4)), torch.from_numpy(PLAIN[0]).expand(5, 4)])
def test_rows_that_are_one_row_broadcast_are_copies(rows: Any) -> None:
    assert (farthest_pair(rows).distance, farthest_pair(rows).ties) == (0.0, 10)
    assert [rung.diameter for rung in outlier_ladder(rows, 2)] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_floats_of_eight_bits_are_rows_too(dtype: torch.dtype) -> None:
    rows = torch.from_numpy(PLAIN).clamp(-8, 8).to(torch.float32).to(dtype)

    assert checked(rows).equal(rows.to(torch.float32))


def test_rows_are_the_same_under_every_setting_of_the_caller() -> None:
    expected = farthest_pair(PLAIN)
    with torch.inference_mode():
        assert checked(torch.from_numpy(PLAIN) * 1).to(torch.float64).equal(torch.from_numpy(PLAIN))
    torch.set_default_dtype(torch.float16)
    try:
        assert checked(PLAIN.tolist()).dtype == torch.float64
        assert checked(PLAIN.astype(int)).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        assert checked(PLAIN.tolist()).device.type == "cpu"
    assert farthest_pair(PLAIN).distance == expected.distance


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "longdouble": (lambda: PLAIN.astype(np.longdouble) + np.longdouble(2) ** -60, "float64 would round"),
    "longdouble too large": (
        lambda: PLAIN.astype(np.longdouble) * np.longdouble(2) ** 2000,
        "float64 would round",
    ),
    "int64": (lambda: PLAIN.astype(np.int64) + 2**53 + 1, "int64 hold numbers that float64 would round"),
    "uint64": (
        lambda: np.full((3, 2), 2**64 - 1, dtype=np.uint64),
        "uint64 hold numbers that float64 would round",
    ),
    "int64 tensor": (lambda: torch.full((3, 2), 2**63 - 1), "float64 would round"),
    "fraction": (lambda: [[Fraction(1, 3)], [Fraction(1)]], "float64 would round"),
    "large integer": (lambda: [[10**400], [1]], "object"),
    "boolean": (lambda: PLAIN > 0, "dtype bool"),
    "boolean tensor": (lambda: torch.from_numpy(PLAIN > 0), "bool"),
    "complex": (lambda: PLAIN + 0j, "dtype complex128"),
    "complex tensor": (lambda: torch.from_numpy(PLAIN + 0j).conj(), "complex128"),
    "strings": (lambda: [["1", "2"], ["3", "4"]], "dtype str"),
    "text": (lambda: "rows", "dtype str"),
    "none": (lambda: None, "object"),
    "none within": (lambda: [[1.0, None], [2.0, 3.0]], "object"),
    "dates": (lambda: np.zeros((3, 2), dtype="datetime64[s]"), "datetime64"),
    "records": (lambda: np.zeros((3, 2), dtype=[("a", float)]), "dtype void"),
    "ragged": (lambda: [[1.0, 2.0], [3.0]], "cannot be read as an array"),
    "masked": (lambda: np.ma.masked_less(PLAIN, 0), "masked in places"),
    "a list of masked arrays": (lambda: [np.ma.masked_less(row, 0) for row in PLAIN], "masked"),
    "sparse tensor": (lambda: torch.from_numpy(PLAIN).to_sparse(), "sparse"),
    "csr tensor": (lambda: torch.from_numpy(PLAIN).to_sparse_csr(), "sparse"),
    "meta": (lambda: torch.empty(3, 2, device="meta"), "meta device"),
    "quantized": (lambda: torch.quantize_per_tensor(torch.ones(3, 2), 0.1, 0, torch.qint8), "quantized"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "nested"),
    "0-d": (lambda: np.float64(3.0), r"shape \(\)"),
    "1-d": (lambda: [1.0, 2.0], r"shape \(2,\)"),
    "3-d": (lambda: np.ones((2, 3, 4)), r"shape \(2, 3, 4\)"),
    "no rows": (lambda: np.ones((0, 3)), "two rows"),
    "one row": (lambda: torch.ones(1, 3), "two rows"),
    "no columns": (lambda: torch.ones(3, 0), "one column"),
    "NaN": (lambda: [[1.0], [float("nan")]], "row 1 holds"),
    "NaN in a longdouble": (lambda: np.array([[1.0], [2.0], [np.nan]], dtype=np.longdouble), "row 2 holds"),
    "infinity": (lambda: np.array([[np.inf], [1.0]], dtype=">f4"), "row 0 holds"),
    "infinity in float16": (lambda: torch.tensor([[1.0], [70000.0]]).half(), "row 1 holds"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_rows_is_refused_in_one_sentence(kind: str) -> None:
    make, words = REFUSED[kind]
    rows = make()
    for ask in (farthest_pair, lambda x: farthest_pairs(x, 2), eccentricities, outlier_ladder):
        with pytest.raises(InputError, match=words) as refused:
            ask(rows)
        assert re.fullmatch(r"[^\n]+\.", str(refused.value))


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=5))
def test_integers_are_taken_where_float64_holds_them_and_refused_where_not(numbers: list[int]) -> None:
    for rows in (np.array(numbers, dtype=np.int64)[:, None], torch.tensor(numbers, dtype=torch.int64)[:, None]):
        if all(int(float(number)) == number for number in numbers):
            assert checked(rows)[:, 0].tolist() == [float(number) for number in numbers]
        else:
            with pytest.raises(InputError, match="float64 would round"):
                checked(rows)


@pytest.mark.parametrize(
    "wrong", [1.5, 2.0, True, False, "3", None, float("nan"), np.float64(2), [1], np.bool_(1)]
)
def test_a_number_of_pairs_or_rows_that_is_no_whole_number_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"k is .*: it must be a whole number"):
        farthest_pairs(PLAIN, wrong)
    with pytest.raises(InputError, match=r"most is .*: it must be a whole number"):
        outlier_ladder(PLAIN, wrong)


@pytest.mark.parametrize("three", [3, np.int64(3), np.uint8(3), torch.tensor(3)])
def test_any_whole_number_is_a_number_of_pairs_or_rows(three: Any) -> None:
    assert len(farthest_pairs(PLAIN, three)) == 3
    assert len(outlier_ladder(PLAIN, three)) == 4


CORE = [1.0, -2.0, 3.0, 0.5]


@pytest.mark.parametrize(
    "core",
    [CORE, tuple(CORE), np.array(CORE, dtype=">f4"), torch.tensor(CORE).bfloat16(), torch.tensor(CORE).double(),
     np.array(CORE, dtype=object), torch.nn.Parameter(torch.tensor(CORE))],
)  # fmt: skip
def test_a_core_may_be_any_kind_of_point(core: Any) -> None:
    assert outlier_ladder(PLAIN, 4, core) == outlier_ladder(PLAIN, 4, torch.tensor(CORE, dtype=torch.float64))


@pytest.mark.parametrize(
    ("core", "words"),
    [
        ([1.0, 2.0], r"core has shape \(2,\): it must be \(4,\)"),
        (3.0, r"core has shape \(\)"),
        ([CORE], r"core has shape \(1, 4\)"),
        ([1.0, 2.0, 3.0, float("nan")], "core holds a NaN"),
        (torch.tensor([1.0, 2.0, 3.0, float("inf")]), "core holds a NaN or an infinity"),
        (["a", "b", "c", "d"], "core have shape"),
        (np.array(CORE) > 0, "bool"),
        ([1e300, 0.0, 0.0, 0.0], r"The core holds numbers as large as 1e\+300, too large"),
    ],
)
def test_a_core_that_is_no_point_among_the_rows_is_refused(core: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        outlier_ladder(PLAIN, 2, core)
