"""Rows of every kind, for hypothesis to draw."""

from typing import Final, Literal

import torch
from hypothesis import strategies as st
from support import inputs

WIDTHS: Final[dict[torch.dtype, Literal[16, 32, 64]]] = {
    torch.float32: 32,
    torch.float64: 64,
    torch.float16: 16,
    torch.bfloat16: 16,
}


@st.composite
def small_rows(draw: st.DrawFn) -> torch.Tensor:
    """Up to 40 rows of numbers from a small pool, some rows repeated: ties and copies of every kind, any range."""
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    n, d = draw(st.integers(2, 40)), draw(st.integers(1, 5))
    width = WIDTHS[dtype]
    bound = 1e300 if dtype == torch.float64 else None
    numbers = st.floats(
        min_value=None if bound is None else -bound,
        max_value=bound,
        width=width,
        allow_nan=False,
        allow_infinity=False,
    )
    pool = draw(st.lists(numbers, min_size=1, max_size=6))
    picks = draw(st.lists(st.integers(0, len(pool) - 1), min_size=d, max_size=n * d))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    distinct = torch.tensor(pool, dtype=torch.float64)[torch.tensor(picks)][: len(picks) // d * d].view(-1, d)
    return distinct[torch.randint(len(distinct), (n,), generator=generator)].to(dtype)


@st.composite
def smooth_rows(draw: st.DrawFn) -> torch.Tensor:
    """Rows drawn from a normal distribution, of any scale, offset and spread of columns."""
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]))
    n, d = draw(st.integers(2, 40)), draw(st.integers(1, 6))
    low, high = {
        torch.float16: (-22, 13),
        torch.float32: (-145, 124),
        torch.bfloat16: (-130, 124),
        torch.float64: (-1000, 1000),
    }[dtype]
    scale = draw(st.integers(low, high))
    offset = draw(st.integers(low, high)) if draw(st.booleans()) else low
    columns = 2.0 ** -(torch.arange(d, dtype=torch.float64) ** draw(st.integers(0, 5)))
    rows = inputs.normal(n, d, draw(st.integers(0, 2**32))) / 8 * columns * 2.0**scale + 2.0**offset
    return rows.to(dtype)
