"""How the farthest pair is found today: each peer as a turn, in equal parts, on float32 rows (n, d).

All but the yardsticks find every row's farthest partner, which is what a table of batch maxima needs. None holds
n × n numbers, but for the GEMM that says so.
"""

import importlib.util
from collections.abc import Callable, Iterator

import numpy as np
import psutil
import torch
from common import Contestant, whole
from support.reference import notebook_loop

NOTEBOOK = "the notebook's loop"
FAISS = "faiss IndexFlatIP"
GEMM, GEMM_ONE_SHOT = "full GEMM in tiles", "full GEMM at once"

_BLOCK = 256  # rows of a block of distances, as in the notebook
_TILE = 2048  # of a tile of the GEMM: 16 MB


def peers(rows: torch.Tensor, *, notebook: bool) -> list[Contestant]:
    """The contestants there are for these rows; the notebook's loop, which takes 256 × n × d numbers, if asked."""
    n = len(rows)
    blocks = -(-n // _BLOCK)
    found = [Contestant(NOTEBOOK, whole(lambda: notebook_loop(rows, _BLOCK)))] if notebook else []
    found += [
        Contestant("torch.cdist by products", _cdist(rows, "use_mm_for_euclid_dist"), blocks),
        Contestant("torch.cdist by differences", _cdist(rows, "donot_use_mm_for_euclid_dist"), blocks),
    ]
    if importlib.util.find_spec("faiss"):
        found.append(Contestant(FAISS, whole(lambda: _faiss(rows))))
    if importlib.util.find_spec("sklearn"):
        found.append(Contestant("scikit-learn, chunked", _sklearn(rows), n))
    found.append(Contestant(GEMM, _gemm_in_tiles(rows), (-(-n // _TILE)) ** 2))
    if 4 * n * n < psutil.virtual_memory().available / 3:
        found.append(Contestant(GEMM_ONE_SHOT, whole(lambda: rows @ rows.T)))
    found.append(Contestant("reading X once", whole(rows.sum)))
    return found


def missing() -> list[str]:
    """What would take part if it were installed."""
    names = {"faiss": "faiss-cpu", "sklearn": "scikit-learn"}
    return [package for module, package in names.items() if not importlib.util.find_spec(module)]


def _cdist(rows: torch.Tensor, mode: str) -> Callable[[], Iterator[object]]:
    def turn() -> Iterator[object]:
        for start in range(0, len(rows), _BLOCK):
            yield torch.cdist(rows[start : start + _BLOCK], rows, compute_mode=mode).max(dim=1)

    return turn


def _faiss(rows: torch.Tensor) -> object:
    """For each i the j of largest |y_j|^2 - 2 y_i.y_j = [-2 y_i, 1] . [y_j, |y_j|^2]; y is x centred."""
    import faiss

    centred = rows - rows.mean(dim=0)
    norms = centred.square().sum(dim=1, keepdim=True)
    index = faiss.IndexFlatIP(rows.shape[1] + 1)
    index.add(torch.cat([centred, norms], dim=1).numpy())
    return index.search(torch.cat([-2 * centred, torch.ones_like(norms)], dim=1).numpy(), 1)


def _sklearn(rows: torch.Tensor) -> Callable[[], Iterator[object]]:
    def turn() -> Iterator[object]:
        from sklearn.metrics import pairwise_distances_chunked

        def farthest(block: np.ndarray, _start: int) -> list[int]:
            return list(block.argmax(axis=1))

        for part in pairwise_distances_chunked(rows.numpy(), reduce_func=farthest, working_memory=64):
            yield from part

    return turn


def _gemm_in_tiles(rows: torch.Tensor) -> Callable[[], Iterator[object]]:
    """X X', written tile by tile into the same tile: the arithmetic of all distances, and nothing else."""
    tile = torch.empty(_TILE * _TILE)

    def turn() -> Iterator[object]:
        for left in rows.split(_TILE):  # type: ignore[no-untyped-call]
            for right in rows.split(_TILE):  # type: ignore[no-untyped-call]
                yield torch.mm(left, right.T, out=tile[: len(left) * len(right)].view(len(left), len(right)))

    return turn
