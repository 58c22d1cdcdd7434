"""The help page: the parts of the screen, every number with its formula, and every key."""

from collections.abc import Callable, Sequence
from typing import Final

from ...keymap import Key
from ..widgets.lines import EMPTY, Line, left, wrap
from .panels import PANELS

HEADLINE: Final = (
    "headline",
    "The answer: the distance of the farthest pair, its largest possible error, the pair, the "
    "token of larger norm first, how many outliers there are, and the diameter with and without them.",
)

TAKING: Final = (
    ("export", "Files have the run's id in their names, and none is overwritten. Token texts in CSV are Python "
     "strings in their quotes, so that no spreadsheet takes one for a formula."),
    ("copy", "goes to the clipboard of the terminal that you sit at, by the sequence OSC 52, also through SSH; "
     "no terminal answers. A tmux on the way, on your own machine, needs `set -g set-clipboard on`."),
    ("settings", "theme, keys, batch, device and more are kept in the file that `farpair config` names."),
)  # fmt: skip

FILTERS: Final = (
    ("settled", "batches whose maximum is proved; open: the others."),
    (">1.2", "batches whose maximum, or lower bound, is larger; also <1.2, >=1.2 and <=1.2."),
    ("12", "batch 12, and those with token id 12 in their pair; #12 is the batch alone."),
    ("10-20", "batches 10 to 20. row:3000 is the batch that this row of the cluster is in."),
    ("the", "batches with a token in their pair whose text holds this; in quotes, whatever is in them."),
    ("open >1", "several words: what all of them let through."),
)

NUMBERS: Final = (
    ("x", "a token's row of the embedding, as it is stored; c is the cluster's centroid. Numbers "
     "are worked out exactly and rounded once."),
    ("maximum", "max |x_i − x_j| = √Σ(x_i − x_j)², over i in the batch and j in all rows of the cluster."),
    ("pair", "the tokens i < j that attain it; among equal pairs the smallest (i, j)."),
    ("evaluated", "how many of the batch's pairs were worked out; every other was ruled out by a bound on its "
     "distance that holds in spite of rounding."),
    ("distance", "|x_i − x_j| of the farthest pair, in float64, ± its largest possible error; ≈ where that error "
     "reaches the last digit shown."),
    ("norm", "|x| = √Σx²."),
    ("÷ centroid", "|x| / |c|."),
    ("from c", "the distance from the centroid, |x − c|."),
    ("mean", "the mean distance of the pair from c, (|x_i − c| + |x_j − c|) / 2."),
    ("norms > 2|c|", "the test of norms: |x_i| > 2|c| and |x_j| > 2|c|, for both, only the larger, or neither."),
    ("÷ med", "the distance from c over the median one of all tokens."),
    ("angle", "by the law of cosines, as at c: arccos((a² + b² − s²) / 2ab), with a and b the sides that meet "
     "there and s the side opposite."),
    ("Σ", "the sum of the three angles, which ought to be 180°."),
    ("c (dot)", "the angle at c from the dot product: arccos((x_i − c)·(x_j − c) / |x_i − c||x_j − c|)."),
    ("outliers", "k where the diameter falls by the largest ratio when the k-th farthest token is removed, if "
     "that is more than 2: two tokens opposite each other explain a fall to half, and no more."),
    ("median", "of an even number of rows, the lower of the middle two."),
    ("rows' mean", "how far the stored centroid is from the mean of the rows: |c − Σx/n|. It is stored rounded."),
    ("identical", "rows that agree in every bit; a group is two or more of them."),
)  # fmt: skip


# The spelling of formulas in ASCII, which takes more than a stand-in for each sign.
SPELLED: Final = {"√": "sqrt ", "Σ": "sum ", "²": "^2", "–": "-", "·": "*"}


def help_page(table: Sequence[Key], *, ascii_only: bool = False) -> Callable[[int], Sequence[Line]]:
    """The help as a page, with the keys of `table`; with `ascii_only`, formulas are spelled in ASCII."""
    return lambda width: help_lines(table, width, ascii_only=ascii_only)


def help_lines(table: Sequence[Key], width: int, *, ascii_only: bool = False) -> list[Line]:
    """The help for a page of `width` cells."""
    lines: list[Line] = [(("keys", "accent"),)]
    jumps = False
    for key in table:
        if key.id.startswith("jump-"):
            if not jumps:
                lines += _entry("1 … 9", "Show the model of that number.", width)
            jumps = True
        else:
            lines += _entry(key.shown, key.help, width)
    lines += _entry("ctrl+p", "Find any of these in the command palette.", width)
    screen = (HEADLINE, *((panel.name, panel.help) for panel in PANELS if panel.help))
    parts = (("the screen", screen), ("taking away", TAKING), ("the filter", FILTERS), ("the numbers", NUMBERS))
    for title, entries in parts:
        lines += [EMPTY, ((title, "accent"),)]
        for name, words in entries:
            lines += _entry(name, _spelled(words) if ascii_only else words, width)
    return lines


def _spelled(words: str) -> str:
    for sign, spelling in SPELLED.items():
        words = words.replace(sign, spelling)
    return words


def _entry(name: str, words: str, width: int) -> list[Line]:
    """A name at the left and its description beside it."""
    wrapped = wrap(words, max(width - 13, 8))
    return [((left(name if n == 0 else "", 13), "strong"), *line) for n, line in enumerate(wrapped)]
