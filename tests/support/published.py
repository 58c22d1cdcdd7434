"""The notebook's published run as events written by hand: what the screen and the report must be able to show."""

import os
import socket
import time
from pathlib import Path

import msgspec
import psutil
from farpair.engine.events import (
    Analysed,
    AnyEvent,
    BatchBound,
    BatchDone,
    Checkpoint,
    Copies,
    EngineStarted,
    Histogram,
    Ladder,
    Named,
    PairFound,
    Progress,
    RunEnded,
    Rung,
    RunRequest,
    RunStarted,
    SourceFile,
    Summary,
    Token,
    TokenMeasure,
    Triangle,
    Warned,
)
from farpair.engine.journal.record import RunRecord
from farpair.engine.journal.writer import JournalWriter
from farpair.engine.models.discovery import Model
from farpair.engine.runs.folders import Run, state_folder
from farpair.engine.runs.request import request_for
from farpair.tui.view import View, leading
from support.notebook_numbers import BATCH_MAXIMA as MAXIMA

N, PAIRS = 2248, 2248 * 2247 // 2
IDS = {14: 48494, 17: 71473, **{256 * b: 70_000 + b for b in range(1, 9)}, 1400: 99_999}
TEXTS: dict[int, str | None] = {
    14: " xyz",
    17: "██取",
    **{256 * b: f"unused{b}" for b in range(1, 9)},
    1400: "far",
}
DATE = 1763800000.0  # 22 November 2025, in every time zone


def a_model(name: str = "Qwen3-4B-Instruct-2507", problem: str | None = None) -> Model:
    """A model that is nowhere on disk."""
    weights = Path("/nowhere") / "model" / "W.safetensors"
    return Model(
        name, weights.parent, weights, "W", (151936, 2560), "BF16", "mask", weights.parent / "mask", None, problem
    )


def asked(model: str = "Qwen3-4B-Instruct-2507") -> RunRequest:
    return RunRequest(model=model, weights="/nowhere/W.safetensors", cluster_file="/nowhere/mask.safetensors")


