"""Hard rows cost about as much as a brute force, and no more memory than was stated."""

import pytest
from adversary.attack import case_of
from adversary.costs import cost_of


@pytest.mark.parametrize(
    "line",
    [
        "sign-flips-and-permutations/1/2000/8/float32/float32/256/default/search/plain",
        "gaussian/1/4000/48/float32/float32/1/default/search/plain",
        "gaussian/2/4000/16/float32/float32/1/default/eccentricities/plain",
        "opposite-clouds/1/600/40/float32/float32/64/default/search/plain",
        "near-ties-at-the-tolerance-of-float64/1/500/96/float32/float32/1/default/search/plain",
        "one-hot/1/700/700/float32/tf32/1/default/search/plain",
    ],
)
def test_a_hard_search_takes_no_more_time_and_memory_than_it_may(line: str) -> None:
    cost = cost_of(case_of(line), too_long=60.0)
    assert not cost.is_slow, str(cost)
    assert not cost.is_large, str(cost)
