"""Every precision on the device, held against the truth in float64 and against the CPU's own answer."""

import pytest
import torch
from farpair.engine.api import analyse, eccentricities, farthest_pairs
from farpair.engine.events import PairFound
from farpair.engine.run_settings import AUTO, PRECISIONS, RunSettings
from farpair.engine.search.block_sizes import Blocks, blocks_for
from farpair.engine.search.int8 import is_exact
from farpair.engine.search.precision import choose_precision, confirms
from farpair.engine.search.search import search
from support import inputs
from support.answers import Answer, answer, assert_true
from support.reference import blocked_truth, exact_truth

FREE = 40 << 30  # bytes of a GPU, where its block sizes are tried on a CPU
PRECISION = pytest.mark.parametrize("precision", PRECISIONS)
LARGE = {
    "vocabulary": lambda: inputs.vocabulary(24_000, 128).float(),
    "unit length": lambda: torch.nn.functional.normalize(inputs.vocabulary(9_000, 160)).float(),
    "normal": lambda: inputs.normal(9_000, 64).float(),
    "sphere": lambda: inputs.on_sphere(9_000, 24).float(),
    "cluster": lambda: inputs.cluster(9_000, 128).float(),
    "copies": lambda: inputs.copies(inputs.vocabulary(700, 96), 9_000).bfloat16(),
}


def blocks_of_a_gpu(rows: torch.Tensor) -> Blocks:
    """How a GPU goes about rows (n, d), tiles of 8,192 rows, whatever device they are on."""
    n, d = rows.shape
    return blocks_for(torch.device("cuda"), n, d, free=lambda _: FREE)


def found_on(device: torch.device, rows: torch.Tensor, precision: str, batch: int = 256) -> Answer:
    """The search's answer on the device, about the CPU's rows."""
    found = answer(rows.to(device), batch, precision=precision, blocks=blocks_of_a_gpu(rows))
    return Answer(rows, batch, found.events, found.pair)


@PRECISION
def test_a_precision_keeps_its_bound_and_so_is_the_one_that_is_used(device: torch.device, precision: str) -> None:
    chosen = choose_precision(RunSettings(precision=precision), device)

    assert confirms(chosen.precision, device)
    if precision == "int8":
        assert chosen.int8 == (device.type == "cpu" and is_exact(device))
    elif precision != AUTO:
        assert chosen.name == precision


@PRECISION
@pytest.mark.parametrize("name", inputs.NEAR_TIES)
def test_near_ties_have_the_true_answer(device: torch.device, name: str, precision: str) -> None:
    rows = inputs.NEAR_TIES[name]()

    assert_true(found_on(device, rows, precision), blocked_truth(rows, 256))


@PRECISION
@pytest.mark.parametrize("name", inputs.TIES)
def test_ties_have_the_true_answer(device: torch.device, name: str, precision: str) -> None:
    rows = inputs.TIES[name]()

    assert_true(found_on(device, rows, precision, 100), exact_truth(rows, 100))


@PRECISION
@pytest.mark.parametrize("name", LARGE)
def test_the_pair_the_ties_and_every_batch_are_the_cpus(device: torch.device, name: str, precision: str) -> None:
    rows = LARGE[name]()

    assert found_on(device, rows, precision).named == answer(rows, precision="float32").named


def test_the_cpus_rows_are_searched_on_the_device_that_is_asked_for(device: torch.device) -> None:
    rows = inputs.vocabulary(3_000, 64).float()
    *_, found = search(rows, RunSettings(device=str(device)))

    assert isinstance(found, PairFound)
    assert found.distance == answer(rows).pair.distance


def test_the_library_gives_what_it_gives_for_the_cpus_rows(device: torch.device) -> None:
    rows = inputs.cluster(1_200, 64).float()
    there = rows.to(device)

    assert farthest_pairs(there, k=12) == farthest_pairs(rows, k=12)
    assert torch.equal(eccentricities(there).partner, eccentricities(rows).partner)
    assert analyse(there).pair.distance == analyse(rows).pair.distance


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_no_setting_of_the_caller_changes_the_answer(device: torch.device, precision: str) -> None:
    rows = inputs.near_ties(600, 256)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision(precision)
        with torch.autocast(device.type, torch.bfloat16), torch.inference_mode():
            found = found_on(device, rows, "float32")
    finally:
        torch.set_float32_matmul_precision(before)

    assert_true(found, blocked_truth(rows, 256))
