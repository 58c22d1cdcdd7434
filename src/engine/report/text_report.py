"""A run as text, for a terminal or a file, with all that the notebook printed. Torch is not imported here.

Untrusted text (names, paths, token texts, sentences that may quote them) is escaped by `visible` and never parsed
as markup.
"""

from collections.abc import Callable, Iterator
from typing import TextIO

from rich.text import Text

from ..analysis.criteria import telling
from ..events import TokenMeasure
from ..journal.record import BatchRecord, RunRecord
from ..text.escape import visible
from ..text.numbers import count, degrees, distance, ratio, share, size
from . import sentences
from .columns import Columns, Sentence, Title, print_blocks
from .outliers import Outlier, is_outlier, medians, outliers
from .sentences import label

_MOST_RUNGS = 12  # of the ladder
_MOST_GROUPS, _MOST_IN_GROUP = 20, 4  # of duplicates


def print_report(record: RunRecord, file: TextIO, *, colour: bool = True) -> None:
    """Write all results of a run to `file`, as `print_blocks` does. A run without a pair reports the results that
    it has. Raises OSError where `file` does."""
    print_blocks(sections(record), file, colour=colour)


Blocks = Iterator[Title | Sentence | Columns]


def sections(record: RunRecord) -> Blocks:
    """The blocks of the report, in order: headings, sentences and tables."""
    for section in _SECTIONS:
        yield from section(record)


def _heading(record: RunRecord) -> Blocks:
    engine, started = record.engine, record.started
    if engine:
        run = (f"   run {visible(engine.run)}", "dim")
        yield Title(Text.assemble((visible(engine.request.model), "bold"), run), level=1)
    if answer := sentences.headline(record):
        yield _said(answer, "bold green")
    if started:
        name = f" ({visible(started.device_name)})" if started.device_name != started.device else ""
        yield _said(
            f"{count(started.n)} of {count(started.vocabulary)} tokens × {count(started.d)}, "
            f"{visible(started.dtype)}, in batches of {count(started.batch)} on {visible(started.device)}{name}"
        )
        precision = f"pairs screened in {visible(started.precision, 20)}"
        yield _said(f"{size(started.memory)} of memory beyond the rows; {precision}", "dim")
        if engine:
            yield _said(f"rows of {sentences.searched_matrix(engine.request)}", "dim")
        for read in started.files:
            yield _said(f"{visible(read.path)} ({size(read.size)})", "dim")


def _batches(record: RunRecord) -> Blocks:
    if not record.batches or (record.ended and record.ended.outcome == "done" and record.pair is None):
        return  # one token has no pair, and its batch no maximum
    yield from _title("Batches")
    known = [batch for batch in record.batches if batch.value is not None]
    rows = [_batch(record, batch) for batch in known]
    ids = [(*row[:3], _pair(record, batch, width=0)) for row, batch in zip(rows, known, strict=True)]
    heads = (">rows", ">maximum", "", "pair", "settled by", ">evaluated")
    if known:
        yield Columns(heads, rows, narrower=Columns(heads[:4], ids))
    if record.batches_done < len(record.batches):
        yield _said(f"{count(record.batches_done)} of {count(len(record.batches))} batches are settled.", "yellow")


def _batch(record: RunRecord, batch: BatchRecord) -> tuple[str | Text, ...]:
    done, pair = batch.done, record.pair
    rows, names = sentences.rows(batch.start, batch.end), _pair(record, batch, width=24)
    if done is None:
        return rows, "–" if batch.lower is None else f"≥ {distance(batch.lower)}", "", names
    best = pair is not None and (batch.i, batch.j) == (pair.i, pair.j)
    maximum = Text(distance(done.maximum), "bold green" if best else "")
    return (
        rows,
        maximum,
        Text("★" if best else "", "green"),
        names,
        done.settled,
        share(done.evaluated, done.pairs),
    )


