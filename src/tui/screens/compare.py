"""Two models side by side: the results of each and their difference, number by number."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from ...engine.analysis.criteria import norms_beyond
from ...engine.events import Analysed, TokenMeasure
from ...engine.journal.record import RunRecord
from ...engine.text.escape import visible
from ...engine.text.numbers import count, degrees, distance, ratio
from ..view import View
from ..widgets.lines import EMPTY, Line, Role, left, number, quoted, right, wrap
from ..widgets.model_list import status

NAME: Final = 15  # cells of the first column, or a third of a narrow page
GAP: Final = 2

Kind = Literal["count", "distance", "ratio", "degrees", "text"]
Value = float | str | None


@dataclass(frozen=True)
class Fact:
    """One number or word about a run: its name, its format, and its value (None: not known)."""

    name: str
    kind: Kind
    value: Value


def comparison_page(one: View, other: View) -> Callable[[int], Sequence[Line]]:
    """The comparison of two models as a page."""
    return lambda width: comparison_lines(one, other, width)


def comparison_lines(one: View, other: View, width: int) -> list[Line]:
    """Both models' columns and the second's difference from the first, for a page of `width` cells."""
    widths = _Widths.within(width)
    views = (one, other)
    names = [visible(view.model.name if view.model else "", widths.column) for view in views]
    lines = [
        _row("", names, "second − first", widths, "accent"),
        _row("newest run", [status(view)[0] for view in views], "", widths),
    ]
    for view, name in zip(views, names, strict=True):
        if view.record is None or view.record.analysis is None:
            sentence = f"{name} has no result: its numbers are here once it has been searched."
            lines += [EMPTY, *wrap(sentence, width, "warn")]
    both = [_sections(view.record or RunRecord()) for view in views]
    for (title, facts), (_, others) in zip(*both, strict=True):
        lines += [EMPTY, ((left(title, width), "accent"),)]
        lines += [_compared(*pair, widths) for pair in zip(facts, others, strict=True)]
    return lines


@dataclass(frozen=True)
class _Widths:
    """The cells of the names and of each of the three columns beside them."""

    name: int
    column: int

    @classmethod
    def within(cls, width: int) -> "_Widths":
        name = min(NAME, width // 3)
        return cls(name, max((width - name) // 3 - GAP, 1))


def _compared(first: Fact, second: Fact, widths: _Widths) -> Line:
    texts = [_written(fact.kind, fact.value, widths.column) for fact in (first, second)]
    return _row(first.name, texts, _difference(first.kind, first.value, second.value, widths.column), widths)


def _row(name: str, texts: Sequence[str], difference: str, widths: _Widths, role: Role = "text") -> Line:
    cells = "".join(" " * GAP + right(text, widths.column) for text in texts)
    change: Role = "dim" if difference == "same" or role != "text" else "strong"
    return (
        (left(name, widths.name), "dim"),
        (cells, role),
        (" " * GAP + right(difference, widths.column), change),
    )


def _written(kind: Kind, value: Value, width: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return visible(value, width) if kind == "text" else value
    if kind == "distance":
        return number(value, width)
    return {"count": count(int(value)), "ratio": ratio(value), "degrees": degrees(value)}.get(
        kind, distance(value)
    )


def _difference(kind: Kind, first: Value, second: Value, width: int) -> str:
    """The second value less the first; for texts, whether they are the same."""
    if first is None or second is None:
        return ""
    if first == second:
        return "same"
    if isinstance(first, str) or isinstance(second, str):
        return "differs"
    sign = "+" if second > first else "−"
    if kind == "distance":  # of two numbers that may be off by a few units in the last place
        return sign + number(abs(second - first), width - 1, error=4 * (math.ulp(first) + math.ulp(second)))
    return sign + _written(kind, abs(second - first), width - 1)


def _sections(run: RunRecord) -> list[tuple[str, list[Fact]]]:
    """All that is compared of a run."""
    found = run.analysis
    return [
        ("the rows", _of_rows(run)),
        ("the farthest pair", _of_pair(run)),
        ("the token of larger norm", _of_token(run, found.outlier if found else None)),
        ("the other token", _of_token(run, found.other if found else None)),
        ("the triangle", _of_triangle(found)),
        ("the cluster", _of_cluster(found)),
        ("the outlier ladder", _of_ladder(run)),
    ]


def _of_rows(run: RunRecord) -> list[Fact]:
    started, found = run.started, run.analysis
    return [
        Fact("rows", "count", started.n if started else None),
        Fact("dimension", "count", started.d if started else None),
        Fact("dtype", "text", started.dtype if started else None),
        Fact("identical rows", "count", found.copies.rows if found else None),
        Fact("in groups", "count", found.copies.groups if found else None),
    ]


def _of_pair(run: RunRecord) -> list[Fact]:
    pair, found = run.pair, run.analysis
    beyond = norms_beyond(found.outlier, found.other, found.centroid_norm) if found else None
    return [
        Fact("distance", "distance", pair.distance if pair else None),
        Fact("next distance", "distance", pair.runner_up if pair else None),
        Fact("pairs that tie", "count", pair.ties if pair else None),
        Fact("mean from c", "distance", found.mean_distance if found else None),
        Fact("norms > 2|c|", "text", beyond),
    ]


def _of_token(run: RunRecord, measure: TokenMeasure | None) -> list[Fact]:
    token = run.tokens.get(measure.index) if measure else None
    return [
        Fact("token", "text", f"{token.id} {quoted(token, 40)}".strip() if token else None),
        Fact("norm", "distance", measure.norm if measure else None),
        Fact("÷ centroid", "ratio", measure.norm_ratio if measure else None),
        Fact("from c", "distance", measure.distance if measure else None),
    ]


def _of_triangle(found: Analysed | None) -> list[Fact]:
    shape = found.triangle if found else None
    return [
        Fact("angle at c", "degrees", shape.at_centroid if shape else None),
        Fact("angle at i", "degrees", shape.at_i if shape else None),
        Fact("angle at j", "degrees", shape.at_j if shape else None),
    ]


def _of_cluster(found: Analysed | None) -> list[Fact]:
    return [
        Fact("centroid norm", "distance", found.centroid_norm if found else None),
        Fact("median norm", "distance", found.norms.median if found else None),
        Fact("median from c", "distance", found.distances.median if found else None),
        Fact("mean of all", "distance", found.distances.mean if found else None),
        Fact("largest from c", "distance", found.distances.maximum if found else None),
    ]


def _of_ladder(run: RunRecord) -> list[Fact]:
    ladder = run.ladder
    outside = (ladder.outside or 0) if ladder and ladder.rungs else None
    width = ladder.rungs[outside].diameter if ladder and outside and outside < len(ladder.rungs) else None
    return [
        Fact("outliers", "count", outside),
        Fact("diameter w/o", "distance", width),
    ]
