"""Model folders for tests, written as the researchers' own notebooks write them."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from support.notebook_geometry import published_points, token_ids
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

MASK_FILE = "1.6a_cluster_mask.safetensors"

# Token texts that must never reach a terminal as they are; ids 0 … of every small model's tokenizer.
HOSTILE_TEXTS = (
    "[b]bold[/b]",
    "\x1b[31mred\x1b[0m",
    "a\u202eb",
    "\x07bell",
    "two\nlines",
    "zero\u200bwidth",
    "██取",
)


def build_small_model(
    folder: Path,
    *,
    n: int = 40,
    d: int = 16,
    vocabulary: int = 200,
    dtype: torch.dtype = torch.bfloat16,
    seed: int = 0,
    tokenizer: bool = True,
) -> Path:
    """Make `folder` a model: W (vocabulary, d), a mask file naming n of its tokens, and a tokenizer.

    A quarter of the cluster's rows are copies of its first row, two lie far out, and the rest close by. The
    centroid is stored as bfloat16, so it is not quite the mean. Returns `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(seed)
    W = torch.randn(vocabulary, d, generator=generator, dtype=torch.float64)
    ids = torch.randperm(vocabulary, generator=generator)[:n].sort().values
    rows = W[0] / W[0].norm() + 0.01 * torch.randn(n, d, generator=generator, dtype=torch.float64)
    rows[: n // 4] = rows[:1]
    for index in {n // 3, n // 2}:
        rows[index] = 3 * torch.randn(d, generator=generator, dtype=torch.float64)
    W[ids] = rows
    W = W.to(dtype)
    save_file({"W": W}, folder / "W.safetensors")
    write_mask(folder / MASK_FILE, ids, vocabulary, W[ids].to(torch.float64).mean(0).to(torch.bfloat16))
    if tokenizer:
        write_tokenizer(folder / "tokenizer.json", vocabulary)
    return folder


def build_notebook_model(
    folder: Path,
    *,
    vocabulary: int = 75_000,
    dtype: Literal["float32", "bfloat16"] = "float32",
    tokenizer: bool = False,
) -> Path:
    """Make `folder` a model with the geometry that notebook 1.7b published (see `notebook_geometry`).

    Stored as float32, every number that the notebook prints is there to its last digit. As bfloat16, like the
    real file, rows and centroid are those rounded once, and the numbers agree to about 1e-3. W's other rows are
    zeros that take no room on disk. Returns `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows, centroid = published_points()
    ids = token_ids(vocabulary)
    stored = torch.float32 if dtype == "float32" else torch.bfloat16
    write_sparse(folder / "W.safetensors", ids, rows.to(stored), vocabulary)
    write_mask(folder / MASK_FILE, ids, vocabulary, centroid.to(stored))
    if tokenizer:
        write_tokenizer(folder / "tokenizer.json", vocabulary)
    return folder


def write_sparse(path: Path, ids: torch.Tensor, rows: torch.Tensor, vocabulary: int) -> None:
    """Write tensor "W" (vocabulary, d): `rows` (n, d) are its rows `ids`, the rest zeros, holes in the file."""
    width = rows.shape[1] * rows.element_size()
    place = {
        "dtype": {torch.float32: "F32", torch.bfloat16: "BF16"}[rows.dtype],
        "shape": [vocabulary, rows.shape[1]],
        "data_offsets": [0, vocabulary * width],
    }
    header = json.dumps({"W": place}).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for id, row in zip(ids.tolist(), rows, strict=True):
            file.seek(8 + len(header) + id * width)
            file.write(row.view(torch.uint8).numpy().tobytes())
        file.truncate(8 + len(header) + vocabulary * width)


def write_mask(path: Path, ids: torch.Tensor, vocabulary: int, centroid: torch.Tensor) -> None:
    """Write a cluster file as notebook 1.6a does: `ids` (n,) ascending, `centroid` (d,) as it is stored."""
    mask = torch.zeros(vocabulary, dtype=torch.uint8)
    mask[ids] = 1
    save_file(
        {
            "cluster_mask": mask,
            "cluster_token_ids": ids.to(torch.int32),
            "spatial_mask": mask.clone(),
            "centroid": centroid,
            "n_cluster": torch.tensor([len(ids)], dtype=torch.int32),
            "n_spatial": torch.tensor([len(ids)], dtype=torch.int32),
            "n_filtered": torch.tensor([0], dtype=torch.int32),
            "n_iterations": torch.tensor([3], dtype=torch.int32),
            "center_lat": torch.tensor([1.5], dtype=torch.float32),
            "center_lon": torch.tensor([-2.5], dtype=torch.float32),
            "angular_diameter": torch.tensor([0.25], dtype=torch.float32),
        },
        path,
    )


def token_texts(vocabulary: int) -> list[str]:
    """What the small tokenizers' tokens say: hostile texts first, then [unused…], then words."""
    return [
        HOSTILE_TEXTS[id] if id < len(HOSTILE_TEXTS) else f"[unused{id}]" if id < vocabulary // 2 else f"word{id}"
        for id in range(vocabulary)
    ]


def write_tokenizer(path: Path, vocabulary: int) -> None:
    """Write a tokenizer.json of `vocabulary` tokens that say `token_texts`."""
    texts = {text: id for id, text in enumerate(token_texts(vocabulary))}
    Tokenizer(WordLevel(texts, unk_token="word" + str(vocabulary - 1))).save(str(path))


def write_vocabulary(
    path: Path, tokens: dict[str, int], decoder: object = None, added: dict[str, int] | None = None
) -> None:
    """Write a tokenizer.json by hand: these tokens, and tokens that were added, with their ids."""
    extra = [
        {"id": id, "content": content, "special": False}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for content, id in (added or {}).items()
    ]
    model = {"type": "WordLevel", "vocab": tokens, "unk_token": "x"}
    path.write_text(json.dumps({"version": "1.0", "added_tokens": extra, "decoder": decoder, "model": model}))


def write_header(path: Path, header: object, following: int = 0) -> None:
    """Write a safetensors file by hand: `header` as JSON, or as the bytes it is, then `following` zero bytes."""
    written = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(written).to_bytes(8, "little") + written + bytes(following))


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be somebody to whom file permissions apply: root, whom they do not stop, becomes "nobody" meanwhile."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)
