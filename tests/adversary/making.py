"""Helpers for making the kinds of rows."""

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rng = np.random.Generator

DTYPES = {
    "float32": torch.float32,
    "float64": torch.float64,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


def ulp(dtype: str) -> float:
    """The distance from 1 to the next number."""
    return float(torch.finfo(DTYPES[dtype]).eps)


def directions(rng: Rng, n: int, d: int) -> Floats:
    """(n, d): points on the unit sphere."""
    x = rng.standard_normal((n, d))
    found: Floats = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-300)
    return found


def as_float32(x: Floats) -> Floats:
    """The numbers rounded to float32."""
    return x.astype(np.float32).astype(np.float64)
