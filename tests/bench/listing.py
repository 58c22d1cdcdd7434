"""How long listing takes: 500 checkpoints of 100 GB each (sparse files), in a hub cache, with a warm page cache.

The peer is `huggingface_hub.scan_cache_dir`, which reads no header and tells no matrix. Usage: python -m
bench.listing
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from farpair.engine.models.discovery import model_found
from farpair.engine.models.model_folders import cached_models
from huggingface_hub import scan_cache_dir

MODELS, SHARDS, LAYERS = 500, 30, 60
ROWS, COLUMNS = 128_256, 8192
PARTS = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj",
         "mlp.up_proj", "mlp.down_proj", "input_layernorm", "post_attention_layernorm")  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        for number in range(MODELS):
            _write(cache / f"models--org--model-{number}")
        times = {
            name: _median(act) for name, act in (("ours", lambda: _list(cache)), ("peer", lambda: _scan(cache)))
        }
    print(json.dumps({"models": MODELS, **{f"{name}_seconds": round(took, 4) for name, took in times.items()}}))


def _list(cache: Path) -> None:
    models = [model_found(found) for found in cached_models(cache)]
    assert len(models) == MODELS
    assert {(model.tensor, model.problem) for model in models} == {("lm_head.weight", None)}


def _scan(cache: Path) -> None:
    assert len(scan_cache_dir(cache).repos) == MODELS


def _median(act: Callable[[], None]) -> float:
    act()
    took = []
    for _ in range(5):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _write(repository: Path) -> None:
    """A cached model: an index, and files whose tensors take no room on disk, all of them links to blobs."""
    layer = COLUMNS * COLUMNS * 2
    tensors = {f"model.layers.{n}.{part}.weight": layer for n in range(LAYERS) for part in PARTS}
    tensors = {"model.embed_tokens.weight": 2 * ROWS * COLUMNS, **tensors, "lm_head.weight": 2 * ROWS * COLUMNS}
    names = list(tensors)
    each = -(-len(names) // SHARDS)
    weight_map: dict[str, str] = {}
    for shard in range(SHARDS):
        file = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        header, end = {}, 0
        for name in names[shard * each : (shard + 1) * each]:
            shape = [tensors[name] // (2 * COLUMNS), COLUMNS]
            header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + tensors[name]]}
            end += tensors[name]
            weight_map[name] = file
        written = json.dumps(header).encode()
        _blob(repository, file, len(written).to_bytes(8, "little") + written, end)
    _blob(repository, "model.safetensors.index.json", json.dumps({"weight_map": weight_map}).encode())
    _blob(repository, "config.json", json.dumps({"vocab_size": ROWS, "tie_word_embeddings": False}).encode())
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)


def _blob(repository: Path, name: str, content: bytes, zeros: int = 0) -> None:
    blob, link = repository / "blobs" / name, repository / "snapshots" / ("0" * 40) / name
    blob.parent.mkdir(parents=True, exist_ok=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    with blob.open("wb") as file:
        file.write(content)
        file.truncate(len(content) + zeros)
    link.symlink_to(blob)


if __name__ == "__main__":
    main()
