"""Centered rows: the radii that one pass over the rows finds, and the rows far out."""

import pytest
import torch
from farpair.engine.search.centered_rows import center_rows
from farpair.engine.search.pivots import pivot_pairs
from farpair.engine.search.rounding import gamma
from support import inputs

OUTLIERS = inputs.cluster(700, 320).float()


def test_rows_far_out_from_the_others_are_met_in_the_same_pass() -> None:
    centered = center_rows(OUTLIERS, far_out=4)
    far_out = centered.farthest_out(4)
    y = OUTLIERS.double() - centered.centre.double()
    error = (gamma(320) + 2.0**-22) * centered.radius[:, None] * centered.radius[far_out]

    assert centered.met is not None
    assert torch.equal(centered.met.index, far_out)
    assert ((centered.met.products - y @ y[far_out].T).abs() <= error).all()


@pytest.mark.parametrize("rows", [inputs.normal(700, 320).float(), OUTLIERS[:, :1] * 0 + 3.0, 1e30 * OUTLIERS])
def test_no_rows_are_met_where_none_lie_far_out_or_the_range_is_unsafe(rows: torch.Tensor) -> None:
    assert center_rows(rows, far_out=4).met is None


def test_estimates_are_the_same_whether_the_rows_have_met_their_pivots_or_not() -> None:
    met, plain = center_rows(OUTLIERS, far_out=4), center_rows(OUTLIERS)
    pivots = plain.farthest_out(4)
    found = pivot_pairs(met, pivots)

    for other in (pivot_pairs(plain, pivots), pivot_pairs(met, pivots)):
        assert ((found.squares - other.squares).abs() <= found.error()).all()
    assert ((found.squares[:3] - pivot_pairs(met, pivots[:3]).squares).abs() <= found.error()).all()
