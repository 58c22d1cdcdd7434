"""Names the tokens that a run's events mention: each once, before the first event that mentions it."""

from collections.abc import Callable, Iterator, Sequence

from ..errors import InputError
from ..events import (
    AnyEvent,
    BatchBound,
    BatchDone,
    DuplicateRows,
    FarthestPairs,
    Ladder,
    Named,
    PairFound,
    Token,
    Warned,
)
from .loader import Rows
from .vocabulary import Vocabulary

# The characters of a token's text that are kept. A screen shows fewer, and a hostile tokenizer may hold more.
_LONGEST_TEXT = 400
_AT_ONCE = 1000  # tokens in one event, because a line of a journal has a limit


class TokenNames:
    """Names each row once. Row k is the token `ids[k]`; `text` returns the text of a row's token, or None where it
    is unknown."""

    def __init__(self, ids: Sequence[int], text: Callable[[int], str | None]) -> None:
        self._ids, self._text = ids, text
        self._named: set[int] = set()

    def before(self, event: AnyEvent) -> Iterator[AnyEvent]:
        """The events to write before `event`; they name the rows that no earlier event mentions."""
        match event:
            case BatchBound(i=i, j=j) | BatchDone(i=i, j=j):
                rows = {i, j}
            case PairFound(i=i, j=j, runner_up_i=k, runner_up_j=m):
                rows = {row for row in (i, j, k, m) if row is not None}
            case Ladder(rungs=rungs, outliers=outliers):
                rows = {row for rung in rungs for row in (rung.removed, rung.i, rung.j) if row is not None}
                rows.update(outlier.index for outlier in outliers)
            case FarthestPairs(pairs=pairs):
                rows = {row for pair in pairs for row in (pair.i, pair.j)}
            case DuplicateRows(groups=groups):
                rows = {row for group in groups for row in group}
            case _:
                return
        new = sorted(rows - self._named)
        self._named.update(new)
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            yield Named(tokens=tuple(map(self._token, some)))

    def _token(self, row: int) -> Token:
        text = self._text(row)
        return Token(index=row, id=self._ids[row], text=None if text is None else text[:_LONGEST_TEXT])


def names_from_files(vocabulary: Vocabulary | None, cluster: Rows) -> tuple[TokenNames, list[Warned]]:
    """The names of a cluster's tokens, with their texts from `vocabulary`, and a warning where the tokenizer
    cannot be used or may not belong to the model."""
    usable, problems = _usable(vocabulary, cluster.vocabulary)
    ids = cluster.token_ids

    def text(row: int) -> str | None:
        return usable.text(ids[row]) if usable else None

    return TokenNames(ids, text), [Warned(kind="tokenizer", message=problem) for problem in problems]


def _usable(vocabulary: Vocabulary | None, rows: int) -> tuple[Vocabulary | None, list[str]]:
    """The vocabulary for a tensor with `rows` rows, None where it cannot be used, and sentences on its
    problems."""
    if vocabulary is None:
        return None, []
    by_ids = "Tokens are shown by their ids alone."
    try:
        misfit, left_over = vocabulary.misfit(rows), vocabulary.left_over(rows)
    except InputError as error:
        return None, [f"{error} {by_ids}"]
    if misfit:
        return None, [f"{misfit} {by_ids}"]
    return vocabulary, [left_over] if left_over else []
