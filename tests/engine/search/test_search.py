"""What a search promises, on rows of every kind, compared with whole-number arithmetic on all pairs."""

import math
from collections.abc import Iterator

import pytest
import torch
from farpair.engine.events import BatchBound, BatchDone, PairFound, Progress
from farpair.engine.search.search import search
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import inputs
from support.answers import answer, assert_true
from support.any_rows import small_rows, smooth_rows
from support.reference import blocked_truth, exact_truth

FLOAT32_LARGEST = torch.finfo(torch.float32).max


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def float64_by_default() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_the_farthest_of_a_unit_square_are_its_diagonals_and_the_first_is_named() -> None:
    found = answer(torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]), batch=1)

    assert (found.pair.i, found.pair.j) == (0, 2)
    assert found.pair.distance == math.sqrt(2)
    assert found.pair.ties == 2
    assert (found.pair.runner_up, found.pair.runner_up_i, found.pair.runner_up_j) == (None, None, None)
    assert [(done.i, done.j, done.maximum) for done in found.done] == [
        (0, 2, math.sqrt(2)),
        (1, 3, math.sqrt(2)),
        (0, 2, math.sqrt(2)),
        (1, 3, math.sqrt(2)),
    ]


def test_a_unique_pair_has_a_runner_up_that_is_nearer() -> None:
    found = answer(torch.tensor([[0.0], [10.0], [1.0], [3.0]]))

    assert (found.pair.i, found.pair.j, found.pair.distance, found.pair.ties) == (0, 1, 10.0, 1)
    assert (found.pair.runner_up, found.pair.runner_up_i, found.pair.runner_up_j) == (9.0, 1, 2)


def test_two_rows_have_no_runner_up() -> None:
    found = answer(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))

    assert (found.pair.distance, found.pair.runner_up, found.pair.ties) == (5.0, None, 1)


def test_rows_that_are_all_equal_lie_0_apart_and_every_pair_ties() -> None:
    found = answer(torch.full((70, 3), 0.1), batch=32)

    assert (found.pair.i, found.pair.j, found.pair.distance, found.pair.error) == (0, 1, 0.0, 0.0)
    assert found.pair.ties == 70 * 69 // 2
    assert [(done.maximum, done.i, done.j) for done in found.done] == [(0.0, 0, 1), (0.0, 0, 32), (0.0, 0, 64)]


@pytest.mark.parametrize("batch", [1, 2, 7, 100, 256, 257, 100_000])
@pytest.mark.parametrize("exhaustive", [False, True])
def test_the_answer_is_the_same_truth_for_any_size_of_batch(batch: int, exhaustive: bool) -> None:
    rows = inputs.normal(257, 7).to(torch.float32)

    assert_true(answer(rows, batch, exhaustive=exhaustive), exact_truth(rows, batch))


@pytest.mark.parametrize("batch", [1, 3, 64])
@pytest.mark.parametrize("exhaustive", [False, True])
def test_copies_and_ties_are_named_and_counted_in_batches_of_any_size(batch: int, exhaustive: bool) -> None:
    rows = inputs.copies(inputs.integers(9, 3, 2), 90).to(torch.float32)

    assert_true(answer(rows, batch, exhaustive=exhaustive), exact_truth(rows, batch))


@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16, torch.float32])
def test_rows_of_a_narrow_dtype_have_the_answer_of_the_same_numbers_in_a_wider_one(narrow: torch.dtype) -> None:
    rows = inputs.vocabulary(500, 24).to(narrow)
    truth = exact_truth(rows, 64)
    wider = [dtype for dtype in (torch.float32, torch.float64) if dtype != narrow]
    found = [answer(rows.to(dtype), 64) for dtype in (narrow, *wider)]

    for one in found:
        assert_true(one, truth)
        assert one.named == found[0].named


def test_float64_rows_are_not_narrowed() -> None:
    """As float32 all of these rows are one."""
    rows = 1 + 2.0**-45 * inputs.integers(120, 5, 7)

    assert len(rows.float().unique(dim=0)) == 1  # type: ignore[no-untyped-call]
    found = answer(rows)
    assert_true(found, exact_truth(rows, 256))
    assert found.pair.distance > 0


@pytest.mark.parametrize("name", ["vocabulary", "sphere in three dimensions", "opposite clouds"])
@pytest.mark.usefixtures("threads")
def test_the_answer_does_not_depend_on_the_number_of_threads(name: str) -> None:
    rows = inputs.NEAR_TIES[name]()[:2500]
    found = []
    for count in (1, 2):
        torch.set_num_threads(count)
        found.append(answer(rows))

    assert found[0].named == found[1].named
    assert found[0].pair.evaluated == found[1].pair.evaluated


@pytest.mark.parametrize("name", ["normal", "vocabulary on a sphere", "cluster"])
def test_exhaustive_evaluates_every_pair_and_finds_the_same(name: str) -> None:
    rows = inputs.NEAR_TIES[name]()
    pruned, all_pairs = answer(rows), answer(rows, exhaustive=True)

    assert pruned.named == all_pairs.named
    assert all_pairs.pair.evaluated == all_pairs.pair.pairs
    assert {done.settled for done in all_pairs.done} == {"exhaustive"}


