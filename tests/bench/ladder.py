"""The outlier ladder beside one search: `python tests/bench/ladder.py [--smoke] [--only NAME] [--rounds K]`.

For each input: the search, the ladder of 64 rungs that a run climbs after it (it knows the search's batches,
and the rows' distances and copies, which the analysis has measured), and both as a library has them, from rows
alone. The last line is the whole result as JSON. See README.md beside this file.
"""

import torch
from common import Contestant, arguments, machine, print_json, print_table, seconds, take_turns, use_threads, whole
from farpair.engine.analysis.ladder_core import Limits
from farpair.engine.analysis.outlier_ladder import ladder, outlier_ladder, rungs_worth_taking
from farpair.engine.analysis.pair_analysis import measure_rows
from farpair.engine.api import farthest_pair
from farpair.engine.events import BatchDone, Ladder
from farpair.engine.search.block_sizes import blocks_for
from farpair.engine.search.search import search_here
from search import INPUTS

LARGEST_RATIO = 3.0  # the ladder's time over the search's, on a cluster
CHOSEN = ("cluster", "black-holes", "wordllama", "minilm")


def main() -> None:
    options = arguments(__doc__.splitlines()[0], CHOSEN)
    use_threads(options.threads)
    on = machine()
    print(", ".join(f"{name} {value}" for name, value in on.items()))
    figures: dict[str, object] = {}
    for name in options.only or CHOSEN:
        rows = INPUTS[name].make(options.smoke)
        if rows is None:
            print(f"\n{INPUTS[name].words}: left out, its package is not installed.")
            continue
        print(f"\n{INPUTS[name].words}")
        figures[name] = measure(rows, 1 if options.smoke else options.rounds)
    print_json({"bench": "ladder", "smoke": options.smoke, "machine": on, "inputs": figures})


def measure(rows: torch.Tensor, rounds: int) -> dict[str, object]:
    """The figures of one input (n, d), printed."""
    n, d = rows.shape
    batches = [event for event in search_here(rows) if isinstance(event, BatchDone)]
    measured = measure_rows(rows, None)
    memory = blocks_for(rows.device, n, d).bytes(n, d)

    def climb() -> Ladder:
        most = rungs_worth_taking(n)
        steps = ladder(
            rows, measured.distances, measured.original, most=most, batches=batches, limits=Limits(memory=memory)
        )
        *_, found = steps
        assert isinstance(found, Ladder)
        return found

    times = take_turns(
        [
            Contestant("search", whole(lambda: list(search_here(rows)))),
            Contestant("ladder after it", whole(climb)),
            Contestant("farthest_pair", whole(lambda: farthest_pair(rows))),
            Contestant("outlier_ladder", whole(lambda: outlier_ladder(rows))),
        ],
        rounds,
    )
    found = climb()
    one = times["search"].median
    print_table(
        ("", "median", "of a search"),
        [(name, seconds(taken.median), f"{taken.median / one:.2f} ×") for name, taken in times.items()],
    )
    ratio = times["ladder after it"].median / one
    print(f"  {len(found.rungs)} rungs, {found.outside or 'no'} outside, left out: {found.left_out or 'nothing'}")
    print(f"  {ratio:.2f} searches (must ≤ {LARGEST_RATIO:g}): {'met' if ratio <= LARGEST_RATIO else 'NOT met'}")
    return {"seconds": {name: taken.median for name, taken in times.items()}, "rungs": len(found.rungs)}


if __name__ == "__main__":
    main()
