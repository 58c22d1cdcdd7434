"""How a search's time grows with the number of rows, measured so that another program's load does not spoil it."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from common import print_table, seconds
from farpair.engine.search.search import search_here

_JUMP = 1.15  # times the time that the other sizes foretell, or that the size's own next turn took
_MOST_REPEATS = 6  # of the sizes that jump: a jump that stays is the search's own


def growth(rows: torch.Tensor, sizes: Sequence[int], rounds: int) -> dict[str, object]:
    """The processor time of a search of the first `sizes` of the rows (n, d), shuffled, in one thread, and the
    exponent of the power of n that fits it.

    A thread that waits for a core uses no processor time, and one thread waits for no other. What a load still
    does, to caches and to clock rates, lengthens a turn: so the sizes take turns, the fastest turn of each counts,
    and sizes that `jumping` names, and their neighbours, take further turns.
    """
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    subsets = {size: rows[order[:size]] for size in sizes if size <= len(rows)}
    turns: dict[int, list[float]] = {size: [] for size in subsets}
    repeated = dict.fromkeys(subsets, 0)
    with _one_thread():
        for _ in range(rounds + 1):
            _take_turns(turns, subsets)
        for _ in range(_MOST_REPEATS if rounds else 0):
            again = jumping(turns)
            for size in again:
                repeated[size] += 1
            _take_turns(turns, {size: subsets[size] for size in again})
    fastest = {size: min(taken) for size, taken in turns.items()}
    exponent = fitted_exponent(fastest)
    print(f"  processor time ∝ n^{exponent:.2f}")
    print_table(
        ("n", "fastest", "turns", "repeats"),
        [(f"{size:,}", seconds(fastest[size]), str(len(turns[size])), str(repeated[size])) for size in fastest],
    )
    return {
        "seconds": {str(size): fastest[size] for size in fastest},
        "exponent": exponent,
        "repeats": {str(size): repeated[size] for size in fastest},
        "still_jumping": [str(size) for size in (jumping(turns) if rounds else [])],
    }


def jumping(turns: Mapping[int, Sequence[float]]) -> list[int]:
    """The sizes whose time is not to be trusted yet, and their neighbours, ascending.

    A size jumps if its two fastest turns are far apart, so that neither confirms the other, or if it took much
    longer than the power of n through its two neighbours foretells.
    """
    sizes = sorted(turns)
    fastest = {size: min(turns[size]) for size in sizes}
    found = set[int]()
    for at, size in enumerate(sizes):
        two = sorted(turns[size])[:2]
        confirmed = len(two) == 2 and two[1] <= _JUMP * two[0]
        inner = 0 < at < len(sizes) - 1
        if not confirmed or (inner and fastest[size] > _JUMP * _foretold(fastest, *sizes[at - 1 : at + 2])):
            found.update(sizes[max(0, at - 1) : at + 2])
    return sorted(found)


def fitted_exponent(points: Mapping[int, float]) -> float:
    """The slope of the least-squares line through (log n, log t)."""
    logs = [(math.log(n), math.log(t)) for n, t in points.items()]
    mean_n, mean_t = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    found: float = sum((n - mean_n) * (t - mean_t) for n, t in logs) / sum((n - mean_n) ** 2 for n, _ in logs)
    return found


def _foretold(fastest: Mapping[int, float], fewer: int, size: int, more: int) -> float:
    """What the power of n through two sizes gives for one between them."""
    share = math.log(size / fewer) / math.log(more / fewer)
    return math.exp((1 - share) * math.log(fastest[fewer]) + share * math.log(fastest[more]))


def _take_turns(turns: Mapping[int, list[float]], subsets: Mapping[int, torch.Tensor]) -> None:
    """Search each of the subsets once, and add the seconds to its `turns`."""
    for size, subset in subsets.items():
        started = time.process_time()
        for _ in search_here(subset):
            pass
        turns[size].append(time.process_time() - started)


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
