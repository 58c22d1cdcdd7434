"""Rows that are hard for a farthest-pair search: ties, near-ties, cancellation, and the ends of the range.

Every input is made in float64 from a fixed seed and rounded once to its dtype.
"""

import itertools
import math
from collections.abc import Callable, Iterator

import torch

Rows = Callable[[], torch.Tensor]


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    """(n, d) float64, independent standard normal."""
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def integers(n: int, d: int, below: int, seed: int = 0) -> torch.Tensor:
    """(n, d) float64, whole numbers 0 ≤ x < below."""
    return torch.randint(below, (n, d), generator=torch.Generator().manual_seed(seed)).to(torch.float64)


def on_sphere(n: int, d: int, seed: int = 0) -> torch.Tensor:
    points = normal(n, d, seed)
    found: torch.Tensor = points / points.norm(dim=1, keepdim=True)
    return found


def circle(n: int) -> torch.Tensor:
    """n points evenly round the unit circle: thousands of pairs whose distances differ by less than 1e-7."""
    angle = torch.arange(n, dtype=torch.float64) * (2 * math.pi / n)
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def cube_corners(n: int, d: int) -> torch.Tensor:
    """n of the corners (±1, …, ±1), many opposite pairs of them, some more than once."""
    corners = integers(n, d, 2) * 2 - 1
    corners[n // 2 :] = -corners[: n - n // 2]
    return corners[torch.randperm(n, generator=torch.Generator().manual_seed(1))]


def copies(distinct: torch.Tensor, n: int, seed: int = 0) -> torch.Tensor:
    """n rows (n, d), each one of the `distinct` (m, d), the first few rare."""
    weights = torch.arange(1, len(distinct) + 1, dtype=torch.float64).square()
    chosen = weights.multinomial(n, replacement=True, generator=torch.Generator().manual_seed(seed))
    chosen[: len(distinct)] = torch.arange(len(distinct))
    return distinct[chosen[torch.randperm(n, generator=torch.Generator().manual_seed(seed))]]


def ulp_cloud(n: int, d: int) -> torch.Tensor:
    """float32 rows whose every number is one of two neighbours."""
    low = normal(1, d).to(torch.float32)
    high = torch.nextafter(low, torch.full_like(low, torch.inf))
    return torch.where(integers(n, d, 2, seed=1).bool(), high, low)


def circulant(d: int) -> torch.Tensor:
    """The d rotations of one float32 vector: exact ties by the hundred that float64 sums in different orders."""
    vector = normal(1, d)[0].to(torch.float32)
    return torch.stack([vector.roll(k) for k in range(d)])


def reflections(d: int) -> torch.Tensor:
    """All 2^d rows (±v_1, …, ±v_d) of one float64 v: opposite ones tie exactly, and every square is rounded."""
    signs = torch.tensor(list(itertools.product((1.0, -1.0), repeat=d)), dtype=torch.float64)
    return signs[torch.randperm(2**d, generator=torch.Generator().manual_seed(0))] * normal(1, d)[0]


def opposite_clouds(n: int, d: int, spread: float) -> torch.Tensor:
    """Two clouds so far apart, and so small, that float32 cannot tell any of their pairs from another."""
    rows = spread * normal(n, d)
    rows[:, 0] += torch.where(torch.arange(n) % 2 == 0, 1.0, -1.0)
    return rows


def vocabulary(n: int, d: int, seed: int = 0) -> torch.Tensor:
    """Rows like a vocabulary's: a few strong directions, norms of different sizes, an offset common to all."""
    strength = torch.arange(1, d + 1, dtype=torch.float64).pow(-0.8)
    size = 1 + 0.2 * normal(n, 1, seed + 1)
    return size * normal(n, d, seed) * strength + 0.3 * normal(1, d, seed + 2)


def cluster(n: int, d: int, seed: int = 0) -> torch.Tensor:
    """Rows like a cluster of tokens never trained: a speck far from the origin, and a few rows far from it."""
    rows = 0.37 * on_sphere(1, d, seed) + 0.00125 / math.sqrt(d) * normal(n, d, seed + 1)
    far = torch.randperm(n, generator=torch.Generator().manual_seed(seed))[:8]
    rows[far] += torch.linspace(1.16, 0.1, 8, dtype=torch.float64)[:, None] * on_sphere(8, d, seed + 2)
    return rows


def black_holes(n: int, d: int) -> torch.Tensor:
    """The same, most of its rows copies of thirteen vectors, in bfloat16."""
    rows = cluster(n, d)
    rows[100:] = copies(cluster(13, d, seed=5), n - 100)
    return rows.to(torch.bfloat16)


def near_ties(n: int, d: int, seed: int = 0) -> torch.Tensor:
    """float32 rows of which float32 arithmetic names the wrong pair: the last row is the centre of a sphere, and
    the others lie on a small cap of it, farther from the centre than from one another, their distances from it
    alike to a few parts in 10^9."""
    cap = torch.zeros(n, d, dtype=torch.float64)
    cap[:, 0] = 1.0
    cap = cap + 0.3 * on_sphere(n, d, seed)
    cap = cap / cap.norm(dim=1, keepdim=True)
    cap[-1] = 0.0
    found: torch.Tensor = cap.to(torch.float32)
    return found


def far_from_origin(n: int, d: int, seed: int = 0) -> torch.Tensor:
    """float32 rows near one another at a thousand times their extent from the origin, where products lose all."""
    return (5e3 * on_sphere(1, d, seed) + 1e-2 * normal(n, d, seed)).to(torch.float32)


# Few exact ties, or none: held against blocked float64.
NEAR_TIES: dict[str, Rows] = {
    "normal": lambda: normal(1500, 64).float(),
    "sphere in three dimensions": lambda: on_sphere(3000, 3).float(),
    "sphere": lambda: on_sphere(1200, 48).float(),
    "circle": lambda: circle(4096).float(),
    "circle in float64": lambda: circle(2047),
    "opposite clouds": lambda: opposite_clouds(2400, 6, 1e-7).float(),
    "opposite clouds in float64": lambda: opposite_clouds(1000, 6, 1e-9),
    "one outlier": lambda: torch.cat([normal(500, 20), normal(1, 20, 1) + 100, normal(299, 20, 2)]).float(),
    "two clusters": lambda: (normal(900, 20) + 50 * (torch.arange(900) % 2)[:, None]).float(),
    "offset 1000, noise 1e-3": lambda: (1000 + 1e-3 * normal(800, 20)).double(),
    "offset 1000, noise 1e-9, float64": lambda: 1000 + 1e-9 * normal(600, 20),
    "near ties": lambda: near_ties(600, 256),
    "far from the origin": lambda: far_from_origin(600, 128),
    "columns of scales 1e-30 to 1": lambda: (normal(800, 20) * torch.logspace(-30, 0, 20).double()).float(),
    "columns of scales 1e-300 to 1, float64": lambda: normal(300, 20) * torch.logspace(-300, 0, 20).double(),
    "magnitudes of 3e38": lambda: (3e38 * normal(600, 20).erf()).float(),
    "one magnitude of 3e38 among ones": lambda: torch.cat([normal(400, 12), 3e38 * normal(1, 12).sign()]).float(),
    "magnitudes of 1e38 far from the origin": lambda: (2e38 + 1e32 * normal(400, 12)).float(),
    "magnitudes of 1e-38": lambda: (normal(600, 20) * 1e-38).float(),
    "magnitudes of 1e-20": lambda: (normal(600, 20) * 1e-20).float(),
    "magnitudes of 1e20": lambda: (normal(600, 20) * 1e20).float(),
    "magnitudes of 1e140, float64": lambda: normal(300, 20) * 1e140,
    "magnitudes of 1e-140, float64": lambda: normal(300, 20) * 1e-140,
    "float16": lambda: normal(800, 24).half(),
    "bfloat16": lambda: normal(800, 24).bfloat16(),
    "one column": lambda: normal(900, 1).float(),
    "two rows": lambda: normal(2, 5).float(),
    "three rows": lambda: normal(3, 5).float(),
    "257 rows": lambda: normal(257, 7).float(),
    "cluster": lambda: cluster(1100, 256).float(),
    "vocabulary": lambda: vocabulary(4000, 128).float(),
    "vocabulary in bfloat16": lambda: vocabulary(2600, 128, 3).bfloat16(),
    "vocabulary in float64": lambda: vocabulary(2600, 96, 5),
    "vocabulary on a sphere": lambda: torch.nn.functional.normalize(vocabulary(3000, 96, 7)).float(),
}  # fmt: skip

# Exact ties by the hundred or the million: held against whole numbers.
TIES: dict[str, Rows] = {
    "one-hot": lambda: torch.eye(600),
    "one-hot times 0.1": lambda: (0.1 * torch.eye(500)),
    "one-hot times 0.1, float64": lambda: 0.1 * torch.eye(200, dtype=torch.float64),
    "one-hot and minus one-hot": lambda: torch.cat([torch.eye(300), -torch.eye(300)]),
    "cube corners": lambda: cube_corners(1200, 10).float(),
    "cube corners times 0.1": lambda: (0.1 * cube_corners(700, 9)).float(),
    "cube corners times 0.1, float64": lambda: 0.1 * cube_corners(300, 9),
    "cube corners in bfloat16": lambda: (0.1 * cube_corners(700, 9)).bfloat16(),
    "a grid": lambda: integers(900, 3, 12).float(),
    "a grid on a line": lambda: integers(700, 1, 40).float(),
    "all rows identical": lambda: normal(1, 9).float().repeat(600, 1),
    "all rows zero": lambda: torch.zeros(300, 4),
    "zeros of both signs": lambda: torch.where(integers(300, 3, 2) > 0, 0.0, -0.0).float(),
    "two distinct rows": lambda: copies(normal(2, 9), 300).float(),
    "two distinct rows, one of them once": lambda: normal(2, 9)[(torch.arange(600) == 300).long()].float(),
    "thirteen distinct rows": lambda: copies(normal(13, 20), 500).float(),
    "thirteen distinct rows in bfloat16": lambda: copies(normal(13, 50), 700, 1).bfloat16(),
    "copies and zeros of both signs": lambda: copies((integers(12, 6, 2) - 1) * 0.0, 500).float(),
    "copies, their zeros of both signs": lambda: copies((integers(30, 3, 3) - 1) * -1.5, 500).float(),
    "one ulp": lambda: ulp_cloud(500, 24),
    "subnormals": lambda: (normal(300, 12) * 1e-42).float(),
    "the smallest subnormals": lambda: (integers(200, 6, 5) * 1.5e-45).float(),
    "subnormals of float64": lambda: integers(200, 4, 9) * 5e-324,
    "near the subnormals of float64": lambda: normal(200, 4) * 1e-309,
    "subnormals of float16": lambda: (normal(300, 12) * 1e-6).half(),
    "float64 beyond what float32 holds": lambda: 1 + 2.0**-45 * integers(300, 4, 9),
    "rotations of one row": lambda: circulant(120),
    "reflections of one row": lambda: reflections(8),
    "opposite pairs": lambda: torch.cat([on_sphere(200, 5), -on_sphere(200, 5)]).float(),
    "float64 of all magnitudes": lambda: integers(150, 4, 5) * 10.0 ** torch.tensor([200, -200, 0, 200]).double(),
    "black holes": lambda: black_holes(420, 64),
    "maximal float32": lambda: torch.finfo(torch.float32).max * (integers(200, 3, 3) - 1).float(),
}  # fmt: skip


def everything() -> Iterator[tuple[str, Rows, bool]]:
    """(name, rows, whether they have exact ties by the hundred) of every input."""
    yield from ((name, rows, False) for name, rows in NEAR_TIES.items())
    yield from ((name, rows, True) for name, rows in TIES.items())
