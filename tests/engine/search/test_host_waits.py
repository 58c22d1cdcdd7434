"""How often the host waits for a device: a fixed number of times a tile, whatever the tile's size and the rows."""

from dataclasses import replace

import pytest
import torch
from farpair.engine import device as devices
from farpair.engine.events import Progress
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.block_sizes import blocks_for
from farpair.engine.search.search import search_here
from support import inputs
from support.other_device import DEVICE, Present

A_TILE = 18  # waits: four products of a diagonal tile, what they leave, and its evaluation
A_SEARCH = 130  # centring, pivots, levels, the certificate; and, of rows that tie by the million, float64 tiles
ROWS = {
    "normal": lambda n: inputs.normal(n, 64),
    "sphere": lambda n: inputs.on_sphere(n, 36),
    "unit length": lambda n: torch.nn.functional.normalize(inputs.vocabulary(n, 160)),
    "circle": lambda n: inputs.circle(n),
    "one-hot": lambda n: torch.eye(n // 5),
    "copies": lambda n: inputs.copies(inputs.normal(700, 64), n),
}


def waits_and_tiles(rows: torch.Tensor, precision: str, tile_rows: int) -> tuple[int, int]:
    """How often the host waits in a search of rows (n, d), and for how many tiles."""
    n, d = rows.shape
    blocks = replace(blocks_for(rows.device, n, d), strip=1024, tile_rows=tile_rows, tile_columns=1024, few=0)
    with Present() as device:
        events = list(search_here(rows.to(DEVICE), RunSettings(precision=precision), blocks=blocks))
    return sum(device.waits.values()), sum(isinstance(event, Progress) for event in events)


@pytest.mark.parametrize(("precision", "tile_rows"), [("float32", 256), ("float32", 1024), ("bfloat16", 512)])
@pytest.mark.parametrize("name", ROWS)
def test_the_host_waits_a_fixed_number_of_times_a_tile_at_most(
    name: str, precision: str, tile_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "WITHOUT_FLOAT64", {DEVICE.type})
    waits, tiles = waits_and_tiles(ROWS[name](2_500).float(), precision, tile_rows)

    assert waits <= A_TILE * tiles + A_SEARCH


def test_each_way_of_waiting_is_counted() -> None:
    with Present() as device:
        there = torch.arange(4.0).to(DEVICE)
        assert device.waits.total() == 1
        there.cpu()
        there.sum().item()
        bool((there > 1).any())
        there.nonzero()
        there[there > 1]
        there[torch.tensor([1])]
        there.copy_(torch.zeros(4))

    assert device.waits.total() == 8
