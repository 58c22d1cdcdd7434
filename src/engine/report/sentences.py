"""The results of a run in sentences, for the report and the screen. Torch is not imported here.

Token texts in the sentences are escaped.
"""

import math
from collections.abc import Iterator

from ..analysis.criteria import norms_beyond
from ..events import Analysed, Ladder, PairFound, RunEnded, RunRequest, TokenMeasure, Verified
from ..journal.record import RunRecord
from ..text.escape import token_label, visible
from ..text.numbers import count, date, distance, elapsed, rate, share, short
from .outliers import is_outlier, medians, outliers

_MOST_IDS = 12  # ids of outliers in a headline


def label(record: RunRecord, index: int, width: int | None = None) -> str:
    """The label of a row's token, cut to `width` cells, or the row's index where its token has not been named."""
    token = record.tokens.get(index)
    return token_label(token, width) if token else f"row {index}"


def rows(start: int, end: int) -> str:
    """The rows start ≤ i < end of a batch, as the first and the last: "0–255"."""
    return f"{count(start)}–{count(end - 1)}" if end > start + 1 else count(start)


def searched_matrix(request: RunRequest) -> str:
    """The matrix that the rows belong to, and its tensor: 'the unembedding "lm_head.weight" (untied)'."""
    tensor = f'"{visible(request.tensor, 60)}"'
    return f"the {request.matrix} {tensor} ({request.head})" if request.matrix else f"tensor {tensor}"


def certificate(record: RunRecord, pair: PairFound) -> Iterator[str]:
    """The certificate of the farthest pair, and the work of the search."""
    exact = f"This distance is right to ±{pair.error:.1e}" if pair.error else "This distance is exact"
    if pair.ties == 1:
        yield f"{exact}, and no other pair is as far apart."
    else:
        yield f"{exact}. {count(pair.ties)} pairs are exactly this far apart; this is the first of them."
    if pair.runner_up is not None:
        whose = ""
        if pair.runner_up_i is not None and pair.runner_up_j is not None:
            whose = f" (tokens {label(record, pair.runner_up_i)} and {label(record, pair.runner_up_j)})"
        less = runner_up_gap(pair)
        which = f", which is {less} less" if less else ""
        yield f"The next distance is {distance(pair.runner_up, pair.error)}{whose}{which}."
    yield f"{_evaluated(pair)} The search took {elapsed(pair.seconds)}{_speed(pair)}."


def runner_up_gap(pair: PairFound) -> str | None:
    """The difference between the farthest distance and the runner-up's; None where there is no runner-up, or not
    all digits shown would be known. A journal without the gap has only two rounded distances, whose difference may
    have fewer digits than either."""
    if pair.runner_up_gap is not None:
        return distance(pair.runner_up_gap) if pair.runner_up_gap else None
    if pair.runner_up is None:
        return None
    gap, error = pair.distance - pair.runner_up, 2 * pair.error + math.ulp(pair.distance)
    least, most = distance(max(gap - error, 0.0)), distance(gap + error)
    return least if least == most and gap > error else None


def checked(verified: Verified, when: float | None) -> Iterator[str]:
    """The verdict of the independent check, and each refutation in a sentence of its own."""
    on = f" on {date(when)}" if when is not None else ""
    if not verified.confirmed:
        yield f"Checked independently{on}: refuted."
        yield from (visible(sentence) for sentence in verified.refutations)
    elif verified.sample is not None:
        rows = f"{count(verified.sample)} {'row' if verified.sample == 1 else 'rows'}"
        yield f"Checked independently{on}: no contradiction in the sample of {rows}."
    else:
        yield f"Checked independently{on}: confirmed."


def headline(record: RunRecord) -> str | None:
    """The answer in one line, in its longest form; None until there is a pair."""
    return next(iter(headlines(record)), None)


def headlines(record: RunRecord) -> list[str]:
    """The answer in one line, in several lengths, the longest first; an empty list until there is a pair. The
    longest has the distance, the pair (the token of larger norm first), the outliers, and the diameter with and
    without them. Parts that are not known yet are left out."""
    pair, found, ladder = record.pair, record.analysis, record.ladder
    if pair is None:
        return []
    ends = (found.outlier.index, found.other.index) if found else (pair.i, pair.j)
    tokens = pair_ids(record, *ends)
    exact, error = distance(pair.distance, pair.error), f" ± {pair.error:.1e}" if pair.error else ""
    answers = [f"{exact}{error} · {tokens}", f"{exact} · {tokens}", exact]
    words = outlier_count(ladder) if ladder else None
    if ladder is None or words is None:
        return answers
    narrower, without = diameters(ladder), "it" if ladder.outside == 1 else "them"
    shorter = [f"{answers[0]} · {words}", f"{answers[1]} · {words}", *answers[1:]]
    if narrower is None:
        return shorter
    ids = " ".join(label(record, one.index, width=0) for one in outliers(record) or ())
    listed = [f"{answers[0]} · {words} ({ids}) · diameter {narrower} without {without}"]
    return [
        *(listed if ladder.outside and ladder.outside <= _MOST_IDS else []),
        f"{answers[0]} · {words} · diameter {narrower} without {without}",
        f"{answers[0]} · {words} · {narrower} without {without}",
        f"{answers[1]} · {words} · {narrower} without {without}",
        f"{answers[1]} · {words} · {narrower}",
        *shorter[1:],
    ]