def _pair(record: RunRecord, batch: BatchRecord, width: int) -> str:
    known = (row for row in (batch.i, batch.j) if row is not None)
    return " · ".join(label(record, row, width) for row in known)


def _farthest(record: RunRecord) -> Blocks:
    pair = record.pair
    if pair is None:
        return
    yield from _title("Farthest pair")
    tokens = f"tokens {label(record, pair.i)} and {label(record, pair.j)}"
    where = f"  between {tokens} (cluster indices {pair.i} and {pair.j})"
    yield _said(Text.assemble((distance(pair.distance, pair.error), "bold green"), where))
    for sentence in sentences.certificate(record, pair):
        yield _said(sentence)
    if record.verified:
        for sentence in sentences.checked(record.verified, record.verified_time):
            yield _said(sentence, "" if record.verified.confirmed else "bold red")


def _tokens(record: RunRecord) -> Blocks:
    found = record.analysis
    if found is None:
        return
    yield from _title("Its tokens")
    rows = [_measured(record, one) for one in (found.outlier, found.other)]
    heads = ("token", ">norm", ">÷ centroid", ">from centroid", ">÷ median", "outlier")
    yield Columns(heads, [*rows, ("centroid", distance(found.centroid_norm))])
    yield _said(sentences.norm_test(found.outlier, found.other, found.centroid_norm))
    yield _said(sentences.mean_distance(found))


def _measured(record: RunRecord, measure: TokenMeasure) -> tuple[str, ...]:
    return (
        label(record, measure.index, width=32),
        distance(measure.norm),
        ratio(measure.norm_ratio),
        distance(measure.distance),
        ratio(medians(record, measure.distance)),
        {True: "yes", False: "no", None: "–"}[is_outlier(record, measure.index)],
    )


def _outliers(record: RunRecord) -> Blocks:
    found = record.ladder
    if found is None:
        return
    yield from _title("Outliers")
    for sentence in sentences.ladder(found):
        yield _said(sentence)
    if listed := outliers(record):
        heads = (">rank", "token", ">norm", ">from centroid", ">÷ median")
        yield Columns(heads, [_row(record, one) for one in listed])


def _row(record: RunRecord, one: Outlier) -> tuple[str, ...]:
    norm, far = ("–" if value is None else distance(value) for value in (one.norm, one.distance))
    return count(one.rank), label(record, one.index, width=32), norm, far, ratio(one.medians)


def _farthest_pairs(record: RunRecord) -> Blocks:
    if record.farthest is None:
        return
    yield from _title("Farthest pairs")
    rows = [
        (count(rank), distance(pair.distance), _two(record, pair.i, pair.j))
        for rank, pair in enumerate(record.farthest.pairs, 1)
    ]
    yield Columns((">rank", ">distance", "pair"), rows)


def _two(record: RunRecord, i: int, j: int) -> str:
    return f"{label(record, i, width=24)} · {label(record, j, width=24)}"


def _duplicates(record: RunRecord) -> Blocks:
    if record.duplicates is None or record.analysis is None:
        return
    yield from _title("Duplicates")
    yield _said(sentences.duplicates(record.analysis))
    groups = record.duplicates.groups
    yield Columns(
        (">rows", "tokens"), [(count(len(group)), _some(record, group)) for group in groups[:_MOST_GROUPS]]
    )
    if len(groups) > _MOST_GROUPS:
        yield _said(f"{count(len(groups) - _MOST_GROUPS)} smaller groups are in the JSON object.", "dim")


def _some(record: RunRecord, group: tuple[int, ...]) -> str:
    """The first tokens of a group, with "…" where there are more."""
    tokens = " · ".join(label(record, row, width=16) for row in group[:_MOST_IN_GROUP])
    return tokens + (" · …" if len(group) > _MOST_IN_GROUP else "")


