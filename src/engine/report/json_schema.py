"""The JSON object of a run, as structs, and its JSON schema.

Every key is always present, null where its value is not known yet. Distances and norms are float64 in the units of
the embedding: right to one unit in the last place for single tokens and pairs, to 15 digits for summaries of all
rows. Angles are in degrees, right to about 1e-13, times in seconds, sizes in bytes. Torch is not imported here.
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

SCHEMA: Final = 2  # the version of the layout, which changes when a key is removed or changes its meaning


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of every part of the object: immutable, with these keys and no others."""


class TokenOfRow(_Part, frozen=True, kw_only=True):
    """The token of a row: `index`, its row in the cluster; `id`, its token id; `text`, its raw text, or null where
    no tokenizer is known. The text is untrusted and must be escaped before it is printed."""

    index: Natural
    id: Natural | None
    text: Words | None


class ModelPart(_Part, frozen=True, kw_only=True):
    """The request: `name` of the model; `weights`, the safetensors file; `tensor`, the tensor's name in it;
    `matrix`, which matrix that is; `head`, how the model stores its unembedding: as a matrix of its own
    ("untied"), as the embedding ("tied") or not at all ("no head"). `matrix` and `head` are null where the
    tensor's name does not show them. `cluster` is "mask", "all", "copies", "ids:…", "file:PATH", "script:NAME" or
    "tokens:REGEX"; `cluster_file` and `tokenizer` are files; `exhaustive` says whether every pair is evaluated."""

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
    """The cluster: `n` rows of dimension `d`; `dtype`, theirs on disk (or in memory); `vocabulary`, the number of
    rows of the whole tensor; `fingerprint`, a hash of rows and token ids; `centroid`, "stored", or "mean" (of the
    rows, rounded to float64)."""

    n: Natural
    d: Natural
    dtype: Words
    vocabulary: Natural
    fingerprint: Words
    centroid: Literal["stored", "mean"]


class DevicePart(_Part, frozen=True, kw_only=True):
    """The device of the search: `kind`, torch's name for it; `name`, its product name; `torch`, the version of
    torch; `memory`, the stated peak beyond the rows; `threads`, 0 where torch chose; `precision`, the format of
    the products that discard pairs; `precision_reason`, the reason for that format."""

    kind: Words
    name: Words
    torch: Words
    memory: Natural
    threads: Natural
    precision: Words
    precision_reason: Words


class BatchPart(_Part, frozen=True, kw_only=True):
    """The batch number `batch`, of the rows `start` ≤ i < `end`: its `maximum`, null until it is proved; `lower`,
    a lower bound of it, null where none is known; `i` and `j`, the tokens that attain it; `settled`, the means
    that proved it; `pairs` and `evaluated`, the numbers of pairs settled and evaluated; `seconds` since the search
    began."""

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
    """The certificate of the farthest pair.

    `error` is the absolute error bound of the distance, and `ties` the number of pairs at exactly that distance
    (1: the pair is unique). `runner_up` is the next smaller distance, `runner_up_i` and `runner_up_j` are the
    tokens at it, and `runner_up_gap` is the difference between the two exact distances, rounded; each is null
    where it was not computed. `evaluated` of all `pairs` were evaluated; a rigorous bound discarded every other.
    `seconds` is the time of the search, `precision` the format of the products that discarded pairs.
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
    """The measures of a `token`: its `norm`; `norm_ratio`, the ratio of its norm to the centroid's, null where
    that is zero; its `distance` from the centroid; `medians`, the ratio of that to the median distance of all
    rows, null where that is zero; `is_outlier`, whether it is one of the outliers, null until that is known."""

    token: TokenOfRow
    norm: Magnitude
    norm_ratio: Magnitude | None
    distance: Magnitude
    medians: Magnitude | None
    is_outlier: bool | None


class OutlierPart(_Part, frozen=True, kw_only=True):
    """One of the outliers, the tokens that the ladder removes before the diameter collapses: its `rank` by
    distance from the centroid, 1 for the farthest; its `token`; its `norm`; its `distance` from the centroid;
    `medians`, the ratio of that to the median distance of all rows. Values that an older run did not record are
    null."""

    rank: Natural
    token: TokenOfRow
    norm: Magnitude | None
    distance: Magnitude | None
    medians: Magnitude | None


class DuplicatesPart(_Part, frozen=True, kw_only=True):
    """Bit-identical rows: `distinct`, the number of different rows; `groups`, the number of groups of two or more
    identical rows; `rows`, the number of rows in them; `sizes`, those of the 100 largest groups; `members`, the
    tokens of each group, the largest group first, null where an older run did not record them. `members` holds at
    most 20,000 tokens; groups beyond that are left out."""

    distinct: Natural
    groups: Natural
    rows: Natural
    sizes: tuple[Natural, ...]
    members: tuple[tuple[TokenOfRow, ...], ...] | None


class AnalysisPart(_Part, frozen=True, kw_only=True):
    """The analysis of the farthest pair and of its cluster.

    `outlier` and `other` are the pair's tokens, the larger norm first; `norms_beyond` says which of their norms
    exceed twice the centroid's norm, `centroid_norm`. `mean_distance` is the mean of their distances from the
    centroid, and `triangle` the triangle of the centroid and the pair. `norms` and `distances` (from the centroid)
    summarise all rows. `centroid_offset` is the stored centroid's distance from the rows' mean, and
    `distances_from_mean` summarises the distances from that mean; both are null where the mean is the centroid.
    `duplicates` are the bit-identical rows, and `histogram` is that of the distances, null in older runs.
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
    """A rung k of the ladder: `removed`, the k-th token removed, null at k = 0; `i` and `j`, the tokens farthest
    apart after the removal of k tokens; `diameter`, the distance between them."""

    removed: TokenOfRow | None
    i: TokenOfRow
    j: TokenOfRow
    diameter: Magnitude


