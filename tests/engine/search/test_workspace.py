"""The memory that a search shares among its tiles: slots never overlap, and know when they are overwritten."""

import pytest
import torch
from farpair.engine.errors import ProofError
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.block_sizes import blocks_for
from farpair.engine.search.centered_rows import center_rows
from farpair.engine.search.precision import FLOAT32, choose_precision
from farpair.engine.search.screening_levels import Factors, full_level
from farpair.engine.search.workspace import Workspace
from hypothesis import given
from hypothesis import strategies as st

CPU = torch.device("cpu")
PRECISIONS = [
    choose_precision(RunSettings(precision=name), CPU).precision for name in ("float32", "tf32", "bfloat16")
]


def reserved(**shapes: tuple[int, int]) -> Workspace:
    workspace = Workspace(CPU)
    workspace.reserve(shapes)
    return workspace


@given(
    heights=st.lists(st.integers(1, 9), min_size=5, max_size=12),
    widths=st.lists(st.integers(1, 40), min_size=12, max_size=12),
    dtypes=st.lists(st.sampled_from([torch.float32, torch.bfloat16]), min_size=12, max_size=12),
)
def test_what_is_placed_in_different_rows_never_overlaps_whatever_its_width(
    heights: list[int], widths: list[int], dtypes: list[torch.dtype]
) -> None:
    workspace = reserved(left=(sum(heights), 40), right=(3, 7))
    starts = [sum(heights[:at]) for at in range(len(heights))]
    slots = [
        workspace.slot("left", height, width, first, dtype)
        for height, width, first, dtype in zip(heights, widths, starts, dtypes, strict=False)
    ]
    for value, slot in enumerate(slots):
        slot.tensor.fill_(value)

    assert all(slot.held for slot in slots)
    assert [set(slot.checked().flatten().tolist()) for slot in slots] == [{float(at)} for at in range(len(slots))]


def test_what_lay_in_rows_that_are_taken_again_is_no_longer_held() -> None:
    workspace = reserved(left=(10, 8), right=(10, 8))
    first, second = workspace.slot("left", 4, 8), workspace.slot("left", 4, 3, first=4)
    other = workspace.slot("right", 10, 8)
    third = workspace.slot("left", 2, 1, first=3)

    assert [slot.held for slot in (first, second, other, third)] == [False, False, True, True]
    with pytest.raises(ProofError, match="overwritten"):
        first.checked()


def test_scratch_ends_all_parts_and_any_part_ends_scratch() -> None:
    workspace = reserved(left=(10, 8), product=(4, 4))
    slot = workspace.slot("left", 4, 8)
    scratch = workspace.scratch(5, 16)

    assert scratch.held
    assert not slot.held
    workspace.block("product", 2, 8)
    assert not scratch.held


def test_nothing_is_held_after_memory_is_reserved_anew_or_left() -> None:
    workspace = reserved(left=(10, 8))
    slot = workspace.slot("left", 4, 8)
    workspace.reserve({"left": (10, 8)})
    again = workspace.slot("left", 4, 8)
    workspace.leave()

    assert not slot.held
    assert not again.held


@pytest.mark.parametrize(("rows", "columns", "first"), [(11, 1, 0), (1, 9, 0), (4, 8, 7)])
def test_what_a_part_has_no_room_for_is_refused(rows: int, columns: int, first: int) -> None:
    with pytest.raises(ProofError, match="no room"):
        reserved(left=(10, 8)).slot("left", rows, columns, first)


def test_memory_is_left_to_the_next_search_of_the_same_size_alone() -> None:
    Workspace.empty()
    first = reserved(left=(10, 8))
    place = first.slot("left", 1, 1).tensor.data_ptr()
    first.leave()
    second, third = reserved(left=(10, 8)), reserved(left=(10, 8))

    assert second.slot("left", 1, 1).tensor.data_ptr() == place
    assert third.slot("left", 1, 1).tensor.data_ptr() != place


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda precision: precision.name)
@pytest.mark.parametrize("height", [1, 7, 64])
def test_the_factors_of_many_tiles_are_their_own_after_any_tile_falls_back_to_float32(
    precision: object, height: int
) -> None:
    """The fault: one tile's factors for float32, narrower than the others, were placed amid its neighbour's."""
    n, d = 600, 29
    centered = center_rows(torch.randn(n, d, generator=torch.Generator().manual_seed(0)))
    workspace = Workspace(CPU)
    workspace.reserve(blocks_for(CPU, n, d).reserved(n, d))
    levels = [full_level(centered, one) for one in dict.fromkeys((precision, FLOAT32))]  # type: ignore[arg-type]
    starts = range(0, 9 * height, height)
    tiles = [
        Factors(torch.arange(start, start + height), "left", workspace, start + start // height)
        for start in starts
    ]
    alone = [[Factors(tile.rows, "left").at(level) for level in levels] for tile in tiles]
    for tile in tiles:
        tile.at(levels[0])
    tiles[1].at(levels[-1])
    tiles[5].at(levels[-1])

    for at in reversed(range(len(levels))):
        for tile, expected in zip(tiles, alone, strict=True):
            assert torch.equal(tile.at(levels[at]), expected[at])
