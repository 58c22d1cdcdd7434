"""The outliers panel: every outlier of the cluster, the test of norms, and what is proved of the farthest pair."""

from collections.abc import Sequence

from ...engine.events import PairFound
from ...engine.journal.record import BatchRecord, RunRecord
from ...engine.report.outliers import is_outlier, medians, outliers
from ...engine.report.sentences import checked, outlier_count, rows, ruled_out, runner_up_gap
from ...engine.text.numbers import count, distance, ratio, share, times
from ..shown_pair import PairMeasures, ShownPair, shown_pair
from ..view import View
from .lines import EMPTY, Line, Role, Span, left, number, quoted, width_of, wrap
from .outlier_list import outlier_table
from .panel import Panel, title_of

LABEL = 11  # cells of the first column
FULL = 76  # cells from which the panel has the screen to itself
NORMS = {"both": "both", "larger": "only the larger", "neither": "neither"}


def outlier_lines(view: View, width: int, height: int) -> list[Line]:
    """The outliers, or the pair where there are none, and as much else as fits in `width` by `height` cells."""
    record, shown = view.record, shown_pair(view)
    if record is None:
        return []
    if shown is not None and shown.batch is not None:
        return _of_batch(view, record, shown, shown.batch, width, height)
    if shown is None or shown.measures is None or shown.found is None:
        return _so_far(view, record, width) if view.chosen is None else _no_pair_yet(record, view.chosen, width)
    pair, measures = shown.found, shown.measures
    tests = [_norm_test(measures, width), _proof(pair, width)]
    check = _check(view, record, width)
    ij = (measures.outlier.index, measures.other.index)
    if outliers(record):
        room = height - len(tests) - len(check)
        lines = outlier_table(record, width, room)
    else:
        lines = _tokens(record, ij, measures, width)
        lines += _outlier_or_not(record, measures, width)
    if len(lines) + len(tests) + len(check) + 2 <= height:
        lines += [_mean_distance(measures, width), EMPTY]
    lines += [*tests, *check]
    if width >= FULL and len(lines) + 6 <= height:
        lines += [EMPTY, *wrap(" ".join(certificate(record, pair)), width, "dim")]
        lines += _in_full(record, shown, measures, width, height - len(lines))
    return lines


def _norm_test(measures: PairMeasures, width: int) -> Line:
    """The notebook's test, in words that fit."""
    answer: Span = (NORMS[measures.norms_beyond], "strong")
    for question in ("norms > 2 × the centroid's: ", "norms > 2 × centroid's: ", "norms > 2|c|: "):
        line: Line = ((question, "dim"), answer)
        if width_of(line) <= width:
            return line
    return (answer,)


def _mean_distance(measures: PairMeasures, width: int) -> Line:
    words = "mean distance from c  " if width >= 34 else "mean from c  "
    return ((words, "dim"), (distance(measures.mean_distance), "text"))


def _outlier_or_not(record: RunRecord, measures: PairMeasures, width: int) -> list[Line]:
    """For both tokens, the distance from the centroid in median distances, and whether the token is an outlier."""
    column = _token_column(width)
    pair = (measures.outlier, measures.other)
    far = [times(medians(record, one.distance)) for one in pair]
    known = [is_outlier(record, one.index) for one in pair]
    words = [{True: "yes", False: "no", None: "–"}[one] for one in known]
    lines: list[Line] = [
        (_label(name), (left(one, column), "text"), (" ", "text"), (left(other, column), "text"))
        for name, (one, other) in (("÷ median", far), ("outlier", words))
    ]
    return lines if record.ladder else lines[:1]