def started(
    request: RunRequest | None = None, *, n: int = N, batch: int = 256, alive: bool = False
) -> list[AnyEvent]:
    """The first two events. An engine that is `alive` is this very process; another is one that has gone."""
    me = psutil.Process()
    return [
        EngineStarted(
            run="by hand",
            pid=os.getpid() if alive else 2**22 - 1,
            pid_created=me.create_time() if alive else 1.0,
            host=socket.gethostname(),
            program="0.1.0",
            request=request or asked(),
        ),
        RunStarted(
            files=(SourceFile(path="/nowhere/W.safetensors", size=777912320, mtime_ns=10**18),),
            fingerprint="0123456789abcdef",
            vocabulary=151936,
            n=n,
            d=2560,
            dtype="BF16",
            device="cuda:0",
            device_name="NVIDIA H100 80GB HBM3",
            batch=batch,
            batches=-(-n // batch),
            memory=10**8,
            centroid="stored",
            torch="2.13.0",
        ),
    ]


def named(texts: dict[int, str | None] | None = None) -> Named:
    """The tokens that the run names, with these texts."""
    texts = TEXTS if texts is None else texts
    return Named(tokens=tuple(Token(index=i, id=IDS[i], text=texts.get(i)) for i in IDS))


def settled(batch: int) -> BatchDone:
    """One of the nine published batches, settled."""
    pairs = PAIRS // 9
    i, j = (14, 17) if batch == 0 else (17, 256 * batch)
    return BatchDone(
        batch=batch,
        start=256 * batch,
        end=min(256 * (batch + 1), N),
        maximum=MAXIMA[batch],
        i=i,
        j=j,
        pairs=pairs,
        evaluated=pairs // 100,
        seconds=0.012,
        settled="float64",
    )


def point_after(batches: int) -> Checkpoint:
    """Where a search could go on after so many batches."""
    return Checkpoint(batches=batches, pairs=((14, 17, 1),), grouping=0)


def pair_found(*, ties: int = 1, error: float = 4.4e-16) -> PairFound:
    return PairFound(
        i=14,
        j=17,
        distance=1.6082875701,
        error=error,
        ties=ties,
        runner_up=1.25368178,
        runner_up_i=17,
        runner_up_j=1400,
        pairs=PAIRS,
        evaluated=18_000,
        seconds=4.0,
    )


def analysed(**changes: object) -> Analysed:
    """The published analysis, with these changes."""
    whole = Analysed(
        i=14,
        j=17,
        outlier=TokenMeasure(index=17, norm=1.21912193, norm_ratio=1.21912193 / 0.37091014, distance=1.16093612),
        other=TokenMeasure(index=14, norm=1.16991878, norm_ratio=1.16991878 / 0.37091014, distance=1.10977745),
        both_far=True,
        mean_distance=1.135356785,
        centroid_norm=0.37091014,
        triangle=Triangle(
            side_i=1.10977745,
            side_j=1.16093612,
            side_ij=1.60828757,
            at_centroid=90.16,
            at_i=46.21,
            at_j=43.63,
            angle_sum=180.0,
            at_centroid_dot=90.16,
            degenerate=None,
        ),
        norms=Summary(minimum=0.37029281, maximum=1.21912193, median=0.37091675, mean=0.37223831),
        distances=Summary(minimum=0.0012512, maximum=1.16093612, median=0.00125222, mean=0.00374321),
        centroid_offset=0.00087932,
        distances_from_mean=Summary(minimum=4.1e-5, maximum=1.160936, median=0.00089653, mean=0.003702),
        copies=Copies(distinct=148, groups=13, rows=2113, sizes=(814, 704, 306, 228, 20, 11, 9, 8, 5, 3, 2, 2, 1)),
        histogram=histogram(),
    )
    return msgspec.structs.replace(whole, **changes)


def histogram() -> Histogram:
    """60 bins from the least distance to the largest, nearly all rows in the first."""
    factor = (1.16093612 / 0.0012512) ** (1 / 60)
    edges = tuple(0.0012512 * factor**b for b in range(60))
    counts = [2239, *[0] * 59]
    for b in (40, 46, 48, 51, 53, 54, 55, 59, 59):
        counts[b] += 1
    return Histogram(edges=(*edges, 1.16093612), counts=tuple(counts), at_zero=0, threshold=0.00250444, beyond=9)


def ladder(**changes: object) -> Ladder:
    """The ladder falls at 9 tokens, of which the first two are the pair's; with these changes."""
    diameters = (1.60828757, 1.33, 0.873, 0.842, 0.726, 0.612, 0.483, 0.314, 0.12)
    widths = [*diameters, *(0.00169 - 1e-6 * k for k in range(56))]
    removed = [None, 17, 14, *(256 * batch for batch in range(1, 7)), 1400, *range(110, 165)]
    pairs = [(14, 17), (14, 256), *[(1792, 2048)] * 63]
    rungs = tuple(
        Rung(removed=row, i=i, j=j, diameter=width)
        for row, (i, j), width in zip(removed, pairs, widths, strict=True)
    )
    whole = Ladder(rungs=rungs, outside=9, left_out=None, at_most=None, seconds=0.05)
    return msgspec.structs.replace(whole, **changes)


def done() -> RunEnded:
    return RunEnded(outcome="done", reason="The farthest pair of 2,248 tokens is found.")


def progress(share: float, rate: float = 1.9e9) -> Progress:
    return Progress(settled=int(PAIRS * share), pairs=PAIRS, seconds=share, pairs_per_second=rate)


def published(request: RunRequest | None = None) -> list[AnyEvent]:
    """The whole run."""
    offset = Warned(kind="centroid", message="The stored centroid is 8.8e-04 away from the mean of the rows.")
    bounds = [BatchBound(batch=0, lower=1.5, i=14, j=17)]
    batches = [settled(batch) for batch in range(9)]
    return [
        *started(request),
        offset,
        named(),
        *bounds,
        *batches,
        progress(1.0),
        pair_found(),
        analysed(),
        ladder(),
        done(),
    ]


def view_of(events: list[AnyEvent], model: Model | None = None, **more: object) -> View:
    """What the screen shows of a run with these events."""
    record, best, newest = RunRecord(), None, None
    for event in events:
        record.apply(DATE, event)
        best = leading(record, best, event)
        newest = event.batch if isinstance(event, BatchDone) else newest
    return View(model or a_model(), record, best=best, newest=newest, **more)  # type: ignore[arg-type]


class HandWritten:
    """A run in the state folder, as `runs.latest` finds it, whose journal the test writes."""

    def __init__(self, model: Model, number: int = 1) -> None:
        self.request = request_for(model)
        run_id = f"{time.strftime('%Y%m%d-%H%M%SZ', time.gmtime())}-by-hand-{number:04x}"
        self.run = Run(run_id, state_folder() / "runs" / run_id)
        self.run.folder.mkdir(parents=True)
        self.run.request.write_bytes(msgspec.json.encode(self.request))
        self._writer = JournalWriter(self.run.journal)

    def write(self, *events: AnyEvent) -> None:
        for event in events:
            self._writer.append(event)

    def close(self) -> None:
        self._writer.close()
