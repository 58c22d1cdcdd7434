"""Rows made so that searches go wrong: masses of ties, near-ties beneath float32, cancellation, any range."""

from fractions import Fraction

import pytest
import torch
from farpair.engine.search.block_sizes import Blocks
from support import inputs
from support.answers import answer, assert_true
from support.reference import Farthest, Truth, blocked_truth, exact_truth, notebook_loop


@pytest.mark.parametrize("name", inputs.NEAR_TIES)
def test_near_ties_are_told_apart(name: str) -> None:
    rows = inputs.NEAR_TIES[name]()

    assert_true(answer(rows), blocked_truth(rows, 256))


@pytest.mark.parametrize("name", inputs.TIES)
def test_ties_are_counted_and_the_first_is_named(name: str) -> None:
    rows = inputs.TIES[name]()
    truth = exact_truth(rows, 100)

    assert_true(answer(rows, 100), truth)
    assert_true(answer(rows, 100, exhaustive=True), truth)


def all_tied(n: int, batch: int, square: Fraction) -> Truth:
    """The truth about n rows that all lie equally far apart."""
    batches = tuple(Farthest(square, 0, max(1, start)) for start in range(0, n, batch))
    return Truth(batches, Farthest(square, 0, 1), n * (n - 1) // 2, Farthest(square, 0, 2))


def test_of_2048_one_hot_rows_all_two_million_pairs_tie() -> None:
    assert_true(answer(torch.eye(2048)), all_tied(2048, 256, Fraction(2)))


@pytest.mark.parametrize(("n", "dtype"), [(1024, torch.float32), (300, torch.float64)])
def test_one_hot_rows_tie_though_their_squares_are_rounded(n: int, dtype: torch.dtype) -> None:
    rows = 0.1 * torch.eye(n, dtype=dtype)

    assert_true(answer(rows), all_tied(n, 256, 2 * Fraction(float(rows[0, 0])) ** 2))


def test_one_pair_of_a_million_ties_is_an_ulp_farther() -> None:
    rows = torch.eye(1500)
    rows[700, 3] = -(2.0**-20)
    found = answer(rows)

    assert (found.pair.i, found.pair.j, found.pair.ties) == (3, 700, 1)
    assert (found.done[2].i, found.done[2].j) == (3, 700)
    assert found.pair.runner_up is not None
    assert found.pair.runner_up < found.pair.distance


def test_the_farthest_pair_of_a_hypercube_with_all_its_corners_is_each_corner_and_its_opposite() -> None:
    corners = torch.tensor([[(k >> bit) & 1 for bit in range(11)] for k in range(2048)], dtype=torch.float32)
    found = answer(corners)

    assert (found.pair.i, found.pair.j, found.pair.ties) == (0, 2047, 1024)
    assert found.pair.distance == pytest.approx(11**0.5, rel=1e-15)
    assert [(done.i, done.j) for done in found.done] == [
        (start, 2047 - start) if start < 1024 else (2047 - start - 255, start + 255)
        for start in range(0, 2048, 256)
    ]


def test_ties_across_copies_are_counted_by_rows_not_by_distinct_rows() -> None:
    """Rows 7 and 900, 40 and 3 times over: 120 pairs."""
    rows = 0.01 * inputs.normal(1000, 32).to(torch.float32)
    far, other = torch.arange(7, 400, 10)[:40], torch.tensor([900, 950, 999])
    rows[far], rows[other] = inputs.normal(1, 32, 1).float(), -inputs.normal(1, 32, 1).float()
    found = answer(rows)

    assert (found.pair.i, found.pair.j, found.pair.ties) == (7, 900, 120)
    assert_true(found, blocked_truth(rows, 256))


@pytest.mark.parametrize("n", [255, 256, 257, 511, 513, 1024, 1025, 2047, 2049, 4097])
def test_no_size_of_tile_or_strip_loses_a_pair_at_its_edge(n: int) -> None:
    """The farthest pair is the last two rows, and every batch's farthest partner the last row."""
    rows = inputs.on_sphere(n, 4).to(torch.float32)
    rows[-1] = torch.tensor([9.0, 0, 0, 0])
    rows[-2] = torch.tensor([-9.0, 0, 0, 0])

    assert_true(answer(rows), blocked_truth(rows, 256))


@pytest.mark.parametrize("height", [25, 64, 250, 256])
def test_no_height_of_tile_takes_a_pair_twice_or_loses_one(height: int) -> None:
    """Rows for which levels pay, in tiles of even and of odd heights."""
    directions = torch.arange(1, 97, dtype=torch.float64).rsqrt()
    rows = torch.nn.functional.normalize(inputs.normal(3_000, 96) * directions).to(torch.float32)
    blocks = Blocks(4, strip=6 * height, tile_rows=height, tile_columns=3 * height, float64_tile=64, projected=24)
    found = answer(rows, blocks=blocks)

    assert found.pair.evaluated < 0.05 * found.pair.pairs
    assert_true(found, blocked_truth(rows, 256))


def test_a_tile_of_which_many_pairs_look_needed_and_none_is() -> None:
    """Rows about the centre need little, those on the sphere much, and in a tile of these no pair has that."""
    rows = inputs.on_sphere(1_026, 256)
    rows[:256] *= 0.3
    rows[-2:] = 0.0
    rows[-2, 0], rows[-1, 0] = 1.2, -1.2
    blocks = Blocks(4, strip=1_024, tile_rows=256, tile_columns=1_024, float64_tile=64, projected=0, few=0)
    rows = rows.to(torch.float32)

    assert_true(answer(rows, blocks=blocks), blocked_truth(rows, 256))


SEEDS = range(6)


def largest_by_cdist(rows: torch.Tensor, mode: str) -> tuple[int, int]:
    flat = int(torch.cdist(rows, rows, compute_mode=mode).argmax())
    i, j = divmod(flat, len(rows))
    return min(i, j), max(i, j)


@pytest.mark.parametrize("name", ["the notebook's loop", "torch.cdist by differences", "torch.cdist by products"])
def test_where_float32_names_the_wrong_pair_the_search_names_the_right_one(name: str) -> None:
    wrong = 0
    for seed in SEEDS:
        rows = inputs.near_ties(300, 128, seed)
        truth = blocked_truth(rows, 256)
        if name == "the notebook's loop":
            named = notebook_loop(rows)[2:]
        elif name == "torch.cdist by differences":
            named = largest_by_cdist(rows, "donot_use_mm_for_euclid_dist")
        else:
            named = largest_by_cdist(rows, "use_mm_for_euclid_dist")
        wrong += set(named) != {truth.pair.i, truth.pair.j}
        assert_true(answer(rows), truth)

    assert wrong >= len(SEEDS) // 2, "these rows are no harder for float32 than others"


def test_where_cdist_loses_every_digit_far_from_the_origin_the_search_loses_none() -> None:
    rows = inputs.far_from_origin(300, 128)
    truth = blocked_truth(rows, 256)
    true = float(truth.pair.square) ** 0.5
    by_products = float(torch.cdist(rows, rows, compute_mode="use_mm_for_euclid_dist").max())

    assert abs(by_products - true) > 0.5 * true
    assert_true(answer(rows), truth)


def test_what_float32_rounds_to_one_distance_is_told_apart_to_the_last_pair() -> None:
    """300 distances from row 0, the k-th greater than the one before by less than float32 can hold."""
    rows = torch.zeros(300, 2, dtype=torch.float64)
    rows[1:, 0] = 1.0
    rows[1:, 1] = 2.0**-20 * torch.randperm(299, generator=torch.Generator().manual_seed(3))
    rows = rows.to(torch.float32)
    farthest = int(rows[:, 1].argmax())
    found = answer(rows, batch=1)

    assert (found.pair.i, found.pair.j, found.pair.ties) == (0, farthest, 1)
    assert_true(found, exact_truth(rows, 1))


def test_a_column_of_huge_equal_numbers_does_not_hide_small_differences() -> None:
    rows = torch.tensor([[1.3179e51, 0.0], [1.3179e51, 1.0], [1.3179e51, 1.0]], dtype=torch.float64)

    assert_true(answer(rows, 1), exact_truth(rows, 1))


@pytest.mark.parametrize("deceived", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_whose_first_columns_show_or_hide_which_lie_far_out(deceived: bool, dtype: torch.dtype) -> None:
    rows = inputs.cluster(700, 320).to(dtype)
    centre = rows.median(dim=0).values
    if deceived:
        by_radius = (rows - centre).norm(dim=1).argsort(descending=True)
        rows[by_radius[:3], :40] = centre[:40]
        rows[by_radius[100:108], :4] += 10 * (rows[by_radius[8]] - centre).norm()

    assert_true(answer(rows, 64), blocked_truth(rows, 64))


def test_that_there_are_many_batches_is_no_reason_to_evaluate_every_pair_with_a_pivot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each batch has a pair with a pivot that matters; millions of rows in batches of 256 took no end so."""
    multiply, in_float64 = torch.mm, list[int]()

    def mm(left: torch.Tensor, right: torch.Tensor, *, out: torch.Tensor | None = None) -> torch.Tensor:
        if left.dtype == torch.float64:
            in_float64.append(len(left) * right.shape[1])
        return multiply(left, right, out=out)

    rows = inputs.normal(24_000, 2).float()
    monkeypatch.setattr(torch, "mm", mm)
    found = answer(rows, batch=2)

    assert len(found.done) == 12_000
    assert sum(in_float64) < len(rows)