def _proof(pair: PairFound, width: int) -> Line:
    """What is proved of the pair, in one line."""
    only = pair.ties == 1
    first = "the only pair at this distance" if only else f"first of {count(pair.ties)} pairs at this distance"
    shorter = "the only pair" if only else f"first of {count(pair.ties)} ties"
    shortest = "only pair" if only else f"{count(pair.ties)} ties"
    evaluated = share(pair.evaluated, pair.pairs)
    for words in (
        f"{first}, {evaluated} of pairs evaluated",
        f"{shorter}, {evaluated} evaluated",
        f"{shortest}, {evaluated} evaluated",
        shortest,
    ):
        line: Line = (("proved: ", "good"), (words, "text"))
        if width_of(line) <= width:
            return line
    return (("proved", "good"),)


def _check(view: View, record: RunRecord, width: int) -> list[Line]:
    """The verdict or the progress of an independent check of the run; nothing where there was none."""
    if view.checking:
        return wrap(f"being checked: {view.checking}", width, "dim")
    check = record.verified
    if check is None:
        return []
    first, *refutations = checked(check, record.verified_time)
    if len(first) > width:
        found = "refuted" if not check.confirmed else "confirmed" if check.sample is None else "not refuted"
        first = f"checked independently: {found}"
    return [
        line
        for words in (first, *refutations)
        for line in wrap(words, width, "good" if check.confirmed else "bad")
    ]


def _of_batch(
    view: View, record: RunRecord, shown: ShownPair, row: BatchRecord, width: int, height: int
) -> list[Line]:
    """A chosen batch's pair, under a line that says so."""
    those = f"rows {rows(row.start, row.end)}"
    of = f" of {count(len(record.batches))}, {those}" if width >= 30 + len(those) else f", {those}"
    lines: list[Line] = [((f"batch {row.batch}{of}", "accent"),)]
    measures = shown.measures
    ij = (measures.outlier.index, measures.other.index) if measures else (shown.i, shown.j)
    lines += _tokens(record, ij, measures, width)
    words = "distance" if shown.settled else "at least"
    lines.append((_label(words), (distance(shown.distance), "strong")))
    if measures is None:
        sentence = (
            "Their norms and angles are measured while the search goes on."
            if view.going
            else "The run ended before their norms and angles were measured."
        )
        return [*lines, EMPTY, *wrap(sentence, width, "dim")][:height]
    lines += [_mean_distance(measures, width), _norm_test(measures, width)]
    proved = "Proved: no token of the batch is farther from any other of the cluster."
    words = proved if shown.settled else "The farthest found so far; the batch is not settled yet."
    wrapped = wrap(words, width, "dim")
    if len(lines) + 1 + len(wrapped) <= height:
        lines += [EMPTY, *wrapped]
    return [*lines, *_in_full(record, shown, measures, width, height - len(lines))]


