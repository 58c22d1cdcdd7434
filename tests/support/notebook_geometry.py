"""The published run of notebook 1.7b: its numbers, and 2,248 points in 2,560 dimensions that have them.

Nobody has to have the real embeddings: what the notebook prints are distances, and points are built here that
lie at those distances, in float64, in an orthonormal frame (e0, e1, e2) of the space that the stored centroid
and the two outliers span, and random directions at right angles to it.
"""

import math
from dataclasses import dataclass

import torch
from support.notebook_numbers import BATCH_MAXIMA, DISTANCE_IJ

N_ROWS, DIMENSION, BATCH = 2_248, 2_560, 256
INDEX_I, INDEX_J = 14, 17
TOKEN_I, TOKEN_J = 48_494, 71_473

CENTROID_NORM = 0.37091014
NORM_I, NORM_J = 1.16991878, 1.21912193
DISTANCE_I, DISTANCE_J = 1.10977745, 1.16093612
MEAN_DISTANCE = 1.13535678
RATIO_I, RATIO_J = 3.15, 3.29
ANGLE_CENTROID, ANGLE_I, ANGLE_J = 90.16, 46.21, 43.63

# Minimum, maximum, median (the lower one) and mean over the cluster.
NORMS = (0.37029281, NORM_J, 0.37091675, 0.37223831)
DISTANCES = (0.00125120, DISTANCE_J, 0.00125222, 0.00374321)

# Known of the real file beside the notebook's numbers: thirteen vectors and how often each occurs, how many rows
# agree with the median distance to 8 decimals, and how far the stored centroid is from the rows' mean.
COPIES = (814, 704, 306, 228, 14, 10, 6, 5, 4, 3, 2, 2, 2)
AT_MEDIAN = 2_179
CENTROID_OFFSET = 8.8e-4

_LESS = 2e-9  # the mean of the two distances is printed at a tie between two roundings: this decides it
_TO_J = 1.16141755  # of the rows that decide no batch's maximum: a little less than any batch's
_ALONG_E2 = -5e-4  # where they lie along e2, which token i is far along; with _APART, makes CENTROID_OFFSET right
_APART = 0.288  # how far the rows far out lean away from the direction that most rows share


@dataclass(frozen=True)
class Frame:
    """c (d,) the centroid; e0 along it, e1 and e2 with it an orthonormal basis of span {c, i, j}; and i - c, j - c
    in that basis, j's third coordinate being zero."""

    c: torch.Tensor
    basis: torch.Tensor
    i: tuple[float, float, float]
    j: tuple[float, float, float]


def published_points(seed: int = 17) -> tuple[torch.Tensor, torch.Tensor]:
    """rows (2248, 2560) and centroid (2560,), float64, at the published distances from one another."""
    generator = torch.Generator().manual_seed(seed)
    frame = _frame(generator)

    alike = _directions(1, frame, generator)

    def far(distance: float, norm: float, to_j: float) -> torch.Tensor:
        away = _unit(_directions(1, frame, generator) - _APART * alike)
        return _place(frame, distance, norm, to_j, 0.0, away)

    def near(
        directions: torch.Tensor, distance: float = DISTANCES[2], norm: float = NORMS[2], to_j: float = _TO_J
    ) -> torch.Tensor:
        return _place(frame, distance, norm, to_j, _ALONG_E2, directions)

    def single(distance: float = DISTANCES[2], norm: float = NORMS[2], to_j: float = _TO_J) -> torch.Tensor:
        return near(_directions(1, frame, generator), distance, norm, to_j)

    placed = {
        INDEX_I: (frame.c + torch.tensor(frame.i, dtype=torch.float64) @ frame.basis)[None],
        INDEX_J: (frame.c + torch.tensor(frame.j, dtype=torch.float64) @ frame.basis)[None],
        100: far(0.72, 0.64, 1.35),
        201: far(0.56, 0.61, 1.28),
        300: single(to_j=BATCH_MAXIMA[1]),
        600: single(to_j=BATCH_MAXIMA[2]),
        1000: single(to_j=BATCH_MAXIMA[3]),
        1100: far(0.30, 0.48, BATCH_MAXIMA[4]),
        1300: far(0.50, 0.62, BATCH_MAXIMA[5]),
        1700: far(0.12, 0.39, BATCH_MAXIMA[6]),
        1800: far(0.40, 0.55, BATCH_MAXIMA[7]),
        2100: single(to_j=BATCH_MAXIMA[8]),
        700: single(norm=NORMS[0]),
        1500: single(distance=DISTANCES[0]),
    }
    vectors = near(_unit(alike + 0.1 * _directions(len(COPIES), frame, generator)))
    copies = vectors.repeat_interleave(torch.tensor(COPIES), 0)
    at_median = near(_directions(AT_MEDIAN - len(copies) - 5, frame, generator))
    loose = [
        single(distance=0.00125130 + 2e-6 * k, norm=0.3707 + 8e-6 * k)
        for k in range(N_ROWS - len(placed) - len(copies) - len(at_median) - 1)
    ]
    others = torch.cat([copies, at_median, *loose])
    others = others[torch.randperm(len(others), generator=generator)]

    last = 5  # the one row left puts both means right
    rows = torch.empty(N_ROWS, DIMENSION, dtype=torch.float64)
    for index, row in placed.items():
        rows[index] = row
    free = [index for index in range(N_ROWS) if index not in placed and index != last]
    rows[free] = others
    rest = torch.cat([rows[:last], rows[last + 1 :]])
    rows[last] = far(
        N_ROWS * DISTANCES[3] - float((rest - frame.c).norm(dim=1).sum()),
        N_ROWS * NORMS[3] - float(rest.norm(dim=1).sum()),
        1.40,
    )
    return rows, frame.c


