"""The search on a GPU beside products in each format: `python tests/bench/gpu.py [--smoke] [--device cuda:0]`.

The search in each precision, `torch.cdist`, a full GEMM in each format that torch offers on the device, and one
read of the rows take turns; figures are medians, to the end of what the device was asked for. The last line is the
whole result as JSON. Without a GPU it runs on the CPU, which tells that it runs and nothing else.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from common import Contestant, Times, arguments, machine, print_json, print_table, take_turns, use_threads
from farpair.engine.device import choose_device, device_name, release_cached
from farpair.engine.errors import InputError
from farpair.engine.events import PairFound
from farpair.engine.run_settings import PRECISIONS, RunSettings
from farpair.engine.search.block_sizes import blocks_for
from farpair.engine.search.search import search_here
from support.inputs import cluster, normal, vocabulary

GEMM = "full GEMM, "
FLOAT32 = GEMM + "float32"
TILE = 8_192  # rows and columns of a tile of the full GEMM: 256 MB of float32
MULTIPLE = 32  # of which rows and columns are one, as products in narrow formats want them
CDIST_BLOCK = 256  # rows
DECAY = 0.35  # of the generated vocabulary's spectrum
AT_ONCE = 8_192  # rows made at once

Rows = Callable[[torch.device, bool], torch.Tensor]


@dataclass(frozen=True)
class Format:
    """A number format of the full GEMM: rows (n, d) `stored` in it, and the product of two tiles of such."""

    stored: Callable[[torch.Tensor], torch.Tensor]
    product: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def generated_vocabulary(device: torch.device, smoke: bool) -> torch.Tensor:
    """Rows in bfloat16 with a decaying spectrum, as many as a large vocabulary has."""
    n, d = (2_000, 64) if smoke else (151_936, 2_560)
    generator = torch.Generator().manual_seed(0)
    scale = torch.arange(1, d + 1, dtype=torch.float32).pow(-DECAY)
    made = [
        (torch.randn(min(AT_ONCE, n - start), d, generator=generator) * scale).to(device, torch.bfloat16)
        for start in range(0, n, AT_ONCE)
    ]
    return torch.cat(made).to(torch.float32)


INPUTS: dict[str, Rows] = {
    "cluster": lambda device, smoke: cluster(*((1_000, 64) if smoke else (2_248, 2_560))).to(
        device, torch.float32
    ),
    "decaying": lambda device, smoke: vocabulary(*((2_000, 64) if smoke else (32_000, 384))).to(
        device, torch.float32
    ),
    "gaussian": lambda device, smoke: normal(*((1_000, 64) if smoke else (20_000, 2_560))).to(
        device, torch.float32
    ),
    "vocabulary": generated_vocabulary,
}


def main() -> None:
    options = arguments(__doc__.splitlines()[0], list(INPUTS), device=True)
    rounds = 0 if options.smoke else options.rounds
    use_threads(options.threads)
    try:
        device = choose_device(options.device)
    except InputError as error:
        sys.exit(str(error))
    on = machine() | {"device": str(device), "name": device_name(device)}
    print(", ".join(f"{name} {value}" for name, value in on.items()))
    if device.type == "cpu":
        print("No GPU: this tells that the measurement runs, and nothing of a GPU.")
    formats = offered(device)
    print(f"Products that torch offers on it: {', '.join(name.removeprefix(GEMM) for name in formats)}.")
    figures = {
        name: measure(name, INPUTS[name](device, options.smoke), formats, rounds)
        for name in options.only or INPUTS
    }
    print_json({"bench": "gpu", "smoke": options.smoke, "machine": on, "inputs": figures})


def measure(name: str, rows: torch.Tensor, formats: dict[str, Format], rounds: int) -> dict[str, object]:
    """The figures of one input, printed."""
    n, d = rows.shape
    print(f"\n{name}, {n:,} × {d:,}")
    searches = {f"farpair, {precision}": RunSettings(precision=precision) for precision in PRECISIONS}
    work: dict[str, tuple[Callable[[], Iterator[object]], int]] = {
        which: (until_done(lambda settings=settings: searched(rows, settings), rows.device), 1)  # type: ignore[misc]
        for which, settings in searches.items()
    }
    blocks, tiles = -(-n // CDIST_BLOCK), (-(-n // TILE)) ** 2
    work["torch.cdist by products"] = (
        until_done(lambda: cdist(rows, "use_mm_for_euclid_dist"), rows.device),
        blocks,
    )
    work["torch.cdist by differences"] = (
        until_done(lambda: cdist(rows, "donot_use_mm_for_euclid_dist"), rows.device),
        blocks,
    )
    padded = torch.nn.functional.pad(rows, (0, -d % MULTIPLE, 0, -n % MULTIPLE))
    for which, format in formats.items():
        operand = format.stored(padded)
        product = format.product
        work[which] = (
            until_done(lambda x=operand, product=product: gemm(x, product), rows.device),  # type: ignore[misc]
            tiles,
        )
    work["reading X once"] = (until_done(lambda: iter([rows.sum()]), rows.device), 1)
    times = take_turns([Contestant(which, turn, parts) for which, (turn, parts) in work.items()], rounds)
    print_times(times, 2 * n * n * d)
    found = {which: certificate(rows, settings) for which, settings in searches.items()}
    for which, (pair, held) in found.items():
        stated = blocks_for(rows.device, n, d).bytes(n, d)
        memory = "" if held is None else f"; {held / 2**20:,.0f} MiB held of {stated / 2**20:,.0f} stated"
        print(f"  {which}: screened in {pair.precision}, {pair.evaluated / pair.pairs:.4%} evaluated{memory}")
    return {
        "n": n,
        "d": d,
        "seconds": {which: taken.median for which, taken in times.items()},
        "of_a_float32_gemm": {which: taken.median / times[FLOAT32].median for which, taken in times.items()},
        "turns": {which: taken.turns for which, taken in times.items()},
        "reckoned_from": {which: taken.done for which, taken in times.items() if taken.done < 1},
        "precision": {which: pair.precision for which, (pair, _) in found.items()},
        "evaluated": {which: pair.evaluated / pair.pairs for which, (pair, _) in found.items()},
        "distances": sorted({pair.distance for pair, _ in found.values()}),
        "held": {which: held for which, (_, held) in found.items()},
    }


def print_times(times: dict[str, Times], operations: int) -> None:
    """Seconds, how they compare with the float32 GEMM's, and of the GEMMs how many operations a second that is."""
    print_table(
        ("", "median", "fastest", "turns", "of a float32 GEMM", "TFLOP/s"),
        [
            (
                *taken.cells(name),
                str(taken.turns),
                f"{taken.median / times[FLOAT32].median:.3g}",
                f"{operations / taken.median / 1e12:.3g}" if name.startswith(GEMM) else "",
            )
            for name, taken in times.items()
        ],
    )


