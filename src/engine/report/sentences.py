"""What a run found, in sentences: the report prints them, and the screen may. No torch here.

Token text is already visible in them.
"""

import math
from collections.abc import Iterator

from ..events import Analysed, Histogram, Ladder, PairFound, RunEnded, Verified
from ..journal.record import RunRecord
from ..text.escape import token_label, visible
from ..text.numbers import count, date, distance, elapsed, rate, roughly, share


def label(record: RunRecord, index: int, width: int | None = None) -> str:
    """A row's token, its text cut to fit `width` cells; by its index where it has not been named."""
    token = record.tokens.get(index)
    return token_label(token, width) if token else f"row {index}"


def certificate(record: RunRecord, pair: PairFound) -> Iterator[str]:
    """What is proved of the farthest pair, and what it took."""
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
    """How much less far apart the runner-up is; None where there is none, or where that is not known to the last
    digit shown: a journal without the gap itself has two rounded distances, and their difference may have fewer
    digits than either."""
    if pair.runner_up_gap is not None:
        return distance(pair.runner_up_gap) if pair.runner_up_gap else None
    if pair.runner_up is None:
        return None
    gap, error = pair.distance - pair.runner_up, 2 * pair.error + math.ulp(pair.distance)
    least, most = distance(max(gap - error, 0.0)), distance(gap + error)
    return least if least == most and gap > error else None


def checked(verified: Verified, when: float | None) -> Iterator[str]:
    """What the independent check found, and each refutation in a sentence of its own."""
    on = f" on {date(when)}" if when is not None else ""
    if not verified.confirmed:
        yield f"Checked independently{on}: refuted."
        yield from (visible(sentence) for sentence in verified.refutations)
    elif verified.sample is not None:
        rows = f"{count(verified.sample)} {'row' if verified.sample == 1 else 'rows'}"
        yield f"Checked independently{on}: no contradiction in the sample of {rows}."
    else:
        yield f"Checked independently{on}: confirmed."


def verdict(found: Analysed) -> str:
    """The notebook's verdict, after the words "Both tokens are far from the centroid: yes" or "no"."""
    if found.both_far:
        return "Both norms are more than twice the centroid's."
    near = [one for one in (found.outlier, found.other) if one.norm <= 2 * found.centroid_norm]
    return f"{'Neither norm is' if len(near) == 2 else 'Only one norm is'} more than twice the centroid's."


def apart(found: Analysed) -> str:
    """The two tokens' distance from each other beside their mean distance from the centroid."""
    return (
        f"They lie {distance(found.triangle.side_ij)} from each other and, on average, "
        f"{distance(found.mean_distance)} from the centroid."
    )


def centroid(found: Analysed) -> str:
    """How the centroid stands to the rows' true mean."""
    if found.centroid_offset is None:
        return "The centroid is the rows' own mean."
    if found.centroid_offset == 0:
        return "The stored centroid is exactly the rows' true mean."
    return (
        f"The stored centroid lies {distance(found.centroid_offset)} from the rows' true mean, "
        "so any distance from it may be off by as much."
    )


def copies(found: Analysed) -> str:
    """How many rows are bit-identical to another, in which groups, and how many rows are distinct."""
    alike = found.copies
    if not alike.groups:
        return "No two rows are bit-identical."
    distinct = f"{count(alike.distinct)} {'row is' if alike.distinct == 1 else 'rows are'} distinct."
    if alike.groups == 1:
        return f"{count(alike.rows)} rows are bit-identical copies of one vector; {distinct}"
    sizes = ", ".join(count(rows) for rows in alike.sizes[:8]) + (", …" if alike.groups > 8 else "")
    vectors = f"{count(alike.groups)} vectors ({sizes})"
    return f"{count(alike.rows)} rows are bit-identical copies of {vectors}; {distinct}"


def beyond(found: Histogram) -> str:
    """How many tokens are marked as outliers in the histogram, and by what threshold."""
    many = f"{count(found.beyond)} {'token lies' if found.beyond == 1 else 'tokens lie'}"
    if not found.beyond:
        many = "No token lies"
    return f"{many} farther from the centroid than {distance(found.threshold)}, twice the median distance."


def ladder(found: Ladder) -> Iterator[str]:
    """How many tokens lie outside, as the ladder has it, and where it breaks off if it does."""
    if found.rungs:
        yield _outside(found)
    if found.left_out is None:
        return
    upper = (
        "" if found.at_most is None else f"; without one more token it is at most {roughly(found.at_most)} wide"
    )
    steps = f"The ladder ends after {count(len(found.rungs))} steps"
    yield f"{steps}, for the rest would take far longer than the search{upper}."


def _outside(found: Ladder) -> str:
    taken = len(found.rungs) - 1
    if found.outside is None:
        if taken == 0:
            return f"With all its tokens the cluster is {roughly(found.rungs[0].diameter)} wide."
        those = "the farthest-out token" if taken == 1 else f"the {count(taken)} farthest-out tokens one by one"
        return f"No token lies outside: taking away {those} never makes the cluster less than half as wide."
    k = found.outside
    who, them = ("1 token lies", "it") if k == 1 else (f"{count(k)} tokens lie", "them")
    after = found.rungs[k].diameter if k < len(found.rungs) else found.at_most
    if not after:
        return f"{who} outside; without {them} all tokens are at one point."
    bound = "" if k < len(found.rungs) else "at most "
    narrower = f"{roughly(found.rungs[k - 1].diameter)} with the last of them" if k > 1 else ""
    narrower = narrower or f"{roughly(found.rungs[0].diameter)} with it"
    return f"{who} outside; without {them} the cluster is {bound}{roughly(after)} wide, and {narrower}."


def ending(ended: RunEnded) -> str:
    """Why the run ended, and what to do about it."""
    return " ".join(visible(words) for words in (ended.reason, ended.advice) if words)


def ruled_out(pair: PairFound) -> str:
    """By what pairs were discarded that were not evaluated."""
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