class LadderPart(_Part, frozen=True, kw_only=True):
    """The outlier ladder: `rungs`, by the number of tokens removed; `outside`, the k at which the diameter
    collapses, null where it does not; `left_out`, "time" where the ladder ended early because its time was over,
    else null; `at_most`, an upper bound of the next diameter where the ladder ended early; `seconds`, the time
    taken."""

    rungs: tuple[RungPart, ...]
    outside: Natural | None
    left_out: Literal["time"] | None
    at_most: Magnitude | None
    seconds: Magnitude


class CheckPart(_Part, frozen=True, kw_only=True):
    """The last independent check: `confirmed`, whether it refuted no claim; `refutations`, its sentences; `pairs`
    and `batches`, the numbers of those checked; `sample`, the number of rows sampled, null for all; `time`, in
    seconds since the epoch."""

    confirmed: bool
    refutations: tuple[Words, ...]
    pairs: Natural
    batches: Natural
    sample: Natural | None
    time: float | None


class WarningPart(_Part, frozen=True, kw_only=True):
    """A warning, which did not end the run: its `kind`, and a `message` in one sentence."""

    kind: Words
    message: Words

    @classmethod
    def of(cls, warned: Warned) -> "WarningPart":
        """The part with the content of `warned`."""
        return cls(kind=warned.kind, message=warned.message)


class EndPart(_Part, frozen=True, kw_only=True):
    """The end of the run: `outcome`, the run's state; `reason` and `advice`, in sentences; `cause`, that of a
    failure ("input", "memory", "disk", "program"), "signal" where the run was terminated from outside, or null."""

    outcome: Words
    reason: Words
    advice: Words
    cause: Words | None

    @classmethod
    def of(cls, ended: RunEnded) -> "EndPart":
        """The part with the content of `ended`."""
        return cls(outcome=ended.state, reason=ended.reason, advice=ended.advice, cause=ended.cause)


class RunReport(_Part, frozen=True, kw_only=True):
    """A run as one JSON object.

    `schema` is the version of this layout. `program` is the version of farpair that ran, `run` the run's id,
    `host` the machine's name. `state` is how the run ended ("done", "stopped" by a person, "terminated" from
    outside, "failed"), or the last stage reached by a run that has not ended or whose engine was killed. `model`
    is the request, `files` are the files that were read, `rows` is the cluster, `device` the device of the search.
    `batches` are in the order of their rows. `pair` is the farthest pair and `certificate` its certificate.
    `farthest_pairs` are the requested pairs, the farthest first, null where only one was requested. `outliers` are
    all that the ladder finds, null until they are known. `analysis` is that of the pair and the cluster, `ladder`
    the outlier ladder, and `check` the last independent check; each is null where there is none. `warnings` are in
    the order in which they came, and `ended` is the end of the run.
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
    """The JSON schema (draft 2020-12) of the JSON object of a run."""
    schema: dict[str, Any] = msgspec.json.schema(RunReport)
    for part in schema["$defs"].values():
        part["description"] = cleandoc(part["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A run of farpair", **schema}
