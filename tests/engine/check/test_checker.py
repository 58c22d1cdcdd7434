"""The independent check: right claims are confirmed and wrong ones refuted, whatever the rows."""

import ast
import math
import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import farpair
import msgspec
import numpy as np
import pytest
import torch
from farpair.engine.api import farthest_pair
from farpair.engine.check import checker, claims
from farpair.engine.check.checker import check
from farpair.engine.check.claims import Checked, Claim, Claims, Verdict
from farpair.engine.errors import InputError
from hypothesis import given
from hypothesis import strategies as st

Array = np.ndarray[Any, Any]


def root(square: Fraction) -> float:
    return float(Fraction(math.isqrt(int(square * Fraction(4) ** 1200)), 2**1200))


def true_claims(x: Array, batch: int) -> Claims:
    """What is true of the rows, by fractions of every pair."""
    n = len(x)
    rows = [[Fraction(float(v)) for v in row] for row in x]
    squares = {
        (i, j): sum(((a - b) ** 2 for a, b in zip(rows[i], rows[j], strict=True)), Fraction(0))
        for i, j in combinations(range(n), 2)
    }

    def first(pairs: list[tuple[int, int]]) -> Claim:
        i, j = min(pairs, key=lambda pair: (-squares[pair], pair))
        return Claim(i, j, root(squares[i, j]))

    pair = first(list(squares))
    ties = sum(square == squares[pair.i, pair.j] for square in squares.values())
    others = [one for one in squares if one != (pair.i, pair.j)]
    maxima = tuple(
        (b, first([one for one in squares if one[0] // batch == b or one[1] // batch == b]))
        for b in range(-(-n // batch))
    )
    return Claims(pair, math.inf, ties, first(others) if ties == 1 and others else None, batch, maxima)


def verdict(x: Array, claimed: Claims, sample: int | None = None) -> Verdict:
    *_, last = check(x, claimed, sample)
    assert isinstance(last, Verdict)
    return last


SCALES = [(np.float32, s) for s in (1, 0.1, 1e-44, 1e38)] + [
    (np.float64, s) for s in (1, 0.1, 1e200, 1e-200, 5e-324)
]
SCALES += [(np.float64, 2e307)]


@given(
    st.lists(st.lists(st.integers(-2, 2), min_size=3, max_size=3), min_size=2, max_size=14),
    st.sampled_from(SCALES),
    st.integers(1, 6),
    st.integers(0, 2**20),
)
def test_small_integers_at_every_scale_are_confirmed(
    rows: list[list[int]], scale: tuple[type, float], batch: int, noise: int
) -> None:
    dtype, by = scale
    x = np.array(rows, dtype=np.float64)
    x[0] *= 1 + noise * 2.0**-40  # some are not of one step with the others
    x = (x * by).astype(dtype)
    assert verdict(x, true_claims(x, batch)) == Verdict(True, (), len(x) * (len(x) - 1) // 2, -(-len(x) // batch))
    sampled = verdict(x, true_claims(x, batch), sample=1)
    assert sampled.confirmed
    assert "No contradiction" in str(sampled) or len(x) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["plain", "an ulp apart", "wide", "far off"])
def test_rows_without_ties_and_with_near_ones_are_confirmed(dtype: type, kind: str) -> None:
    rng = np.random.default_rng(len(kind))
    for _ in range(10):
        x = rng.standard_normal((24, 3))
        if kind == "an ulp apart":
            x = np.where(rng.integers(0, 2, (24, 1)), 1.0, -1.0) + rng.integers(-2, 3, (24, 3)) * 2.0**-50
            if dtype is np.float32:
                x = np.sign(x) + rng.integers(-2, 3, (24, 3)) * 2.0**-23
        if kind == "wide":
            x *= (
                2.0 ** rng.integers(-60, 60, (24, 3))
                if dtype is np.float32
                else 10.0 ** rng.integers(-200, 200, (24, 3))
            )
        if kind == "far off":
            x += 1e6
        x = x.astype(dtype)
        assert verdict(x, true_claims(x, 5)).confirmed


def wrong_claims(right: Claims) -> dict[str, Claims]:
    """The right claims, each with one thing wrong, by the words that a refutation begins with."""
    pair, runner = right.pair, right.runner_up
    assert runner is not None
    number, maximum = right.batches[1]
    i, j = next((i, j) for i, j in combinations(range(5, 10), 2) if (i, j) != (maximum.i, maximum.j))
    short = math.nextafter(math.nextafter(math.nextafter(pair.distance, 0), 0), 0)

    def batch(claim: Claim) -> Claims:
        return Claims(pair, right.error, 1, runner, 5, ((number, claim),))

    def claimed(
        pair: Claim = pair, error: float = right.error, ties: int = 1, runner: Claim | None = runner
    ) -> Claims:
        return Claims(pair, error, ties, runner, right.batch, right.batches)

    return {
        "The farthest pair: wrong pair": claimed(runner),
        "The farthest pair: short": claimed(Claim(pair.i, pair.j, short)),
        "The farthest pair: no number": claimed(Claim(pair.i, pair.j, math.nan)),
        "The farthest pair: error": claimed(Claim(pair.i, pair.j, math.nextafter(pair.distance, 9)), error=1e-300),
        "The farthest pair: no row": claimed(Claim(pair.i, 10_000, pair.distance)),
        "The farthest pair: no order": claimed(Claim(pair.j, pair.i, pair.distance)),
        "The ties: many": claimed(ties=2),
        "The runner-up: the pair": claimed(runner=pair),
        "The runner-up: none": claimed(runner=None),
        "The runner-up: short": claimed(runner=Claim(runner.i, runner.j, runner.distance * 0.99)),
        "The maximum of batch 1: pair": batch(Claim(i, j, maximum.distance)),
        "The maximum of batch 1: short": batch(Claim(maximum.i, maximum.j, maximum.distance * 0.999)),
        "The maximum of batch 1: elsewhere": batch(Claim(0, 1, maximum.distance)),
    }


@pytest.mark.parametrize("grid", [True, False])
def test_each_sort_of_wrong_claim_is_refuted_in_one_sentence(grid: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.permutation(200)[:20, None].astype(np.float64) ** 2 if grid else rng.standard_normal((20, 4))
    right = true_claims(x, 5)
    assert verdict(x, right).confirmed
    for what, wrong in wrong_claims(right).items():
        said = verdict(x, wrong)
        assert len(said.refutations) == 1, what
        assert said.refutations[0].startswith(what.partition(":")[0]), (what, said)
        assert str(said).startswith("Refuted. ")


def test_of_equal_pairs_the_first_has_to_be_named_and_all_counted() -> None:
    x = np.eye(6, dtype=np.float32) * np.float32(0.1)
    distance = root(2 * Fraction(float(np.float32(0.1))) ** 2)
    assert verdict(x, Claims(Claim(0, 1, distance), 1.0, 15, None)).confirmed
    assert "between rows 0 and 1" in str(verdict(x, Claims(Claim(0, 2, distance), 1.0, 15, None)))
    assert "there are 15" in str(verdict(x, Claims(Claim(0, 1, distance), 1.0, 14, None)))


def test_a_sample_refutes_what_it_contradicts_and_confirms_no_more() -> None:
    x = np.arange(50, dtype=np.float32)[:, None]
    assert not verdict(x, Claims(Claim(0, 1, 1.0), 1.0, 1, None), sample=5).confirmed
    right = verdict(x, Claims(Claim(0, 49, 49.0), 0.0, 1, None), sample=5)
    assert str(right).startswith("No contradiction in the sample of 5 rows: ")
    assert right.pairs == 5 * 4 // 2 + 5 * 45


def test_it_says_how_far_it_is_and_holds_no_matrix_of_all_pairs() -> None:
    x = np.random.default_rng(0).standard_normal((3000, 4)).astype(np.float32)
    steps = list(check(x, Claims(Claim(0, 1, 1.0), 1.0, 1, None)))
    told = [(step.done, step.pairs) for step in steps if isinstance(step, Checked)]
    assert len(told) == 6
    assert told == sorted(told)
    assert told[-1] == (3000 * 2999 // 2, 3000 * 2999 // 2)


@pytest.mark.parametrize(
    "rows",
    [
        lambda: np.repeat(np.array([[0.3, 0.7]], np.float32), 3000, axis=0),
        lambda: (np.random.default_rng(1).integers(0, 2, (3000, 12)) * 2 - 1).astype(np.float32) * np.float32(0.3),
        lambda: np.eye(1500, dtype=np.float32) * np.float32(0.1),
        lambda: np.random.default_rng(1).standard_normal((40, 64))[np.random.default_rng(1).integers(0, 40, 3000)],
    ],
    ids=["one point", "a cube's corners", "one-hot", "copies"],
)
def test_masses_of_ties_are_counted_and_agree_with_the_search(rows: Callable[[], Array]) -> None:
    x = rows()
    found = farthest_pair(x)
    assert farpair.verify(x, found).confirmed
    assert not farpair.verify(x, msgspec.structs.replace(found, ties=found.ties + 1)).confirmed


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_what_the_search_returns_is_confirmed_for_tensors_and_arrays(dtype: torch.dtype) -> None:
    x = torch.randn(300, 8, generator=torch.Generator().manual_seed(1)).to(dtype)
    assert str(farpair.verify(x, farthest_pair(x))).startswith("Confirmed: the pair, its ties and the runner-up")
    if dtype != torch.bfloat16:
        assert farpair.verify(x.numpy(), farthest_pair(x)).confirmed


@pytest.mark.parametrize(
    "rows", [np.zeros((3, 2), dtype=int), np.zeros(3), np.full((3, 2), np.nan), np.zeros((1, 2))]
)
def test_rows_that_are_none_are_refused(rows: Array) -> None:
    with pytest.raises(InputError, match="rows "):
        farpair.verify(rows, farthest_pair(np.eye(3)))


def test_the_checker_is_short_and_imports_numpy_and_the_standard_library_alone() -> None:
    allowed = {*sys.stdlib_module_names, "numpy", ".claims"}
    for module in (checker, claims):
        source = Path(str(module.__file__)).read_text()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                assert {name.name for name in node.names} <= allowed
            elif isinstance(node, ast.ImportFrom):
                assert "." * node.level + (node.module or "").split(".")[0] in allowed
        assert source.count("\n") <= 150