def _triangle(record: RunRecord) -> Blocks:
    found = record.analysis
    if found is None:
        return
    yield from _title("Triangle")
    shape = found.triangle
    i, j = label(record, found.i, width=0), label(record, found.j, width=0)
    rows = [
        (f"{i} to {j}", distance(shape.side_ij), "at the centroid", degrees(shape.at_centroid)),
        (f"centroid to {j}", distance(shape.side_j), f"at {i}", degrees(shape.at_i)),
        (f"centroid to {i}", distance(shape.side_i), f"at {j}", degrees(shape.at_j)),
    ]
    yield Columns(("side", ">length", "opposite angle", ">degrees"), rows)
    if shape.angle_sum is not None:
        yield _said(f"The angles sum to {degrees(shape.angle_sum)}.")
    if shape.at_centroid_dot is not None:
        yield _said(f"Angle at the centroid (dot product): {degrees(shape.at_centroid_dot)}.")
    if shape.degenerate:
        yield _said(visible(shape.degenerate), "yellow")


def _cluster(record: RunRecord) -> Blocks:
    found = record.analysis
    if found is None:
        return
    yield from _title("Cluster")
    known = {"norm": found.norms, "from centroid": found.distances}
    if found.distances_from_mean:
        known["from true mean"] = found.distances_from_mean
    rows = [
        ("min", *(distance(summary.minimum) for summary in known.values())),
        ("max", *(distance(summary.maximum) for summary in known.values())),
        ("median", *(distance(summary.median) for summary in known.values())),
        ("mean", *(distance(summary.mean) for summary in known.values())),
    ]
    yield Columns(("", *(f">{name}" for name in known)), rows)
    yield _said(sentences.centroid(found))
    if record.duplicates is None:
        yield _said(sentences.duplicates(found))


def _ladder(record: RunRecord) -> Blocks:
    found = record.ladder
    if found is None or not found.rungs:
        return
    yield from _title("Outlier ladder")
    rows, ids = [], []
    for k in telling([rung.diameter for rung in found.rungs], _MOST_RUNGS):
        rung = found.rungs[k]
        outside = Text("★" if k == found.outside else "", "green")
        gone = label(record, rung.removed, width=24) if rung.removed is not None else "–"
        pair = " · ".join(label(record, row, width=24) for row in (rung.i, rung.j))
        rows.append((count(k), gone, distance(rung.diameter), outside, pair))
        ids.append((count(k), " ".join(gone.split()[:1]), distance(rung.diameter), outside))
    heads = (">removed", "last removed", ">diameter", "", "farthest pair")
    if rows:
        yield Columns(heads, rows, narrower=Columns(heads[:4], ids))


def _warnings(record: RunRecord) -> Blocks:
    said_above = ("centroid", "copies") if record.analysis else ()
    messages = [warned.message for warned in record.warnings if warned.kind not in said_above]
    if messages:
        yield from _title("Warnings")
    for message in messages:
        yield _said(visible(message), "yellow")


_ENDINGS = {"done": ("Done. ", "green"), "failed": ("Failed. ", "red")}


def _ending(record: RunRecord) -> Blocks:
    if record.ended is None:
        told = f"Not ended: according to its journal, the run is {record.state}."
        yield Sentence(Text(told, "yellow"), indent=0, apart=True)
        return
    word, style = _ENDINGS.get(record.ended.state, ("", "yellow"))
    said = (sentences.ending(record.ended), "" if word else style)
    yield Sentence(Text.assemble((word, f"bold {style}"), said), indent=0, apart=True)


_SECTIONS: tuple[Callable[[RunRecord], Blocks], ...] = (
    _heading,
    _batches,
    _farthest,
    _tokens,
    _triangle,
    _outliers,
    _cluster,
    _ladder,
    _farthest_pairs,
    _duplicates,
    _warnings,
    _ending,
)


def _title(name: str) -> Blocks:
    yield Title(Text(name, "bold cyan"))


def _said(words: str | Text, style: str = "") -> Sentence:
    return Sentence(words if isinstance(words, Text) else Text(words, style))
