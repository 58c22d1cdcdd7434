"""Checkpoints as hubs have them: in several files with an index, and in a cache of links."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file


def write_sharded(folder: Path, tensors: dict[str, torch.Tensor]) -> list[Path]:
    """Write each of `tensors` into a file of its own, and the index of them; the files, in the same order."""
    folder.mkdir(parents=True, exist_ok=True)
    count = len(tensors)
    files = [folder / f"model-{n + 1:05}-of-{count:05}.safetensors" for n in range(count)]
    for file, (name, tensor) in zip(files, tensors.items(), strict=True):
        save_file({name: tensor}, file)
    weight_map = {name: file.name for name, file in zip(tensors, files, strict=True)}
    index = {"metadata": {"total_size": 1}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return files


def write_cached(cache: Path, name: str, files: dict[str, bytes], revision: str, *, main: bool = True) -> Path:
    """Write `files` as the snapshot `revision` of the model `name` in a hub cache: links to blobs. Returns it."""
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / revision
    (repository / "blobs").mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        blob = repository / "blobs" / f"{abs(hash((path, content))):040x}"
        blob.write_bytes(content)
        link = snapshot / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(*[".."] * (2 + len(Path(path).parent.parts)), "blobs", blob.name))
    if main:
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / "main").write_text(revision)
    return snapshot
