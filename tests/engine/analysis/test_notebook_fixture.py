"""The fixture has the published numbers: each is measured again in float64, straight from the files."""

import math
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from support import notebook_geometry as published
from support.fixtures import MASK_FILE, build_notebook_model
from support.notebook_numbers import BATCH_MAXIMA, DISTANCE_IJ

CLOSE = 2e-7


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_notebook_model(tmp_path_factory.mktemp("tensors") / "Qwen3-4B-Instruct-2507")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / MASK_FILE)


@pytest.fixture(scope="module")
def rows(folder: Path, cluster: dict[str, torch.Tensor]) -> torch.Tensor:
    """(2248, 2560) float64, by safetensors' own reader and the ids in the file."""
    with safe_open(folder / "W.safetensors", framework="pt") as file:
        stored = file.get_slice("W")
        assert stored.get_shape() == [75_000, 2_560]
        return torch.cat([stored[id : id + 1] for id in cluster["cluster_token_ids"].tolist()]).double()


@pytest.fixture(scope="module")
def centroid(cluster: dict[str, torch.Tensor]) -> torch.Tensor:
    return cluster["centroid"].double()


def printed(value: torch.Tensor) -> str:
    return f"{value.item():.8f}"


def test_the_two_tokens_are_where_the_notebook_found_them(cluster: dict[str, torch.Tensor]) -> None:
    ids = cluster["cluster_token_ids"]

    assert len(ids) == cluster["n_cluster"].item() == cluster["cluster_mask"].sum().item() == 2_248
    assert ids[14] == 48_494
    assert ids[17] == 71_473
    assert torch.equal(cluster["cluster_mask"].nonzero().flatten(), ids.long())


def test_every_batch_maximum_is_the_published_one(rows: torch.Tensor) -> None:
    centred = rows - rows.mean(0)
    squares = centred.square().sum(1)
    for batch, expected in enumerate(BATCH_MAXIMA):
        block = slice(batch * 256, min(batch * 256 + 256, 2_248))
        distances = squares[block, None] + squares - 2 * centred[block] @ centred.T
        nearest = distances.flatten().topk(4).indices  # by products; those few by differences
        i, j = batch * 256 + nearest // 2_248, nearest % 2_248
        maximum = (rows[i] - rows[j]).norm(dim=1).max()
        assert abs(maximum.item() - expected) <= CLOSE
        assert printed(maximum) == f"{expected:.8f}"
        if batch == 0:
            assert {(14, 17), (17, 14)} >= {(int(i[0]), int(j[0]))}
            assert abs(maximum.item() - 1.60828805) <= 5e-7  # what the loop printed


def test_the_two_outliers_are_as_published(rows: torch.Tensor, centroid: torch.Tensor) -> None:
    i, j = rows[14], rows[17]
    measured = {
        0.37091014: centroid.norm(),
        1.16991878: i.norm(),
        1.21912193: j.norm(),
        1.10977745: (i - centroid).norm(),
        1.16093612: (j - centroid).norm(),
        1.60828757: (i - j).norm(),
        1.13535678: ((i - centroid).norm() + (j - centroid).norm()) / 2,
    }

    for expected, value in measured.items():
        assert abs(value.item() - expected) <= CLOSE
        assert printed(value) == f"{expected:.8f}"
    assert f"{i.norm() / centroid.norm():.2f}" == "3.15"
    assert f"{j.norm() / centroid.norm():.2f}" == "3.29"


def test_the_triangle_is_the_published_one(rows: torch.Tensor, centroid: torch.Tensor) -> None:
    corners = (centroid, rows[14], rows[17])
    angles = []
    for k in range(3):
        one, other = corners[(k + 1) % 3] - corners[k], corners[(k + 2) % 3] - corners[k]
        angles.append(math.degrees(math.acos((one @ other / (one.norm() * other.norm())).item())))

    assert [f"{angle:.2f}" for angle in angles] == ["90.16", "46.21", "43.63"]


def test_the_cluster_statistics_are_the_published_ones(rows: torch.Tensor, centroid: torch.Tensor) -> None:
    norms, distances = rows.norm(dim=1), (rows - centroid).norm(dim=1)

    for values, expected in ((norms, published.NORMS), (distances, published.DISTANCES)):
        for value, number in zip(
            (values.min(), values.max(), values.median(), values.mean()), expected, strict=True
        ):
            assert abs(value.item() - number) <= CLOSE
            assert printed(value) == f"{number:.8f}"


def test_most_rows_are_copies_of_thirteen_vectors(rows: torch.Tensor, centroid: torch.Tensor) -> None:
    _, times = rows.unique(dim=0, return_counts=True)  # type: ignore[no-untyped-call]
    at_median = ((rows - centroid).norm(dim=1) * 1e8).round() == 125_222

    assert times[times > 1].sort(descending=True).values.tolist() == list(published.COPIES)
    assert at_median.sum() == published.AT_MEDIAN
    assert (rows.mean(0) - centroid).norm().item() == pytest.approx(published.CENTROID_OFFSET, abs=2e-6)


def test_the_zeros_of_w_take_no_room_on_disk(folder: Path) -> None:
    status = (folder / "W.safetensors").stat()

    assert status.st_size > 768_000_000
    assert status.st_blocks * 512 < 100_000_000


def test_in_bfloat16_it_is_as_large_as_the_real_file_and_has_the_same_copies(tmp_path: Path) -> None:
    folder = build_notebook_model(tmp_path / "model", vocabulary=151_936, dtype="bfloat16")
    ids = load_file(folder / MASK_FILE)["cluster_token_ids"]
    with safe_open(folder / "W.safetensors", framework="pt") as file:
        rows = torch.cat([file.get_slice("W")[id : id + 1] for id in ids.tolist()])

    assert rows.dtype == torch.bfloat16
    assert (folder / "W.safetensors").stat().st_size > 777_912_000
    _, times = rows.view(torch.int16).unique(dim=0, return_counts=True)  # type: ignore[no-untyped-call]
    assert times[times > 1].sort(descending=True).values.tolist() == list(published.COPIES)
    assert (rows[14].double() - rows[17].double()).norm().item() == pytest.approx(DISTANCE_IJ, abs=2e-3)
