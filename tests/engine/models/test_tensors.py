"""Rows are read in order, once, and reading stays safe when somebody writes to the file meanwhile."""

import os
from collections import deque
from pathlib import Path

import pytest
import torch
from farpair.engine.errors import InputError
from farpair.engine.models.tensors import READ_AT_ONCE, StoredTensors, neighbours
from hypothesis import given
from hypothesis import strategies as st
from support.fixtures import write_sparse

WIDTH = 2_560


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """W (8000, 2560) float32, ten times what is read at once."""
    assert 8_000 * WIDTH * 4 > 9 * READ_AT_ONCE
    write_sparse(tmp_path / "W.safetensors", torch.tensor([7_999]), torch.ones(1, WIDTH), 8_000)
    return tmp_path / "W.safetensors"


def test_blocks_are_all_the_rows_asked_for_in_order(path: Path) -> None:
    with StoredTensors(path) as stored:
        blocks = stored.row_blocks("W", range(8_000))
        sums = [(first, len(block), block.sum().item()) for first, block, _ in blocks]
    firsts, lengths, totals = zip(*sums, strict=True)
    assert firsts == tuple(sum(lengths[:k]) for k in range(len(lengths)))
    assert sum(lengths) == 8_000
    assert totals == (0.0,) * (len(sums) - 1) + (float(WIDTH),)


def test_a_file_cut_short_while_it_is_read_is_refused(path: Path) -> None:
    with StoredTensors(path) as stored:
        blocks = stored.row_blocks("W", range(8_000))
        next(blocks)
        os.truncate(path, 100_000)
        with pytest.raises(InputError, match="became shorter while it was being read"):
            next(blocks)


def test_a_file_written_to_while_it_is_read_is_refused(path: Path) -> None:
    with StoredTensors(path) as stored:
        blocks = stored.row_blocks("W", range(8_000))
        next(blocks)
        os.utime(path, ns=(0, 0))  # as a write would, but on any file system's clock
        with pytest.raises(InputError, match="was written to while it was being read"):
            deque(blocks)


@given(st.sets(st.integers(0, 60)))
def test_neighbours_are_the_runs_of_consecutive_numbers(numbers: set[int]) -> None:
    ids = sorted(numbers)
    runs = list(neighbours(ids))
    assert [id for begin, end in runs for id in ids[begin:end]] == ids
    assert all(ids[end - 1] - ids[begin] == end - 1 - begin for begin, end in runs)
    assert all(ids[end] > ids[end - 1] + 1 for _, end in runs[:-1])
