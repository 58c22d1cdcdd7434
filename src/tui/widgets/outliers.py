"""The outliers panel: the two tokens side by side, how far apart they are, the verdict, and the certificate."""

from collections.abc import Sequence

from ...engine.events import Analysed, PairFound, Token
from ...engine.record import RunRecord
from ...text import count, distance, ratio, share, visible
from ..view import View
from .lines import EMPTY, Line, Role, Span, left, number, width_of, wrap
from .panel import Panel

LABEL = 11  # cells of the first column


def outlier_lines(view: View, width: int, height: int) -> list[Line]:
    """The pair, for `width` by `height` cells; the certificate in words where they fit."""
    record = view.record
    if record is None:
        return []
    if record.analysis is None or record.pair is None:
        return _so_far(view, record, width)
    analysis, pair = record.analysis, record.pair
    lines = [*_tokens(record, analysis, width)]
    apart = f"{distance(pair.distance, pair.error)}"
    lines += [
        (_label("apart"), (apart, "strong"), (_error(pair, width - LABEL - len(apart)), "dim")),
        (_label("their mean"), (distance(analysis.mean_distance), "text"), ("  from c", "dim")),
        _verdict(analysis, width),
    ]
    sentences = certificate(record, pair)
    room = height - len(lines) - 1
    for words in (" ".join(sentences), sentences[0]):
        wrapped = wrap(words, width, "dim")
        if len(wrapped) <= room:
            spaced = [EMPTY] if len(wrapped) < room else []
            return [*lines[:5], *spaced, *lines[5:], EMPTY, *wrapped]
    return [*lines, *_short_certificate(pair)]


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
        "evaluated and every other was ruled out by a rigorous bound"
    )
    error = f"± {pair.error:.1e}" if pair.error else "exactly"
    sentences = [f"Certified: {distance(pair.distance)} {error}, {unique}; {evaluated}."]
    if pair.runner_up is not None:
        i, j = (_id(record, index) for index in (pair.runner_up_i, pair.runner_up_j))
        between = f" ({i} · {j})" if i and j else ""
        sentences.append(f"The next largest distance is {distance(pair.runner_up)}{between}.")
    return sentences


def _tokens(record: RunRecord, analysis: Analysed, width: int) -> list[Line]:
    """Five lines: the ids, the texts, and the three measures of both tokens, one column a token."""
    first, second = analysis.outlier, analysis.other
    column = min(max((width - LABEL - 1) // 2, 6), 24)

    def row(name: str, cells: Sequence[str], role: Role = "text") -> Line:
        one, other = cells
        return (_label(name), (left(one, column), role), (" ", "text"), (left(other, column), role))

    tokens = [record.tokens.get(measure.index) for measure in (first, second)]
    ids = [str(token.id) if token else f"row {m.index}" for token, m in zip(tokens, (first, second), strict=True)]
    texts = [quoted(token, column) for token in tokens]
    lines = [row("token", ids, "strong")]
    if any(token and token.text is not None for token in tokens):
        lines.append(row("text", texts))
    else:
        lines.append(row("row", [count(measure.index) for measure in (first, second)]))
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


def _verdict(analysis: Analysed, width: int) -> Line:
    answer: Span = ("yes", "strong") if analysis.both_far else ("no", "strong")
    for question in ("both far from the centroid", "both far from c"):
        line: Line = ((question + "  ", "dim"), answer)
        if width_of(line) <= width:
            return line
    return (answer,)


def _short_certificate(pair: PairFound) -> list[Line]:
    ties = "the only pair this far" if pair.ties == 1 else f"first of {count(pair.ties)} ties"
    evaluated = share(pair.evaluated, pair.pairs)
    return [
        (("certified: ", "good"), (ties, "text")),
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
    tokens = [record.tokens.get(index) for index in (best.i, best.j)]
    column = min(max((width - LABEL - 1) // 2, 6), 24)
    ids = [str(t.id) if t else f"row {index}" for t, index in zip(tokens, (best.i, best.j), strict=True)]
    lines: list[Line] = [(_label("token"), *((left(text, column) + " ", "strong") for text in ids))]
    if any(token and token.text is not None for token in tokens):
        lines.append((_label("text"), *((left(quoted(token, column), column) + " ", "text") for token in tokens)))
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

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:
        return outlier_lines(view, width, height)
