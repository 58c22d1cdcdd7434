"""The bounds of a screening level for pairs, computed as a search does."""

import torch
from farpair.engine.search.matmul import product
from farpair.engine.search.screening_levels import Factors, Level
from farpair.engine.search.survivors import where_not_positive

CPU = torch.device("cpu")


def level_products(level: Level, left: Factors, right: Factors) -> torch.Tensor:
    """(a, b) float64: products of the level's factors, summed up in float32 and not rounded further."""
    operands = right.at(level).to(torch.float32), left.at(level).to(torch.float32)
    out = torch.empty(len(right.rows), 1 + len(left.rows))
    return product(*operands, out, unit=level.precision.unit).T.to(torch.float64)


def level_keeps(level: Level, left: Factors, right: Factors, needs: torch.Tensor) -> torch.Tensor:
    """(a, b) booleans: which pairs the level does not discard, if left rows need squared distances `needs`
    (a,)."""
    radius = level.centered.radius
    largest = float(radius[left.rows].max() + radius[right.rows].max())
    slack = level.slack_for(largest, float(needs.max()))
    out = torch.empty(len(right.rows), 1 + len(left.rows), dtype=level.precision.product_dtype(CPU))
    products = level.precision.product(right.at(level), left.at(level, needs - slack), out)
    found = where_not_positive(products, products.numel())
    assert found is not None
    kept = torch.zeros(products.shape, dtype=torch.bool)
    kept[found] = True
    return kept.T
