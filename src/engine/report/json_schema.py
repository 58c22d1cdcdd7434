"""The JSON object of a run, as structs, and the JSON schema of them.

Every key is always present, null where nothing is known yet. Distances and norms are float64 numbers in the
units of the embedding: those of single tokens and pairs are the nearest to the exact ones or next to it,
those of all rows are right to 15 digits. Angles are degrees, right to about 1e-13, times seconds, sizes
bytes. No torch here.
"""

from inspect import cleandoc
from typing import Any, Final, Literal

import msgspec

from ..events import (
    Histogram,
    Magnitude,
    Natural,
    RunEnded,
    Settled,
    SourceFile,
    Summary,
    Triangle,
    Warned,
    Words,
)
from ..journal.record import State

SCHEMA: Final = 2  # version of the layout; it changes when a key is removed or changes its meaning


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every part of the object: immutable, with these keys and no others."""


class TokenOfRow(_Part, frozen=True, kw_only=True):
    """A row's token: `index`, its row in the cluster; `id`, its token id; `text`, its raw text, or null where no
    tokenizer is known. Whoever prints a text escapes it."""

    index: Natural
    id: Natural | None
    text: Words | None


class ModelPart(_Part, frozen=True, kw_only=True):
    """What was asked for: `name`; `weights`, the safetensors file; `tensor`, its name there; `matrix`, which
    matrix that is, and `head`, how the model stores its unembedding: as a matrix of its own, as the embedding
    ("tied") or not at all; both are null where the tensor's name does not tell; `cluster`, "mask", "all",
    "copies", "ids:…", "file:PATH", "script:NAME" or "tokens:REGEX"; `cluster_file`; `tokenizer`; `exhaustive`,
    whether every pair was to be evaluated."""

    name: Words
    weights: Words
    tensor: Words
    matrix: Literal["unembedding", "embedding"] | None
    head: Literal["untied", "tied", "no head"] | None
    cluster: Words
    cluster_file: Words | None
    tokenizer: Words | None
    exhaustive: bool


class RowsPart(_Part, frozen=True, kw_only=True):
    """The cluster: `n` rows of dimension `d`; `dtype` on disk (or in memory); `vocabulary`, the rows of the
    whole tensor; `fingerprint`, a hash of rows and token ids; `centroid`, "stored", or "mean" (of the rows,
    rounded to float64)."""

    n: Natural
    d: Natural
    dtype: Words
    vocabulary: Natural
    fingerprint: Words
    centroid: Literal["stored", "mean"]


class DevicePart(_Part, frozen=True, kw_only=True):
    """Where the search ran: `kind`, as torch calls the device; `name`, as a person does; `torch`, its version;
    `memory`, the stated peak beyond the rows; `threads`, 0 where torch chose; `precision`, the format of the
    products that discard pairs, and `precision_reason`, why it is that one."""

    kind: Words
    name: Words
    torch: Words
    memory: Natural
    threads: Natural
    precision: Words
    precision_reason: Words


class BatchPart(_Part, frozen=True, kw_only=True):
    """Batch number `batch`, of the rows `start` ≤ i < `end`: its `maximum` once proved; `lower`, a lower
    bound of it, null where none is known; `i`, `j`: the tokens that attain it; `settled`: by what it was
    proved; `pairs` and `evaluated`: how many it settled and evaluated; `seconds` since the search began."""

    batch: Natural
    start: Natural
    end: Natural
    maximum: Magnitude | None
    lower: Magnitude | None
    i: TokenOfRow | None
    j: TokenOfRow | None
    settled: Settled | None
    pairs: Natural | None
    evaluated: Natural | None
    seconds: Magnitude | None


class PairPart(_Part, frozen=True, kw_only=True):
    """Two tokens, `i` before `j` in the cluster, and the `distance` between them."""

    i: TokenOfRow
    j: TokenOfRow
    distance: Magnitude


class Certificate(_Part, frozen=True, kw_only=True):
    """What is proved of the farthest pair.

    `error` is the absolute error bound of the distance and `ties` how many pairs are exactly that far apart
    (1: the pair is unique). `runner_up` is the next smaller distance, `runner_up_i` and `runner_up_j` the
    tokens at it, and `runner_up_gap` how much smaller it is (not the difference of the two rounded numbers),
    null where they were not worked out. Of `pairs` in all `evaluated` were evaluated; every other was
    discarded under a rigorous bound. `seconds` is what the search took, `precision` the format of the
    products that discarded pairs.
    """

    error: Magnitude
    ties: Natural
    runner_up: Magnitude | None
    runner_up_i: TokenOfRow | None
    runner_up_j: TokenOfRow | None
    runner_up_gap: Magnitude | None
    pairs: Natural
    evaluated: Natural
    seconds: Magnitude
    precision: Words


class MeasurePart(_Part, frozen=True, kw_only=True):
    """Where a `token` lies: its `norm`; `norm_ratio`, the norm over the centroid's, null where that is zero;
    its `distance` from the centroid; `medians`, that distance over the median one of all rows, null where
    that is zero; `is_outlier`, whether it is one of the outliers, null while that is not known."""

    token: TokenOfRow
    norm: Magnitude
    norm_ratio: Magnitude | None
    distance: Magnitude
    medians: Magnitude | None
    is_outlier: bool | None


class OutlierPart(_Part, frozen=True, kw_only=True):
    """One of the outliers, the tokens that the ladder removes before the diameter collapses: its `rank` by
    distance from the centroid, 1 for the farthest; its `token`; its `norm`; its `distance` from the centroid;
    `medians`, that distance over the median one of all rows. What an older run did not write down is null."""

    rank: Natural
    token: TokenOfRow
    norm: Magnitude | None
    distance: Magnitude | None
    medians: Magnitude | None


class DuplicatesPart(_Part, frozen=True, kw_only=True):
    """Bit-identical rows: `distinct`, the number of different rows; `groups` of two or more identical rows; `rows`
    in them; `sizes` of the 100 largest groups; `members`, the tokens of each group, the largest group first, null
    where an older run did not write them down. Groups that would bring the tokens to more than 20,000 are left out
    of `members`."""

    distinct: Natural
    groups: Natural
    rows: Natural
    sizes: tuple[Natural, ...]
    members: tuple[tuple[TokenOfRow, ...], ...] | None


class AnalysisPart(_Part, frozen=True, kw_only=True):
    """What kind of outliers the farthest pair are, and the cluster around it.

    `outlier` and `other` are the pair, the larger norm first; `norms_beyond` says which of their norms exceed
    twice the centroid's; `mean_distance` is that of the two from the centroid; `centroid_norm`; `triangle`,
    of the centroid and the pair; `norms` and `distances`, of all rows; `centroid_offset`, the stored
    centroid's distance from the rows' mean, and `distances_from_mean`, both null where the mean is the
    centroid; `duplicates`, the bit-identical rows; `histogram` of the distances, null in older runs.
    """

    outlier: MeasurePart
    other: MeasurePart
    norms_beyond: Literal["both", "larger", "neither"]
    mean_distance: Magnitude
    centroid_norm: Magnitude
    triangle: Triangle
    norms: Summary
    distances: Summary
    centroid_offset: Magnitude | None
    distances_from_mean: Summary | None
    duplicates: DuplicatesPart
    histogram: Histogram | None


class RungPart(_Part, frozen=True, kw_only=True):
    """A rung k of the ladder: `removed`, the token that went k-th, null at k = 0; `i` and `j`, the tokens
    farthest apart without the first k; `diameter`, their distance."""

    removed: TokenOfRow | None
    i: TokenOfRow
    j: TokenOfRow
    diameter: Magnitude


class LadderPart(_Part, frozen=True, kw_only=True):
    """The outlier ladder: `rungs`, by how many tokens are removed; `outside`, at which k the diameter
    collapses, null where it does not; `left_out`, "time" where the rest would have taken too much of it, else
    null; `at_most`, then an upper bound of the next diameter; `seconds` that it took."""

    rungs: tuple[RungPart, ...]
    outside: Natural | None
    left_out: Literal["time"] | None
    at_most: Magnitude | None
    seconds: Magnitude


class CheckPart(_Part, frozen=True, kw_only=True):
    """The last independent check: `confirmed` or not; `refutations`, sentences; `pairs` and `batches`, how
    many were checked; `sample`, of how many rows, null for all; `time`, seconds since the epoch."""

    confirmed: bool
    refutations: tuple[Words, ...]
    pairs: Natural
    batches: Natural
    sample: Natural | None
    time: float | None


class WarningPart(_Part, frozen=True, kw_only=True):
    """Something to know that the run survived: its `kind`, and a `message` in one sentence."""

    kind: Words
    message: Words

    @classmethod
    def of(cls, warned: Warned) -> "WarningPart":
        """The part that says what `warned` says."""
        return cls(kind=warned.kind, message=warned.message)


class EndPart(_Part, frozen=True, kw_only=True):
    """How the run ended: `outcome`, the run's state; `reason` and `advice` in words; `cause` of a failure
    ("input", "memory", "disk", "program"), "signal" where it was terminated from outside, or null."""

    outcome: Words
    reason: Words
    advice: Words
    cause: Words | None

    @classmethod
    def of(cls, ended: RunEnded) -> "EndPart":
        """The part that says what `ended` says."""
        return cls(outcome=ended.state, reason=ended.reason, advice=ended.advice, cause=ended.cause)


class RunReport(_Part, frozen=True, kw_only=True):
    """A run as one JSON object.

    `schema` is the version of this layout. `program` is the version of farpair that ran, `run` the run's id,
    `host` the machine's name. `state` is how the run ended ("done", "stopped" by a person, "terminated" from
    outside, "failed"), or of one that has not ended (or whose engine was killed) how far it came. `model` is what
    was asked for, `files` those that were read, `rows` the cluster, `device` where it was searched. `batches` are
    in the order of their rows. `pair` is the answer and `certificate` what is proved of it. `farthest_pairs`
    are the pairs that were asked for, the farthest first, null where no more than one was; `outliers` are all that
    the ladder finds, null while that is not known. `analysis` is about the pair and the cluster; `ladder`, the
    outlier ladder, null where it was not taken; `check`, the last independent check, null where there was none.
    `warnings` come in their order, and `ended` says why the run ended.
    """

    schema: int
    program: Words | None
    run: Words | None
    host: Words | None
    state: State
    model: ModelPart | None
    files: tuple[SourceFile, ...]
    rows: RowsPart | None
    device: DevicePart | None
    batches: tuple[BatchPart, ...]
    pair: PairPart | None
    certificate: Certificate | None
    farthest_pairs: tuple[PairPart, ...] | None
    outliers: tuple[OutlierPart, ...] | None
    analysis: AnalysisPart | None
    ladder: LadderPart | None
    check: CheckPart | None
    warnings: tuple[WarningPart, ...]
    ended: EndPart | None


def json_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) that every JSON object of a run keeps to."""
    schema: dict[str, Any] = msgspec.json.schema(RunReport)
    for part in schema["$defs"].values():
        part["description"] = cleandoc(part["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A run of farpair", **schema}