def token_ids(vocabulary: int, seed: int = 17) -> torch.Tensor:
    """The cluster's ids (2248,), ascending, TOKEN_I at INDEX_I and TOKEN_J at INDEX_J, all below `vocabulary`."""
    generator = torch.Generator().manual_seed(seed)

    def some(count: int, begin: int, end: int) -> torch.Tensor:
        return begin + torch.randperm(end - begin, generator=generator)[:count].sort().values

    return torch.cat(
        [
            some(INDEX_I, 0, TOKEN_I),
            torch.tensor([TOKEN_I]),
            some(INDEX_J - INDEX_I - 1, TOKEN_I + 1, TOKEN_J),
            torch.tensor([TOKEN_J]),
            some(N_ROWS - INDEX_J - 1, TOKEN_J + 1, vocabulary),
        ]
    )


def _frame(generator: torch.Generator) -> Frame:
    random = torch.randn(DIMENSION, 3, generator=generator, dtype=torch.float64)
    basis = torch.linalg.qr(random).Q.T.contiguous()
    to_i, to_j = DISTANCE_I - _LESS, DISTANCE_J - _LESS
    i0 = _along_centroid(to_i, NORM_I)
    j0 = _along_centroid(to_j, NORM_J)
    j1 = math.sqrt(to_j**2 - j0**2)
    i1 = ((to_i**2 + to_j**2 - DISTANCE_IJ**2) / 2 - i0 * j0) / j1
    i2 = math.sqrt(to_i**2 - i0**2 - i1**2)
    return Frame(CENTROID_NORM * basis[0], basis, (i0, i1, i2), (j0, j1, 0.0))


def _along_centroid(distance: float, norm: float) -> float:
    """Where along e0 from c a point lies whose distance from c and whose norm are these."""
    return (norm**2 - CENTROID_NORM**2 - distance**2) / (2 * CENTROID_NORM)


def _place(
    frame: Frame, distance: float, norm: float, to_j: float, along_e2: float, directions: torch.Tensor
) -> torch.Tensor:
    """Points (m, d) at `distance` from the centroid and `to_j` from token j, of that `norm`.

    That leaves a coordinate along e2 to choose, and the rest goes along the unit `directions` (m, d).
    """
    a0 = _along_centroid(distance, norm)
    j0, j1, _ = frame.j
    a1 = ((distance**2 + j0**2 + j1**2 - to_j**2) / 2 - a0 * j0) / j1
    rest = math.sqrt(distance**2 - a0**2 - a1**2 - along_e2**2)
    inside = torch.tensor([a0, a1, along_e2], dtype=torch.float64) @ frame.basis
    return frame.c + inside + rest * directions


def _directions(m: int, frame: Frame, generator: torch.Generator) -> torch.Tensor:
    """m random unit vectors (m, d) at right angles to the frame's basis."""
    random = torch.randn(m, DIMENSION, generator=generator, dtype=torch.float64)
    return _unit(random - random @ frame.basis.T @ frame.basis)


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = vectors / vectors.norm(dim=1, keepdim=True)
    return found
