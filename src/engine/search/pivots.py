"""The first step of a search: a few rows of largest radius against all rows.

The farthest partner of a row is nearly always among the rows farthest from the centre, so these few products give
every batch a lower bound that is seldom improved. The same products bound the distance of every pair with a pivot
from above, more sharply than a tile can, so that pairs with a pivot are decided here.

With y_i = x_i - c rounded to float32 and r_i >= |y_i|, a pivot's own square taken in float64, the squared
distance exceeds the estimate s = |y_p|^2 + r_i^2 - 2 y_p.y_i by at most 2 gamma(d) r_p r_i (the product) +
8 u (r_p + r_i)^2 (rounding y, and adding up), u = 2^-24.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from .centered_rows import CenteredRows
from .matmul import behind_witness, product
from .rounding import UNIT_ROUNDOFF, gamma
from .thresholds import Thresholds
from .workspace import Slot, Workspace


@dataclass(frozen=True)
class PivotPairs:
    """`squares` (m, n) float32: estimates of the squared distances from the `pivots` (m,) to all rows, possibly in
    a workspace's `slot`."""

    pivots: Tensor
    squares: Tensor
    centered: CenteredRows
    slot: Slot | None = None

    def likeliest(self, batch: int) -> tuple[Tensor, Tensor]:
        """By estimate, the farthest pair of each batch and of each pivot, as (i, j), i != j."""
        best, pivot = self.squares.max(dim=0)
        n = len(best)
        batches = -(-n // batch)
        by_batch = torch.nn.functional.pad(best, (0, batches * batch - n), value=-1.0).view(batches, batch)
        rows = by_batch.argmax(dim=1) + torch.arange(batches) * batch
        i = torch.cat([rows, self.pivots])
        j = torch.cat([self.pivots[pivot[rows]], self.squares.argmax(dim=1)])
        return i[i != j], j[i != j]

    def error(self, pivot: int | None = None) -> Tensor:
        """The most by which a squared distance from the `pivot`-th pivot, or from any of them, to each row may
        exceed its estimate: (n,) float64."""
        radius = self.centered.radius
        largest = radius[self.pivots].max() if pivot is None else radius[self.pivots[pivot]]
        d = self.centered.rows.shape[1]
        rounding = 8 * UNIT_ROUNDOFF[torch.float32] * (largest + radius).square()
        return 2 * gamma(d) * largest * radius + rounding + (d + 8) * 2.0**-120

    def candidates(self, thresholds: Thresholds) -> tuple[Tensor, Tensor]:
        """The pairs i < j with a pivot that may reach the `thresholds`, each once. Raises ProofError where the
        estimates have been overwritten."""
        if self.slot is not None:
            self.slot.checked()
        error = self.error()
        threshold, of_pivots = thresholds.of(torch.arange(len(error))), thresholds.of(self.pivots)
        enough = threshold.clamp_max(float(of_pivots.min())) - error
        row = (~(self.squares.amax(dim=0).to(torch.float64) < enough)).nonzero().flatten()
        reach = self.squares[:, row].to(torch.float64).add_(error[row])
        may = ~(reach < torch.minimum(of_pivots[:, None], threshold[row]))
        at, column = may.nonzero(as_tuple=True)
        i, j = self.pivots[at], row[column]
        first_of_two = ~torch.isin(j, self.pivots) | (i < j)
        i, j = i[first_of_two], j[first_of_two]
        return torch.minimum(i, j), torch.maximum(i, j)


def pivot_pairs(centered: CenteredRows, pivots: Tensor, workspace: Workspace | None = None) -> PivotPairs:
    """The estimates for the rows `pivots` (m,), in one pass over the rows unless their products with the pivots
    are known. It uses the `workspace`, which must be idle."""
    y = centered.centred(pivots.to(centered.rows.device))
    own = y.cpu().to(torch.float64).square().sum(dim=1).to(torch.float32)
    slot = None
    if centered.met and torch.equal(centered.met.index, pivots):
        products = centered.met.products.clone()
    else:
        shape = len(centered.rows), len(pivots)
        slot = workspace.scratch(*shape) if workspace else None
        products = y.new_empty(shape) if slot is None else slot.tensor
        behind = behind_witness(y)
        for part, block in centered.blocks():
            products[part] = product(block, behind)  # a CPU takes twice as long for the wide product, y block'
    squares = products.to("cpu").mul_(-2).add_(centered.radius.square().to(torch.float32)[:, None]).add_(own)
    return PivotPairs(pivots, squares.T, centered, slot)
