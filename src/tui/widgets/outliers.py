"""The outliers panel: the two tokens side by side, how far apart they are, the verdict, and the certificate."""

from collections.abc import Sequence

from ...engine.events import PairFound, Token
from ...engine.journal.record import BatchRecord, RunRecord
from ...engine.report.sentences import checked, ruled_out, runner_up_gap
from ...engine.text.escape import visible
from ...engine.text.numbers import count, distance, ratio, share
from ..shown_pair import PairMeasures, ShownPair, shown_pair
from ..view import View
from .lines import EMPTY, Line, Role, Span, left, number, width_of, wrap
from .panel import Panel, title_of

LABEL = 11  # cells of the first column


def outlier_lines(view: View, width: int, height: int) -> list[Line]:
    """The pair, for `width` by `height` cells; the certificate in words, and numbers in full, where they fit."""
    record, shown = view.record, shown_pair(view)
    if record is None:
        return []
    if shown is not None and shown.batch is not None:
        return _of_batch(view, record, shown, shown.batch, width, height)
    if shown is None or shown.measures is None or shown.found is None:
        return _so_far(view, record, width) if view.chosen is None else _no_pair_yet(record, view.chosen, width)
    pair, measures = shown.found, shown.measures
    lines = _tokens(record, (measures.outlier.index, measures.other.index), measures, width)
    apart = f"{distance(pair.distance, pair.error)}"
    lines += [
        (_label("apart"), (apart, "strong"), (_error(pair, width - LABEL - len(apart)), "dim")),
        (_label("their mean"), (distance(measures.mean_distance), "text"), ("  from c", "dim")),
        _verdict(measures, width),
    ]
    check = _check(view, record, width)
    sentences = certificate(record, pair)
    room = height - len(lines) - 1 - len(check)
    for words in (" ".join(sentences), sentences[0]):
        wrapped = wrap(words, width, "dim")
        if len(wrapped) <= room:
            spaced = [EMPTY] if len(wrapped) < room else []
            lines = [*lines[:5], *spaced, *lines[5:], EMPTY, *wrapped, *check]
            return [*lines, *_in_full(record, shown, measures, width, height - len(lines))]
    return [*lines, *_short_certificate(pair, check)]


def _check(view: View, record: RunRecord, width: int) -> list[Line]:
    """What an independent check of the run says, or how far it is; nothing where there was none."""
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
    rows = f"rows {row.start}–{row.end}"
    of = f" of {count(len(record.batches))}, {rows}" if width >= 30 + len(rows) else f", {rows}"
    lines: list[Line] = [((f"batch {row.batch}{of}", "accent"),)]
    measures = shown.measures
    ij = (measures.outlier.index, measures.other.index) if measures else (shown.i, shown.j)
    lines += _tokens(record, ij, measures, width)
    words = "apart" if shown.settled else "at least"
    lines.append((_label(words), (distance(shown.distance), "strong")))
    if measures is None:
        sentence = (
            "Their norms and angles are measured while the search goes on."
            if view.going
            else "The run ended before their norms and angles were measured."
        )
        return [*lines, EMPTY, *wrap(sentence, width, "dim")][:height]
    lines += [
        (_label("their mean"), (distance(measures.mean_distance), "text"), ("  from c", "dim")),
        _verdict(measures, width),
    ]
    proved = "Proved: no token of the batch is farther from any other of the cluster."
    words = proved if shown.settled else "The farthest found so far; the batch is not settled yet."
    wrapped = wrap(words, width, "dim")
    if len(lines) + 1 + len(wrapped) <= height:
        lines += [EMPTY, *wrapped]
    return [*lines, *_in_full(record, shown, measures, width, height - len(lines))]


def _in_full(record: RunRecord, shown: ShownPair, measures: PairMeasures, width: int, room: int) -> list[Line]:
    """The same numbers to their last digit, and where the rows are, where a panel has the screen to itself."""
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
        row("apart", repr(shown.distance), ""),
    ]
    found = shown.found
    if found is not None and found.runner_up is not None:
        less = runner_up_gap(found)
        lines.append(row("the next", repr(found.runner_up), f"{less} less" if less else ""))
    return lines


def _no_pair_yet(record: RunRecord, batch: int, width: int) -> list[Line]:
    """What is said of a chosen batch before its first lower bound."""
    whole = f"batch {batch} of {count(len(record.batches))}"
    return [((whole, "accent"),), EMPTY, *wrap("No pair of it has been looked at yet.", width, "dim")]


def certificate(record: RunRecord, pair: PairFound) -> list[str]:
    """What is proved of the pair, in words; then, where it was worked out, the next largest distance."""
    unique = (
        "the only pair this far apart"
        if pair.ties == 1
        else f"the first of {count(pair.ties)} pairs this far apart"
    )
    evaluated = (
        f"all {count(pair.pairs)} pairs were evaluated"
        if pair.evaluated == pair.pairs
        else f"{count(pair.evaluated)} of {count(pair.pairs)} pairs ({share(pair.evaluated, pair.pairs)}) were "
        f"evaluated and every other was {ruled_out(pair)}"
    )
    error = f"± {pair.error:.1e}" if pair.error else "exactly"
    sentences = [f"Certified: {distance(pair.distance)} {error}, {unique}; {evaluated}."]
    if pair.runner_up is not None:
        i, j = (_id(record, index) for index in (pair.runner_up_i, pair.runner_up_j))
        between = f" ({i} · {j})" if i and j else ""
        sentences.append(f"The next largest distance is {distance(pair.runner_up, pair.error)}{between}.")
    return sentences


def _tokens(record: RunRecord, indices: tuple[int, int], measures: PairMeasures | None, width: int) -> list[Line]:
    """The ids and the texts, and the three measures of both tokens where they are known; one column a token."""
    column = min(max((width - LABEL - 1) // 2, 6), 24)

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


def quoted(token: Token | None, width: int) -> str:
    """A token's text in quotes, harmless, in at most `width` cells; "" where it has none."""
    if token is None or token.text is None:
        return ""
    short = visible(token.text, max(width - 2, 1))
    return f"'{short}'"


def _verdict(measures: PairMeasures, width: int) -> Line:
    answer: Span = ("yes", "strong") if measures.both_far else ("no", "strong")
    for question in ("both far from the centroid", "both far from c"):
        line: Line = ((question + "  ", "dim"), answer)
        if width_of(line) <= width:
            return line
    return (answer,)


def _short_certificate(pair: PairFound, check: list[Line]) -> list[Line]:
    ties = "the only pair this far" if pair.ties == 1 else f"first of {count(pair.ties)} ties"
    evaluated = share(pair.evaluated, pair.pairs)
    return [
        (("certified: ", "good"), (ties, "text")),
        *check,
        ((f"{evaluated} of the pairs evaluated", "dim"),),
    ]


def _error(pair: PairFound, width: int) -> str:
    text = f" ± {pair.error:.1e}" if pair.error else " exactly"
    return text if len(text) <= width else ""


def _so_far(view: View, record: RunRecord, width: int) -> list[Line]:
    """While the search goes on: the largest distance found so far, which the answer cannot be below."""
    best = view.best
    if best is None or best.i is None or best.j is None or best.value is None:
        return [(("The largest distance so far", "dim"),), (("appears here.", "dim"),)]
    lines = _tokens(record, (best.i, best.j), None, width)
    found = record.pair.distance if record.pair else best.value
    words = "at least" if record.pair is None else "apart"
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
        return title_of(self.TITLE, view)

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:
        return outlier_lines(view, width, height)