def pair_ids(record: RunRecord, one: int, other: int) -> str:
    """The ids of two rows' tokens: "71473 ↔ 48494"."""
    return " ↔ ".join(label(record, row, width=0) for row in (one, other))


def outlier_count(found: Ladder) -> str | None:
    """The number of outliers, in words; None where the ladder ended before it was known."""
    if found.outside is None:
        return "no outliers" if found.left_out is None and found.rungs else None
    return "1 outlier" if found.outside == 1 else f"{count(found.outside)} outliers"


def diameters(found: Ladder) -> str | None:
    """The cluster's diameter with all its tokens and without the outliers: "1.61 → 0.0041"; None without
    outliers."""
    k = found.outside
    if k is None or not found.rungs:
        return None
    bounded = k >= len(found.rungs)
    after = found.at_most if bounded else found.rungs[k].diameter
    return None if after is None else f"{short(found.rungs[0].diameter)} → {'≤ ' * bounded}{short(after)}"


def norm_test(first: TokenMeasure, second: TokenMeasure, centroid_norm: float) -> str:
    """The notebook's test of norms: which of the two norms are more than twice the centroid's."""
    which = {"both": "both", "larger": "only the larger", "neither": "neither"}
    return f"Norms > 2 × the centroid's: {which[norms_beyond(first, second, centroid_norm)]}."


def distance_test(record: RunRecord, index: int, distance: float) -> str:
    """A sentence that says whether row `index`, at this `distance` from the centroid, is an outlier, and gives the
    distance in median distances; "" where neither is known."""
    outlier, times = is_outlier(record, index), medians(record, distance)
    what = "is an outlier" if outlier else "is not an outlier" if outlier is not None else "lies"
    comma = "," if outlier is not None else ""
    far = f"{comma} {times:.3g} median distances from the centroid" if times is not None else ""
    return f"{label(record, index)} {what}{far}." if outlier is not None or far else ""


def mean_distance(found: Analysed) -> str:
    """The distance between the pair's tokens, and their mean distance from the centroid."""
    return (
        f"The distance between them is {distance(found.triangle.side_ij)}, their mean distance from the centroid "
        f"{distance(found.mean_distance)}."
    )


def centroid(found: Analysed) -> str:
    """The distance of the centroid from the rows' true mean."""
    if found.centroid_offset is None:
        return "The centroid is the rows' own mean."
    if found.centroid_offset == 0:
        return "The stored centroid is exactly the rows' true mean."
    return (
        f"The stored centroid lies {distance(found.centroid_offset)} from the rows' true mean, "
        "so any distance from it may be off by as much."
    )


def duplicates(found: Analysed) -> str:
    """The number of rows that are bit-identical to another, their groups, and the number of distinct rows."""
    alike = found.copies
    if not alike.groups:
        return "No row is a duplicate of another, bit for bit."
    distinct = f"{count(alike.distinct)} {'row is' if alike.distinct == 1 else 'rows are'} distinct."
    sizes = ", ".join(count(rows) for rows in alike.sizes[:8]) + (", …" if alike.groups > 8 else "")
    groups = f"1 group of {sizes}" if alike.groups == 1 else f"{count(alike.groups)} groups ({sizes})"
    return f"{count(alike.rows)} rows are duplicates, bit for bit, in {groups}; {distinct}"


def ladder(found: Ladder) -> Iterator[str]:
    """The number of outliers by the ladder, the diameter of the cluster without them, and the rung at which the
    ladder ends early, if it does."""
    if found.rungs:
        yield _outliers(found)
    if found.left_out is not None:
        upper = f"; without one more token the diameter is at most {short(found.at_most)}" if found.at_most else ""
        steps = f"The ladder ends after {count(len(found.rungs))} steps"
        yield f"{steps}: the rest would take far longer than the search{upper}."


def _outliers(found: Ladder) -> str:
    words = outlier_count(found)
    if found.outside is not None:
        return f"{words}. Diameter {diameters(found)} without {'it' if found.outside == 1 else 'them'}."
    removed = len(found.rungs) - 1
    if removed == 0:
        return f"Diameter {short(found.rungs[0].diameter)} with all tokens."
    those = "the farthest token" if removed == 1 else f"the {count(removed)} farthest tokens one by one"
    halves = f"removing {those} never makes the diameter less than half of what it was."
    return f"No outliers: {halves}" if words else f"No outliers so far: {halves}"


def ending(ended: RunEnded) -> str:
    """The reason why the run ended, and the advice on what to do."""
    return " ".join(visible(words) for words in (ended.reason, ended.advice) if words)


def ruled_out(pair: PairFound) -> str:
    """A clause that says how the pairs that were not evaluated were discarded."""
    screened = "" if pair.precision == "float32" else f", screened in {visible(pair.precision, 20)}"
    return f"ruled out by a rigorous bound{screened}"


def _evaluated(pair: PairFound) -> str:
    if pair.pairs == 1:
        return "There is no other pair."
    if pair.evaluated >= pair.pairs:
        return f"All {count(pair.pairs)} pairs were evaluated."
    return (
        f"Of {count(pair.pairs)} pairs {count(pair.evaluated)} ({share(pair.evaluated, pair.pairs)}) were "
        f"evaluated; every other was {ruled_out(pair)}."
    )


def _speed(pair: PairFound) -> str:
    return f" ({rate(pair.pairs / pair.seconds)})" if pair.seconds > 0 else ""
