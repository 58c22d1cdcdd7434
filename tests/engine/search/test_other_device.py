"""The search on a device that is not the CPU and has no float64: the same answer, by the same path."""

import pytest
import torch
from farpair.engine import device as devices
from farpair.engine.device import float64_device
from farpair.engine.events import BatchDone, PairFound
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.search import search_here
from support import inputs
from support.answers import answer
from support.other_device import DEVICE, Present

ROWS = {
    "vocabulary": lambda: inputs.vocabulary(4000, 128).float(),
    "normal": lambda: inputs.normal(1500, 64).float(),
    "cluster": lambda: inputs.cluster(1100, 256).float(),
    "one-hot": lambda: torch.eye(400),
    "sphere": lambda: inputs.on_sphere(900, 12).float(),
    "copies": lambda: inputs.copies(inputs.normal(13, 20), 500).float(),
    "all equal": lambda: torch.ones(300, 5),
    "magnitudes of 1e-38": lambda: (inputs.normal(400, 20) * 1e-38).float(),
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ROWS)
def test_a_device_without_float64_finds_the_same_pair_and_has_the_cpu_verify_it(
    name: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = ROWS[name]()
    expected = answer(rows)
    monkeypatch.setattr(devices, "WITHOUT_FLOAT64", {DEVICE.type})
    with Present() as device:
        events = list(search_here(rows.to(DEVICE), RunSettings(memory=64 << 20, precision=precision)))

    found = events[-1]
    assert isinstance(found, PairFound)
    maxima = sorted((done.batch, done.maximum, done.i, done.j) for done in events if isinstance(done, BatchDone))
    assert maxima == [(done.batch, done.maximum, done.i, done.j) for done in expected.done]
    assert (found.i, found.j, found.distance, found.ties, found.runner_up) == (
        expected.pair.i,
        expected.pair.j,
        expected.pair.distance,
        expected.pair.ties,
        expected.pair.runner_up,
    )
    assert device.products > 0


def test_the_device_of_these_tests_is_as_strict_as_one_without_float64() -> None:
    with Present():
        there = torch.ones(3).to(DEVICE)
        with pytest.raises(TypeError, match="no float64"):
            there.to(torch.float64)
        with pytest.raises(RuntimeError, match="same device"):
            there + torch.ones(3)
        assert torch.equal((there + 1).cpu(), torch.full((3,), 2.0))


def test_float64_is_the_cpus_where_a_device_has_none() -> None:
    assert float64_device(torch.device("mps")) == torch.device("cpu")
    for name in ("cpu", "cuda:1", "xpu"):
        assert float64_device(torch.device(name)) == torch.device(name)
