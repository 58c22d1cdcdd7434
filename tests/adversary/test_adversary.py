"""No rows, way of searching or setting of the caller makes the search call a wrong answer proved.

A test run tries a fixed handful of every kind. FARPAIR_ADVERSARY_HOURS=2 goes on with fresh seeds for two hours,
as `hunt.py` does for minutes; what fails is named by the line with which `hunt.py --case` tries it again.
"""

import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product

import pytest
from adversary.attack import MODES, Case, case_of, wrong_in
from adversary.hunt import LARGE, Tally, cases, hunt
from adversary.kinds import KINDS, LAYOUTS
from adversary.reference import TooManyNearTies
from adversary.subject import BLOCKS, PRECISIONS
from adversary.surroundings import SURROUNDINGS

HOURS = float(os.environ.get("FARPAIR_ADVERSARY_HOURS", "0"))
BATCHES = (1, 7, 64, 256, 0)
SHAPES = ((2, 3), (3, 1), (80, 8), (257, 5), (300, 48), (40, 2), (130, 33))
DTYPES = ("float32", "float64", "float32", "bfloat16", "float16")
WAYS = list(product(PRECISIONS, BATCHES, BLOCKS))  # dealt out among the kinds, so that each is taken by some


def assert_nothing_is_wrong(tried: list[Case]) -> None:
    """Fail with a line for each case that was answered wrongly."""
    failures = []
    for case in tried:
        try:
            failures += [f"{case}: {said}" for said in wrong_in(case)[:1]]
        except TooManyNearTies:
            continue
    assert not failures, "\n".join(failures)


def dealt(kind: str, step: int) -> Case:
    """The case that is a kind's at this step: other rows and another way at each."""
    at = list(KINDS).index(kind) * 7 + step
    (n, d), (precision, batch, blocks) = SHAPES[at % len(SHAPES)], WAYS[at * 11 % len(WAYS)]
    return Case(kind, at, n, d, DTYPES[at % len(DTYPES)], precision, batch, blocks)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_answered_truly(kind: str) -> None:
    assert_nothing_is_wrong([dealt(kind, step) for step in range(5)])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_one_answer_in_every_precision(kind: str, precision: str) -> None:
    blocks = BLOCKS[list(KINDS).index(kind) % len(BLOCKS)]
    assert_nothing_is_wrong([Case(kind, 1, 300, 40, "float32", precision, 64, blocks)])


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "search"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_answered_truly_in_every_mode(kind: str, mode: str) -> None:
    step = MODES.index(mode)
    (n, d), (precision, _, blocks) = ((270, 6), (60, 20), (20, 2))[step % 3], WAYS[step * 13 % len(WAYS)]
    assert_nothing_is_wrong([Case(kind, step, n, d, "float32", precision, 7, blocks, mode)])


@pytest.mark.parametrize("around", SURROUNDINGS)
def test_nothing_that_a_caller_may_have_set_changes_an_answer_or_is_changed(around: str) -> None:
    kinds = (
        "simplex-of-whole-numbers",
        "lattice",
        "subnormal",
        "extreme-column-scales",
        "circle",
        "opposite-of-another",
        "magnitudes-of-1e-38",
        "ties-among-duplicates",
        "gaussian",
    )
    ways = zip(kinds, PRECISIONS * 3, BLOCKS + BLOCKS, MODES, strict=False)
    assert_nothing_is_wrong(
        [Case(kind, 5, 280, 12, "float32", p, 7, blocks, mode, around) for kind, p, blocks, mode in ways]
    )


@pytest.mark.parametrize("around", SURROUNDINGS)
def test_a_search_is_not_disturbed_by_an_earlier_one(around: str) -> None:
    """What an earlier search left behind, under settings that are no longer so, is of no consequence."""
    for at, precision in enumerate(PRECISIONS):
        n = 280 + 3 * SURROUNDINGS.index(around) + at  # as many rows as no search had before
        plain = Case("gaussian", 1, n, 12, "float32", precision, 7, "tiny")
        wrong_in(replace(plain, around=around))
        assert_nothing_is_wrong([plain])


def test_searches_in_several_threads_do_not_disturb_one_another() -> None:
    kinds = (
        "gaussian",
        "circle",
        "lattice",
        "opposite-of-another",
        "low-precision-overlap",
        "extreme-column-scales",
    )
    at_once = [
        [Case(kind, seed, 500, 40, "float32", PRECISIONS[(seed + at) % 3], 64, "tiny") for seed in range(3)]
        for at, kind in enumerate(kinds)
    ]
    with ThreadPoolExecutor(len(kinds)) as threads:
        list(threads.map(assert_nothing_is_wrong, at_once))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_may_lie_in_memory_in_any_way(layout: str) -> None:
    ways = [("gaussian", "float32"), ("lattice", "float64"), ("circle", "bfloat16")]
    assert_nothing_is_wrong(
        [
            Case(kind, 3, 270, 12, f"{dtype}-{layout}", "tf32", 64, "tiny", mode)
            for kind, dtype in ways
            for mode in ("search", "eccentricities")
        ]
    )


@pytest.mark.parametrize(
    "line",
    [
        "opposite-of-another/1/9000/64/float32/tf32/256/default/search/plain",
        "opposite-of-another/2/9000/64/float32/bfloat16/256/gpu/search/plain",
        "uniform-rounded-to-bfloat16/3/4000/48/bfloat16/bfloat16/256/square/search/plain",
        "extreme-column-scales/163/9000/128/float32/float32/0/default/search/plain",
        "extreme-column-scales/120/9000/128/float32/float32/0/default/search/plain",
        "extreme-column-scales/130/9000/128/float32/float32/0/default/search/plain",
        "opposite-of-another/893418/1025/96/float32/bfloat16/1/square/search/plain",
        "gap-below-the-screens-unit/34773/2048/2/float64/bfloat16/0/starved/search/plain",
        "low-precision-overlap/5/3000/40/float32/tf32/64/tiny/search/plain",
        "near-ties-across-batches/6/10000/16/float32/tf32/1000/gpu/search/plain",
    ],
)
def test_thousands_of_rows_are_answered_truly(line: str) -> None:
    assert_nothing_is_wrong([case_of(line)])


def test_fresh_seeds_find_nothing() -> None:
    """One case of each kind where no hours are asked for, else as many as there is time for."""
    seed = random.randrange(10**6) if HOURS else 11
    tally = Tally()
    end = time.monotonic() + 3600 * HOURS
    for at, case in enumerate(cases(seed, large=LARGE if HOURS else 0.0)):
        if at >= len(KINDS) and time.monotonic() > end:
            break
        hunt(case, tally)
    if HOURS and sys.__stderr__:
        sys.__stderr__.write(f"\nseed {seed}: {tally.words()}\n")
    assert not tally.failures, "\n".join(tally.failures)
