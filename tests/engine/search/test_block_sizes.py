"""Block sizes suit the device and stay within the memory."""

import pytest
import torch
from farpair.engine.search.block_sizes import Blocks, blocks_for

MIB, GIB = 2**20, 2**30
DEVICES = ["cpu", "cuda", "cuda:1", "mps", "xpu"]
SHAPES = [(2, 1), (300, 8), (2_248, 2_560), (30_522, 384), (151_936, 2_560), (1_000_000, 16)]


def sizes(name: str, n: int, d: int, free: int, memory: int = 0) -> Blocks:
    return blocks_for(torch.device(name), n, d, memory, free=lambda _: free)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", DEVICES)
def test_half_of_the_free_memory_is_enough_for_any_device(name: str, shape: tuple[int, int]) -> None:
    n, d = shape
    for free in (4 * GIB, 16 * GIB, 80 * GIB):
        rows = 0 if name == "cpu" else 4 * n * d
        assert sizes(name, n, d, free).bytes(n, d) <= (free - rows) // 2


@pytest.mark.parametrize("name", DEVICES)
def test_the_device_is_asked_for_its_own_free_memory(name: str) -> None:
    asked = list[torch.device]()

    def free(device: torch.device) -> int:
        asked.append(device)
        return GIB

    blocks_for(torch.device(name), 1000, 64, free=free)

    assert asked == [torch.device(name)]


def test_a_gpu_is_given_larger_tiles_than_a_cpu() -> None:
    cpu, gpu = (sizes(name, 151_936, 2_560, 60 * GIB) for name in ("cpu", "cuda"))

    assert gpu.tile_rows * gpu.tile_columns > 16 * cpu.tile_rows * cpu.tile_columns
    assert gpu.strip > cpu.strip


@pytest.mark.parametrize("name", ["cuda", "xpu", "mps"])
def test_a_device_with_little_memory_left_is_given_smaller_tiles(name: str) -> None:
    roomy, narrow = (sizes(name, 30_522, 384, free) for free in (24 * GIB, 300 * MIB))

    assert narrow.bytes(30_522, 384) < roomy.bytes(30_522, 384)
    assert narrow.tile_columns < roomy.tile_columns


@pytest.mark.parametrize("name", DEVICES)
def test_a_budget_is_kept_whatever_is_free(name: str) -> None:
    for free in (1 * GIB, 80 * GIB):
        assert sizes(name, 30_522, 384, free, memory=100 * MIB).bytes(30_522, 384) <= 100 * MIB


def test_the_smallest_tiles_are_used_where_nothing_is_free() -> None:
    assert sizes("cuda", 30_522, 384, free=0).strip >= 1


@pytest.mark.parametrize("shape", SHAPES[1:4])
def test_what_is_reserved_is_most_of_what_is_stated(shape: tuple[int, int]) -> None:
    blocks = sizes("cpu", *shape, free=16 * GIB)
    reserved = 4 * sum(rows * length for rows, length in blocks.reserved(*shape).values())

    assert reserved <= blocks.bytes(*shape) <= 1.3 * reserved + 6 * MIB


def test_a_tile_whose_columns_are_no_multiple_of_its_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="100 columns of a tile are no multiple of its 64 rows"):
        Blocks(pivots=4, strip=100, tile_rows=64, tile_columns=100, float64_tile=64, projected=0)


@pytest.mark.parametrize("rows", [1, 3, 25, 1024])
def test_tiles_of_every_height_part_the_columns(rows: int) -> None:
    blocks = Blocks(pivots=4, strip=3 * rows, tile_rows=rows, tile_columns=3 * rows, float64_tile=64, projected=0)

    for projected in (False, True):
        for in_reach in (torch.full((2_000,), 2_000), torch.arange(2_000, 0, -1)):
            assert blocks.tile_columns % blocks.tile_height(in_reach, projected) == 0


def test_tiles_are_high_where_every_row_reaches_as_far_and_no_narrower_level_comes_first() -> None:
    blocks = sizes("cpu", 20_000, 2_560, free=GIB)
    all_of_them, fewer_and_fewer = torch.full((4_096,), 4_096), torch.arange(4_096, 0, -1)

    assert blocks.tile_height(all_of_them, projected=False) == blocks.tile_rows
    assert blocks.tile_height(all_of_them, projected=True) == blocks.tile_rows // 2
    assert blocks.tile_height(fewer_and_fewer, projected=False) == blocks.tile_rows // 2