def until_done(work: Callable[[], Iterator[object]], device: torch.device) -> Callable[[], Iterator[object]]:
    """`work` as a turn, over once the device has done it."""

    def turn() -> Iterator[object]:
        for part in work():
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            yield part

    return turn


def searched(rows: torch.Tensor, settings: RunSettings) -> Iterator[object]:
    """A whole search, as one part."""
    yield list(search_here(rows, settings))


def certificate(rows: torch.Tensor, settings: RunSettings) -> tuple[PairFound, int | None]:
    """What a search finds, and the most bytes of the GPU that it held beyond the rows."""
    cuda = rows.is_cuda
    if cuda:
        release_cached(rows.device)
        torch.cuda.reset_peak_memory_stats(rows.device)
    before = torch.cuda.memory_allocated(rows.device) if cuda else 0
    *_, found = search_here(rows, settings)
    assert isinstance(found, PairFound)
    return found, torch.cuda.max_memory_allocated(rows.device) - before if cuda else None


def cdist(rows: torch.Tensor, mode: str) -> Iterator[object]:
    """Every row's farthest partner, block by block."""
    for start in range(0, len(rows), CDIST_BLOCK):
        yield torch.cdist(rows[start : start + CDIST_BLOCK], rows, compute_mode=mode).max(dim=1)


def gemm(x: torch.Tensor, product: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Iterator[object]:
    """X X' tile by tile: the arithmetic of all distances, and nothing else."""
    for left in x.split(TILE):  # type: ignore[no-untyped-call]
        for right in x.split(TILE):  # type: ignore[no-untyped-call]
            yield product(left, right)


def offered(device: torch.device) -> dict[str, Format]:
    """The formats in which torch multiplies matrices on the device."""
    found = {}
    for name, format in FORMATS.items():
        try:
            format.product(*[format.stored(torch.ones(MULTIPLE, MULTIPLE, device=device))] * 2)
        except (RuntimeError, AttributeError, NotImplementedError, TypeError, ValueError):
            continue
        found[name] = format
    return found


def in_tf32(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """A float32 product in TF32; the setting is the process's, and is put back."""
    if not left.is_cuda:
        raise RuntimeError("TF32 is a format of CUDA devices")
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        return torch.mm(left, right.T)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def in_float8(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    one = torch.ones((), dtype=torch.float32, device=left.device)
    found: torch.Tensor = torch._scaled_mm(left, right.T, scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
    return found


def scaled_to(most: float) -> Callable[[torch.Tensor], torch.Tensor]:
    """Rows of which the largest number is `most`."""
    return lambda rows: rows * (most / rows.abs().max())


FORMATS = {
    FLOAT32: Format(lambda rows: rows, lambda left, right: torch.mm(left, right.T)),
    GEMM + "TF32": Format(lambda rows: rows, in_tf32),
    GEMM + "bfloat16": Format(lambda rows: rows.bfloat16(), lambda left, right: torch.mm(left, right.T)),
    GEMM + "float16": Format(
        lambda rows: scaled_to(1.0)(rows).half(), lambda left, right: torch.mm(left, right.T)
    ),
    GEMM + "float8": Format(lambda rows: scaled_to(448.0)(rows).to(torch.float8_e4m3fn), in_float8),
    GEMM + "int8": Format(
        lambda rows: scaled_to(127.0)(rows).round().to(torch.int8),
        lambda left, right: torch._int_mm(left, right.T),
    ),
}


if __name__ == "__main__":
    main()