def test_a_cluster_is_settled_with_a_small_part_of_its_pairs_evaluated() -> None:
    pair = answer(inputs.cluster(2248, 256).to(torch.float32)).pair

    assert pair.evaluated < 0.05 * pair.pairs


def test_rows_need_not_lie_next_to_one_another_in_memory() -> None:
    table = inputs.normal(30, 260).to(torch.float32)
    truth = exact_truth(table.T, 64)

    assert_true(answer(table.T, 64), truth)
    assert_true(answer(torch.cat([table.T, table.T], dim=1)[:, :30], 64), truth)


def test_rows_that_ask_for_a_gradient_are_searched_as_any_others() -> None:
    rows = inputs.vocabulary(2300, 64).to(torch.float32)
    steps = list(search(rows.clone().requires_grad_()))

    assert isinstance(steps[-1], PairFound)
    assert (steps[-1].i, steps[-1].j) == (answer(rows).pair.i, answer(rows).pair.j)


@pytest.mark.usefixtures("float64_by_default")
def test_torchs_default_dtype_changes_nothing() -> None:
    rows = inputs.vocabulary(2300, 64).to(torch.float32)
    found = answer(rows)
    torch.set_default_dtype(torch.float32)

    assert found.named == answer(rows).named


def test_torchs_random_numbers_are_left_as_they_were() -> None:
    before = torch.get_rng_state()
    answer(inputs.vocabulary(2300, 64).to(torch.float32))

    assert torch.equal(torch.get_rng_state(), before)


def test_every_batch_has_a_lower_bound_before_the_first_is_done() -> None:
    events = answer(inputs.normal(1500, 32).to(torch.float32)).events
    first_done = next(at for at, event in enumerate(events) if isinstance(event, BatchDone))

    assert {event.batch for event in events[:first_done] if isinstance(event, BatchBound)} == set(range(6))


def test_batches_are_done_strip_by_strip_and_not_all_at_the_end() -> None:
    events = answer(inputs.on_sphere(9_000, 16).to(torch.float32)).events
    settled = 0
    done_at = list[int]()
    for event in events:
        if isinstance(event, Progress):
            settled = event.settled
        elif isinstance(event, BatchDone):
            done_at.append(settled)

    pair = events[-1]
    assert isinstance(pair, PairFound)
    assert done_at[0] < 0.8 * pair.pairs
    assert len(set(done_at)) > 1


def test_a_search_can_be_closed_after_any_event() -> None:
    rows = inputs.vocabulary(2300, 64).to(torch.float32)
    for taken in (0, 1, 2, 5, 12, 25):
        steps = search(rows)
        for _ in range(taken):
            next(steps, None)
        steps.close()

        assert list(steps) == []


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(small_rows(), st.integers(1, 50), st.booleans(), st.booleans())
def test_of_any_few_rows_with_ties_and_copies_the_answer_is_exact(
    rows: torch.Tensor, batch: int, exhaustive: bool, walk: bool
) -> None:
    assert_true(answer(rows, batch, exhaustive=exhaustive, walk=walk), exact_truth(rows, batch))


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(smooth_rows(), st.integers(1, 50), st.booleans(), st.booleans())
def test_of_rows_of_any_scale_and_offset_the_answer_is_exact(
    rows: torch.Tensor, batch: int, exhaustive: bool, walk: bool
) -> None:
    assert_true(answer(rows, batch, exhaustive=exhaustive, walk=walk), exact_truth(rows, batch))


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(2, 500),
    d=st.integers(1, 5),
    below=st.integers(1, 9),
    distinct=st.integers(1, 400),
    batch=st.integers(1, 300),
    unit=st.sampled_from([1.0, 0.1, 2.0**-149, 1e37]),
    dtype=st.sampled_from([torch.float32, torch.float64]),
)
def test_of_points_on_a_grid_every_tie_is_counted(
    n: int, d: int, below: int, distinct: int, batch: int, unit: float, dtype: torch.dtype
) -> None:
    rows = (unit * inputs.copies(inputs.integers(min(distinct, n), d, below, n), n)).to(dtype)

    assert_true(answer(rows, batch), exact_truth(rows, batch))


@settings(max_examples=15, deadline=None)
@given(
    n=st.integers(2, 2500),
    d=st.integers(24, 80),
    seed=st.integers(0, 2**32),
    fewer=st.sampled_from([1, 1, 2, 3, 10]),
    batch=st.sampled_from([1, 100, 256]),
    scale=st.sampled_from([1.0, 2.0**-40, 2.0**70]),
    dtype=st.sampled_from([torch.float32, torch.float64, torch.bfloat16]),
)
def test_of_vocabularies_with_and_without_copies_the_answer_is_true(
    n: int, d: int, seed: int, fewer: int, batch: int, scale: float, dtype: torch.dtype
) -> None:
    distinct = inputs.vocabulary(-(-n // fewer), d, seed)
    rows = (scale * (distinct if fewer == 1 else inputs.copies(distinct, n, seed))).to(dtype)

    assert_true(answer(rows, batch), blocked_truth(rows, batch))