def _in_full(record: RunRecord, shown: ShownPair, measures: PairMeasures, width: int, room: int) -> list[Line]:
    """The same numbers to their last digit, and the files of the rows, for a panel that fills the screen."""
    first, second = measures.outlier, measures.other
    column = 24
    if room < 8 or width < LABEL + 2 * column:
        return []
    size = record.started.batch if record.started else 1

    def row(name: str, one: object, other: object) -> Line:
        return (_label(name), (left(str(one), column), "text"), (left(str(other), column), "text"))

    lines: list[Line] = [
        EMPTY,
        (("to the last digit", "accent"),),
        row("row", count(first.index), count(second.index)),
        row("its batch", count(first.index // size), count(second.index // size)),
        row("norm", repr(first.norm), repr(second.norm)),
        row("from c", repr(first.distance), repr(second.distance)),
        row("distance", repr(shown.distance), ""),
    ]
    found = shown.found
    if found is not None and found.runner_up is not None:
        less = runner_up_gap(found)
        lines.append(row("the next", repr(found.runner_up), f"{less} less" if less else ""))
    return lines


def _no_pair_yet(record: RunRecord, batch: int, width: int) -> list[Line]:
    """The text for a chosen batch before its first lower bound."""
    whole = f"batch {batch} of {count(len(record.batches))}"
    return [((whole, "accent"),), EMPTY, *wrap("No pair of it has been looked at yet.", width, "dim")]


def certificate(record: RunRecord, pair: PairFound) -> list[str]:
    """What is proved of the pair, in words, and the next largest distance where it is known."""
    unique = (
        "the only pair at this distance"
        if pair.ties == 1
        else f"the first of {count(pair.ties)} pairs at this distance"
    )
    evaluated = (
        f"all {count(pair.pairs)} pairs were evaluated"
        if pair.evaluated == pair.pairs
        else f"{count(pair.evaluated)} of {count(pair.pairs)} pairs ({share(pair.evaluated, pair.pairs)}) were "
        f"evaluated and every other was {ruled_out(pair)}"
    )
    error = f"± {pair.error:.1e}" if pair.error else "exactly"
    sentences = [f"Proved: {distance(pair.distance)} {error}, {unique}; {evaluated}."]
    if pair.runner_up is not None:
        i, j = (_id(record, index) for index in (pair.runner_up_i, pair.runner_up_j))
        between = f" ({i} · {j})" if i and j else ""
        sentences.append(f"The next largest distance is {distance(pair.runner_up, pair.error)}{between}.")
    return sentences


def _tokens(record: RunRecord, indices: tuple[int, int], measures: PairMeasures | None, width: int) -> list[Line]:
    """The ids and the texts, and the three measures of both tokens where they are known; one column a token."""
    column = _token_column(width)

    def row(name: str, cells: Sequence[str], role: Role = "text") -> Line:
        one, other = cells
        return (_label(name), (left(one, column), role), (" ", "text"), (left(other, column), role))

    tokens = [record.tokens.get(index) for index in indices]
    ids = [str(token.id) if token else f"row {index}" for token, index in zip(tokens, indices, strict=True)]
    texts = [quoted(token, column) for token in tokens]
    lines = [row("token", ids, "strong")]
    if any(token and token.text is not None for token in tokens):
        lines.append(row("text", texts))
    else:
        lines.append(row("row", [count(index) for index in indices]))
    if measures is None:
        return lines
    first, second = measures.outlier, measures.other
    return [
        *lines,
        row("norm", [number(first.norm, column), number(second.norm, column)]),
        row("÷ centroid", [ratio(first.norm_ratio), ratio(second.norm_ratio)]),
        row("from c", [number(first.distance, column), number(second.distance, column)]),
    ]


def _token_column(width: int) -> int:
    """The cells of each token's column."""
    return min(max((width - LABEL - 1) // 2, 6), 24)


def _so_far(view: View, record: RunRecord, width: int) -> list[Line]:
    """During the search: the largest distance found so far, which is a lower bound of the answer."""
    best = view.best
    if best is None or best.i is None or best.j is None or best.value is None:
        return [(("The largest distance so far", "dim"),), (("appears here.", "dim"),)]
    lines = _tokens(record, (best.i, best.j), None, width)
    found = record.pair.distance if record.pair else best.value
    words = "at least" if record.pair is None else "distance"
    lines.append((_label(words), (distance(found), "strong")))
    lines.append(EMPTY)
    follow = "Norms, triangle and statistics follow"
    lines += wrap(f"{follow}." if record.pair else f"{follow} when the pair is found.", width, "dim")
    return lines


def _label(name: str) -> Span:
    return (left(name, LABEL), "dim")


def _id(record: RunRecord, index: int | None) -> str:
    token = record.tokens.get(index) if index is not None else None
    return str(token.id) if token else ""


class Outliers(Panel):
    """The outliers panel."""

    TITLE = "outliers"

    def title(self, view: View) -> str:
        """The panel's title for `view`."""
        record = view.record
        if view.chosen is None and record is not None and record.ladder is not None:
            return outlier_count(record.ladder) or self.TITLE
        return title_of(self.TITLE, view)

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:
        """The lines that show `view` in `width` by `height` cells."""
        return outlier_lines(view, width, height)
