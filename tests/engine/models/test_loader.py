"""A search gets exactly the rows that are stored, and only those are read."""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from farpair.engine.errors import InputError
from farpair.engine.models.discovery import model_at
from farpair.engine.models.loader import load_rows
from farpair.engine.runs.request import request_for
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from support.fixtures import (
    MASK_FILE,
    build_notebook_model,
    build_small_model,
    write_header,
    write_mask,
    write_sparse,
)

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
BITS = dict(zip(FLOATS, (torch.int16, torch.int16, torch.int32, torch.int64), strict=True))


@settings(max_examples=60, deadline=None)
@given(
    dtype=st.sampled_from(FLOATS),
    d=st.integers(1, 9),
    mask=st.lists(st.booleans(), min_size=1, max_size=60).filter(any),
    seed=st.integers(0, 2**32),
)
def test_the_rows_are_exactly_those_the_notebook_has(
    dtype: torch.dtype, d: int, mask: list[bool], seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    limits = torch.iinfo(BITS[dtype])
    bits = torch.randint(limits.min, limits.max, (len(mask), d), generator=generator, dtype=BITS[dtype])
    W = bits.view(dtype).nan_to_num(0.0, 0.0, 0.0)  # of all other bit patterns, subnormals and -0.0 among them
    ids = torch.tensor(mask).nonzero().flatten()
    with tempfile.TemporaryDirectory() as name:
        save_file({"before": torch.ones(3), "W": W, "x": torch.ones(2)}, Path(name) / "W.safetensors")
        write_mask(Path(name) / MASK_FILE, ids, len(mask), torch.ones(d))

        loaded = load_rows(request_for(model_at(Path(name))))

    expected = W[torch.tensor(mask)].to(torch.float64 if dtype == torch.float64 else torch.float32)
    assert loaded.rows.dtype == expected.dtype
    assert torch.equal(loaded.rows.view(BITS[expected.dtype]), expected.view(BITS[expected.dtype]))
    assert loaded.token_ids == ids.tolist()
    assert loaded.vocabulary == len(mask)


def test_what_was_read_is_described(tmp_path: Path) -> None:
    folder = build_small_model(tmp_path / "model", n=40, d=16, vocabulary=200, dtype=torch.float16)

    loaded = load_rows(request_for(model_at(folder)))

    assert (loaded.rows.shape, loaded.dtype, loaded.vocabulary) == ((40, 16), "F16", 200)
    assert loaded.rows.is_contiguous()
    assert [file.path for file in loaded.files] == [str(folder / "W.safetensors"), str(folder / MASK_FILE)]
    assert [file.size for file in loaded.files] == [Path(file.path).stat().st_size for file in loaded.files]
    assert loaded.warnings == ()
    assert loaded.centroid is not None
    assert len(load_rows(request_for(model_at(folder), cluster="all")).files) == 1


@pytest.mark.parametrize("n", [1, 2, 200])
def test_a_cluster_may_be_one_token_or_every_token(tmp_path: Path, n: int) -> None:
    folder = build_small_model(tmp_path / "model", n=n, vocabulary=200)
    loaded = load_rows(request_for(model_at(folder)))
    stored = load_file(folder / "W.safetensors")["W"].float()
    assert torch.equal(loaded.rows, stored[loaded.token_ids])
    assert len(loaded.rows) == n


def test_rows_longer_than_what_is_read_at_once_are_read(tmp_path: Path) -> None:
    W = torch.arange(3 * 2_500_000, dtype=torch.float32).reshape(3, -1)
    save_file({"W": W}, tmp_path / "W.safetensors")
    assert torch.equal(load_rows(request_for(model_at(tmp_path))).rows, W)


def test_the_fingerprint_is_of_tokens_dtype_and_stored_bytes(tmp_path: Path) -> None:
    W = torch.arange(60, dtype=torch.bfloat16).reshape(20, 3)
    ids = torch.tensor([2, 3, 7])

    def fingerprint(name: str, W: torch.Tensor, ids: torch.Tensor) -> str:
        (tmp_path / name).mkdir()
        save_file({"W": W}, tmp_path / name / "W.safetensors")
        write_mask(tmp_path / name / MASK_FILE, ids, len(W), torch.ones(3))
        return load_rows(request_for(model_at(tmp_path / name))).fingerprint

    first = fingerprint("first", W, ids)
    elsewhere, inside, signed = W.clone(), W.clone(), W.clone()
    elsewhere[5] = 99
    inside[3, 1] = 99
    signed[2, 0] *= -1

    assert len(bytes.fromhex(first)) == 16
    assert fingerprint("again", W.clone(), ids) == first
    assert fingerprint("elsewhere", elsewhere, ids) == first
    others = {
        fingerprint("inside", inside, ids),
        fingerprint("signed", signed, ids),
        fingerprint("other ids", W, torch.tensor([2, 3, 8])),
        fingerprint("fewer", W, torch.tensor([2, 3])),
        fingerprint("half", W.to(torch.float16), ids),
        fingerprint("single", W.to(torch.float32), ids),
    }
    assert len(others | {first}) == 7


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_rows_that_are_not_finite_are_refused_by_their_tokens(
    tmp_path: Path, dtype: torch.dtype, value: float
) -> None:
    folder = build_small_model(tmp_path / "model", dtype=dtype)
    W, ids = load_file(folder / "W.safetensors")["W"], load_rows(request_for(model_at(folder))).token_ids

    W[ids[7], 3] = value
    save_file({"W": W}, folder / "W.safetensors")
    with pytest.raises(InputError, match=rf'^NaN or infinity in a row of "W" in .*: token {ids[7]}\.$'):
        load_rows(request_for(model_at(folder)))

    W[ids[:9], 0] = value
    save_file({"W": W}, folder / "W.safetensors")
    named = ", ".join(map(str, ids[:6]))
    with pytest.raises(InputError, match=rf"^NaN or infinity in 9 rows of .*: tokens {named} and 3 more\.$"):
        load_rows(request_for(model_at(folder)))


def test_what_is_not_finite_outside_the_cluster_is_nobodys_business(tmp_path: Path) -> None:
    folder = build_small_model(tmp_path / "model")
    before = load_rows(request_for(model_at(folder)))
    W = load_file(folder / "W.safetensors")["W"]
    outside = sorted(set(range(200)) - set(before.token_ids))
    W[outside] = math.nan
    save_file({"W": W}, folder / "W.safetensors")

    assert torch.equal(load_rows(request_for(model_at(folder))).rows, before.rows)


def test_files_that_changed_since_they_were_listed_are_refused(tmp_path: Path) -> None:
    request = request_for(model_at(build_small_model(tmp_path / "model")))
    save_file({"W": torch.ones(200, 16, dtype=torch.int32)}, request.weights)
    with pytest.raises(InputError, match="is I32"):
        load_rows(request)
    save_file({"V": torch.ones(200, 16)}, request.weights)
    with pytest.raises(InputError, match='no tensor "W"'):
        load_rows(request)
    Path(request.weights).unlink()
    with pytest.raises(InputError, match="There is no file"):
        load_rows(request)


MEASURE = """
import resource, sys
from pathlib import Path
import torch
from farpair.engine.models.loader import load_rows
from farpair.engine.models.discovery import model_at; from farpair.engine.runs.request import request_for
from support.fixtures import build_small_model

def read():
    io = Path("/proc/self/io")
    return int(io.read_text().split()[1]) if io.exists() else 0

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

load_rows(request_for(model_at(build_small_model(Path(sys.argv[1]) / "first"))))  # what only the first costs
request = request_for(model_at(Path(sys.argv[2])), cluster=sys.argv[3])
bytes_read, memory = read(), peak()
rows = load_rows(request).rows
print(read() - bytes_read, peak() - memory, rows.numel() * 4)
"""


def measured(tmp_path: Path, folder: Path, cluster: str) -> tuple[int, int, int]:
    """Bytes read from files, growth of peak resident memory, and bytes of the rows, in a process of its own."""
    command = [sys.executable, "-c", MEASURE, str(tmp_path), str(folder), cluster]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    read, grown, rows = map(int, run.stdout.split())
    return read, grown, rows


def test_only_the_clusters_rows_are_read_of_a_large_embedding(tmp_path: Path) -> None:
    folder = build_notebook_model(tmp_path / "model", vocabulary=151_936, dtype="bfloat16")
    stored = 2_248 * 2_560 * 2
    assert (folder / "W.safetensors").stat().st_size > 67 * stored

    read, grown, rows = measured(tmp_path, folder, "mask")

    assert rows == 2 * stored
    assert read < stored + 500_000
    assert grown < rows + (20 << 20)


def test_a_whole_embedding_is_never_held_twice(tmp_path: Path) -> None:
    one = torch.ones(1, 2_560, dtype=torch.bfloat16)
    write_sparse(tmp_path / "W.safetensors", torch.tensor([5]), one, 20_000)
    read, grown, rows = measured(tmp_path, tmp_path, "all")
    assert rows == 20_000 * 2_560 * 4
    assert read < rows / 2 + 500_000
    assert grown < rows + (20 << 20)


@pytest.mark.parametrize("shape", [[2**39, 1], [1, 2**39], [2**20, 2**19]])
def test_rows_that_cannot_fit_in_memory_are_refused_before_any_is_read(tmp_path: Path, shape: list[int]) -> None:
    place = {"dtype": "F16", "shape": shape, "data_offsets": [0, 2**40]}
    write_header(tmp_path / "W.safetensors", {"W": place})
    os.truncate(tmp_path / "W.safetensors", 8 + len(json.dumps({"W": place})) + 2**40)  # takes no room on disk
    with pytest.raises(InputError, match=r" of memory, and .* are free\.$"):
        load_rows(request_for(model_at(tmp_path), cluster="all"))


def test_a_mask_that_cannot_fit_in_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    n = 2**39
    W = {"W": {"dtype": "F16", "shape": [n, 1], "data_offsets": [0, 2 * n]}}
    mask = {
        "cluster_mask": {"dtype": "U8", "shape": [n], "data_offsets": [0, n]},
        "cluster_token_ids": {"dtype": "I32", "shape": [1], "data_offsets": [n, n + 4]},
    }
    for name, header, size in (("W.safetensors", W, 2 * n), (MASK_FILE, mask, n + 4)):
        write_header(tmp_path / name, header)
        os.truncate(tmp_path / name, (tmp_path / name).stat().st_size + size)
    with pytest.raises(InputError, match=r"^A cluster of .* tokens takes up to 44.0 TB of memory"):
        load_rows(request_for(model_at(tmp_path)))
