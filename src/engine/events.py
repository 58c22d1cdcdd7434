"""The typed events of a run: the contract between the engine and everything that shows a run.

The engine appends them to a journal, one JSON line each (see `journal`). Rows are named by their index in the
cluster (0 … n-1), batches by their number (0 … batches-1). Distances are Euclidean (L2) in the units of the
embedding, times are in seconds, sizes in bytes. Torch is not imported here.
"""

from itertools import pairwise
from typing import Annotated, Final, Literal

import msgspec

from .run_settings import DEFAULTS, RunSettings

# Limits on the values in a journal, which is untrusted: values beyond them are refused.
MOST_BATCHES: Final = 300_000
MOST_DUPLICATES: Final = 20_000  # rows in the groups of duplicates that a run lists
LONGEST_WORDS: Final = 65_536  # characters; a sentence with two paths in it has at most half as many
Natural = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]  # a number of things, or an index
Signed = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Magnitude = Annotated[float, msgspec.Meta(ge=0)]  # a length, an angle, a time or a rate
Words = Annotated[str, msgspec.Meta(max_length=LONGEST_WORDS)]
# The means that settled a batch, from the cheapest to the most expensive.
Settled = Literal["bounds", "screening", "float64", "exhaustive"]


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """The base of all events: immutable, with the class's name under "type"."""


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The request of a run: everything that an engine process needs to know.

    `weights` is the safetensors file, `tensor` the name of the (N, d) tensor in it. `matrix` is "unembedding" or
    "embedding", and `head` says how the model stores its unembedding: "untied" (as a matrix of its own), "tied"
    (the embedding is used for it) or "no head"; both are "" where unknown. `cluster` selects the rows: "mask" (by
    the notebook's mask file, `cluster_file`), "all", "copies", "ids:…", "file:PATH", "script:NAME" or
    "tokens:REGEX" (every token whose text matches). `settings` are the settings of the search. `resumes` is the
    run whose settled batches this run takes over.
    """

    model: Words
    weights: Words
    tensor: Words = "W"
    cluster: Words = "mask"
    cluster_file: Words | None = None
    tokenizer: Words | None = None
    matrix: Literal["", "unembedding", "embedding"] = ""
    head: Literal["", "untied", "tied", "no head"] = ""
    settings: RunSettings = DEFAULTS
    resumes: Words | None = None

    def __post_init__(self) -> None:
        for name, value in self.settings.changed.items():
            if isinstance(value, int) and not 0 <= value < 2**63:
                raise ValueError(f"`{name}` is not a number of things")
            if isinstance(value, str) and len(value) > LONGEST_WORDS:
                raise ValueError(f"`{name}` is longer than {LONGEST_WORDS:,} characters")


class SourceFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the run read: its `path`, its `size`, and `mtime_ns`, its modification time in nanoseconds since
    the epoch, both as they were when the run read it."""

    path: Words
    size: Natural
    mtime_ns: Signed


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the cluster: its index there, its token id, and its raw text where a tokenizer is known.

    `text` is untrusted: it may hold control characters, markup and bidirectional overrides.
    """

    index: Natural
    id: Natural
    text: Words | None = None


class EngineStarted(Event, frozen=True, kw_only=True):
    """The engine process is alive and about to load torch: always the journal's first event.

    `pid` and `pid_created` (seconds since the epoch) together identify the process on `host`. `queue` is the
    requested device; runs with the same queue wait for one another.
    """

    run: Words
    pid: Natural
    pid_created: float
    host: Words
    program: Words
    request: RunRequest
    queue: Words = ""


class Queued(Event, frozen=True, kw_only=True):
    """The run waits for its device behind `ahead` other runs, the last of which is `behind`.

    The event is written again whenever the queue changes. At `ahead` 0, where `behind` is None, the wait is over.
    """

    ahead: Natural
    behind: Words | None = None


class RunStarted(Event, frozen=True, kw_only=True):
    """The rows are loaded and the search begins.

    The cluster has `n` rows of dimension `d`, stored as `dtype` ("BF16", "F32", …); the whole tensor has
    `vocabulary` rows. `fingerprint` is a hash of the rows and their token ids. `memory` is the engine's stated
    peak beyond the rows. `centroid` says whether the centroid is stored or the rows' mean. `precision` is the
    format of the screening products, and `precision_reason` the reason for it, as the end of a sentence.
    """

    files: tuple[SourceFile, ...]
    fingerprint: Words
    vocabulary: Natural
    n: Natural
    d: Natural
    dtype: Words
    device: Words
    device_name: Words
    batch: Natural
    batches: Annotated[int, msgspec.Meta(ge=0, le=MOST_BATCHES)]
    memory: Natural
    centroid: Literal["stored", "mean"]
    torch: Words
    precision: Words = "float32"
    precision_reason: Words = ""


class Named(Event, frozen=True, kw_only=True):
    """The tokens of some rows, written before the first event that mentions those rows."""

    tokens: tuple[Token, ...]


class Warned(Event, frozen=True, kw_only=True):
    """A warning in one sentence; the run goes on."""

    kind: Literal["centroid", "copies", "memory", "device", "tokenizer", "cluster", "newer", "resumed"]
    message: Words


class BatchBound(Event, frozen=True, kw_only=True):
    """A lower bound of a batch's maximum: the distance of rows i < j, one of them in the batch."""

    batch: Natural
    lower: Magnitude
    i: Natural
    j: Natural


class BatchDone(Event, frozen=True, kw_only=True):
    """The proved maximum of a batch: max over rows start ≤ i < end and all rows j of |x_i - x_j|.

    `i` < `j` is the smallest pair (i, j) that attains it; one of the two rows is in the batch. `pairs` is the
    number of unordered pairs with a row in this batch and none in a batch settled earlier; `evaluated` is the
    number of those that were evaluated rather than discarded by a cheaper bound. `settled` names the most
    expensive means that was needed. `seconds` is the time since the search began.
    """

    batch: Natural
    start: Natural
    end: Natural
    maximum: Magnitude
    i: Natural
    j: Natural
    pairs: Natural
    evaluated: Natural
    seconds: Magnitude
    settled: Settled


class Checkpoint(Event, frozen=True, kw_only=True):
    """The state from which the search can be resumed if it is interrupted.

    The batches of the first `batches` BatchDone events are settled. `pairs` are the evaluated pairs that may still
    be the maximum of another batch, the farthest pair or its runner-up, as (i, j, ties), each of which stands for
    `ties` pairs at one distance. `grouping` identifies the groups of rows that are searched as one; a search with
    other groups cannot be resumed from here.
    """

    batches: Natural
    pairs: tuple[tuple[Natural, Natural, Natural], ...]
    grouping: Natural


class Progress(Event, frozen=True, kw_only=True):
    """The progress of the search: `settled` of `pairs` unordered pairs are decided after `seconds` of search."""

    settled: Natural
    pairs: Natural
    seconds: Magnitude
    pairs_per_second: Magnitude
    device_bytes: Natural | None = None


class Paused(Event, frozen=True, kw_only=True):
    """The engine is paused: it uses no CPU until it is told to resume or to stop."""


class Continued(Event, frozen=True, kw_only=True):
    """A paused engine has resumed."""


class PairFound(Event, frozen=True, kw_only=True):
    """The farthest pair and its certificate.

    `distance` is |x_i - x_j| in float64 with absolute error at most `error`. (i, j), i < j, is the smallest of the
    `ties` pairs at exactly that distance (1: the pair is unique). Where the pair is unique, `runner_up` is the
    next distance, `runner_up_i`, `runner_up_j` the pair at it, and `runner_up_gap` the difference between the two
    distances, rounded from the exact squares; all four are None where pairs tie, and the gap also in journals of
    versions that did not compute it. `evaluated` of `pairs` unordered pairs were evaluated; a rigorous bound
    discarded every other. `precision` is the format of the matrix products that discarded pairs.
    """

    i: Natural
    j: Natural
    distance: Magnitude
    error: Magnitude
    ties: Natural
    runner_up: Magnitude | None
    runner_up_i: Natural | None
    runner_up_j: Natural | None
    runner_up_gap: Magnitude | None = None
    pairs: Natural
    evaluated: Natural
    seconds: Magnitude
    precision: Words = "float32"


class TokenMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """Measures of a row: its norm, the ratio of its norm to the centroid's (None where the centroid is zero), and
    its distance from the centroid."""

    index: Natural
    norm: Magnitude
    norm_ratio: Magnitude | None
    distance: Magnitude


class Triangle(msgspec.Struct, frozen=True, kw_only=True):
    """The triangle of the centroid and the rows i and j.

    `side_i` and `side_j` are the distances of i and j from the centroid, `side_ij` that between them.
    `at_centroid`, `at_i` and `at_j` are the interior angles in degrees by the law of cosines, `angle_sum` their
    sum. `at_centroid_dot` is the angle at the centroid by the dot product. An angle with an arm of length zero is
    undefined and None. `degenerate` describes a triangle with such an angle or with collinear points in words; it
    is None for any other.
    """

    side_i: Magnitude
    side_j: Magnitude
    side_ij: Magnitude
    at_centroid: Magnitude | None
    at_i: Magnitude | None
    at_j: Magnitude | None
    angle_sum: Magnitude | None
    at_centroid_dot: Magnitude | None
    degenerate: Words | None


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The `minimum`, `maximum`, `median` (the lower of the middle two) and `mean` of one number per row."""

    minimum: Magnitude
    maximum: Magnitude
    median: Magnitude
    mean: Magnitude


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """The histogram of the rows' distances from the centroid.

    `counts[b]` rows lie at distances r with edges[b] ≤ r < edges[b + 1]; the last bin includes r = edges[-1].
    Edges grow by a constant factor from the smallest distance to the largest; where these are equal there is one
    bin. The `at_zero` rows exactly on the centroid are in no bin. `beyond` rows lie farther from the centroid than
    `threshold`, twice the median distance.
    """

    edges: tuple[Magnitude, ...]
    counts: tuple[Natural, ...]
    at_zero: Natural
    threshold: Magnitude
    beyond: Natural

    def __post_init__(self) -> None:
        rising = all(below < above for below, above in pairwise(self.edges)) or len(self.counts) == 1
        if len(self.edges) != len(self.counts) + bool(self.counts) or not (rising and all(self.edges)):
            raise ValueError("the edges do not fit the counts")
        if self.counts and not any(self.counts):
            raise ValueError("the counts are all zero")


class Copies(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of bit-identical rows.

    `distinct` is the number of different rows, `groups` the number of groups of two or more identical rows, and
    `rows` the number of rows in those groups. `sizes` are the sizes of the 100 largest groups, largest first.
    """

    distinct: Natural
    groups: Natural
    rows: Natural
    sizes: tuple[Natural, ...]


class Analysed(Event, frozen=True, kw_only=True):
    """The analysis of the farthest pair and of the cluster.

    `outlier` is the token of the pair with the larger norm, `other` the second. `both_far` is the notebook's test
    of norms: both are greater than twice the centroid's. `centroid_offset` is the distance between the stored
    centroid and the rows' mean, and `distances_from_mean` the summary of the rows' distances from that mean; both
    are None where the mean itself is the centroid. `histogram` is None in journals of versions without it.
    """

    i: Natural
    j: Natural
    outlier: TokenMeasure
    other: TokenMeasure
    both_far: bool
    mean_distance: Magnitude
    centroid_norm: Magnitude
    triangle: Triangle
    norms: Summary
    distances: Summary
    centroid_offset: Magnitude | None
    distances_from_mean: Summary | None
    copies: Copies
    histogram: Histogram | None = None


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """The farthest pair i < j and its distance after the row `removed` is removed (None on the first rung)."""

    removed: Natural | None
    i: Natural
    j: Natural
    diameter: Magnitude


class Climbing(Event, frozen=True, kw_only=True):
    """The progress of the outlier ladder or of the list of the farthest pairs, after the search: `settled` of
    `pairs` pairs are decided."""

    settled: Natural
    pairs: Natural


class Ladder(Event, frozen=True, kw_only=True):
    """The diameter of the cluster as its outermost rows are removed one by one; rungs[k] is that without k rows.

    Rows are removed by decreasing distance from the centroid, the lower index first among equals. `outside` is the
    k at which the diameter collapses (see `criteria`), None where it does not. Where the ladder ends early,
    `left_out` names the resource that ran out, and `at_most` is an upper bound of the next diameter. `seconds` is
    the time taken. `outliers` are the first `outside` rows removed, in that order; the tuple is empty in journals
    of versions that did not list them.
    """

    rungs: tuple[Rung, ...]
    outside: Natural | None
    left_out: Literal["time"] | None
    at_most: Magnitude | None
    seconds: Magnitude
    outliers: tuple[TokenMeasure, ...] = ()

    def __post_init__(self) -> None:
        last = len(self.rungs) - (self.at_most is None)
        if self.outside is not None and not 1 <= self.outside <= last:
            raise ValueError(f"there is no rung {self.outside}")
        if self.outliers and len(self.outliers) != self.outside:
            raise ValueError("the outliers are not those that lie outside")


class PairDistance(msgspec.Struct, frozen=True, kw_only=True):
    """Rows i < j and the distance between them."""

    i: Natural
    j: Natural
    distance: Magnitude


class FarthestPairs(Event, frozen=True, kw_only=True):
    """The farthest pairs, as many as requested, farthest first; among equals the smaller (i, j) comes first."""

    pairs: tuple[PairDistance, ...]


class DuplicateRows(Event, frozen=True, kw_only=True):
    """The groups of bit-identical rows, the largest first, each with its rows in ascending order.

    `left_out` groups are not listed, because a list holds at most MOST_DUPLICATES rows.
    """

    groups: tuple[tuple[Natural, ...], ...]
    left_out: Natural = 0


class PairTriangle(msgspec.Struct, frozen=True, kw_only=True):
    """The triangle of the rows i and j and the centroid."""

    i: Natural
    j: Natural
    triangle: Triangle


class Measured(Event, frozen=True, kw_only=True):
    """Measures of the pairs that attain the maxima of settled batches: their triangles and their tokens.

    Each pair and each row is measured once in a run; `tokens` leaves out the rows of earlier Measured events.
    """

    centroid_norm: Magnitude
    tokens: tuple[TokenMeasure, ...]
    pairs: tuple[PairTriangle, ...]


Ending = Literal["done", "stopped", "terminated", "failed"]


class RunEnded(Event, frozen=True, kw_only=True):
    """How the run ended: `reason` in one sentence, and `advice` on what to do ("" where there is nothing to do).

    `cause` says what failed in a failed run: its input, memory, the disk, or the program itself. For a cancelled
    run "signal" means that a signal from outside ended it, and not a person's stop.
    """

    outcome: Literal["done", "cancelled", "failed"]
    reason: Words
    advice: Words = ""
    cause: Literal["input", "memory", "disk", "program", "signal"] | None = None

    @property
    def state(self) -> Ending:
        """The state to show: a cancelled run is "stopped" by a person, or "terminated" from outside."""
        if self.outcome == "cancelled":
            return "terminated" if self.cause == "signal" else "stopped"
        return self.outcome


class Verified(Event, frozen=True, kw_only=True):
    """The verdict of an independent check of the run's claims (see `checker`), written after the end of the run.

    Each of the `refutations` is a sentence. `pairs` unordered pairs and the maxima of `batches` batches were
    checked. `sample` is the number of rows that were sampled, None where all were checked; `confirmed` then means
    only that the sample contradicts no claim.
    """

    confirmed: bool
    refutations: tuple[Words, ...]
    pairs: Natural
    batches: Natural
    sample: Natural | None = None


AnyEvent = (
    EngineStarted
    | Queued
    | RunStarted
    | Named
    | Warned
    | BatchBound
    | BatchDone
    | Checkpoint
    | Progress
    | Paused
    | Continued
    | PairFound
    | Analysed
    | Measured
    | Climbing
    | Ladder
    | FarthestPairs
    | DuplicateRows
    | RunEnded
    | Verified
)


class ResumePoint(msgspec.Struct, frozen=True):
    """The point from which an unfinished search is resumed: a `checkpoint`, and the batches that were `settled`
    when it was made, in order."""

    settled: tuple[BatchDone, ...]
    checkpoint: Checkpoint
