"""The texts of the tokens that a run's events name, each told once, before the event."""

from collections.abc import Iterator
from pathlib import Path

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
    RunRequest,
    Token,
    Warned,
)
from ..models.loader import Rows
from ..models.vocabulary import Vocabulary

# Characters of a token's text that are kept: more than any screen shows, less than a hostile tokenizer can hold.
_LONGEST_TEXT = 400
_AT_ONCE = 1000  # tokens in an event: a line of a journal has its limit


class TokenNames:
    """Which rows have been named; the text of their tokens where a tokenizer lies beside the model."""

    def __init__(self, request: RunRequest, cluster: Rows) -> None:
        self._ids = cluster.token_ids
        self._named: set[int] = set()
        self._vocabulary: Vocabulary | None = None
        self._problems: list[str] = []
        if request.tokenizer is not None:
            self._read(Path(request.tokenizer), cluster.vocabulary)

    def _read(self, tokenizer: Path, rows: int) -> None:
        by_ids = "Tokens are shown by their ids alone."
        try:
            vocabulary = Vocabulary(tokenizer)
        except InputError as error:
            self._problems.append(f"{error} {by_ids}")
            return
        if misfit := vocabulary.misfit(rows):
            self._problems.append(f"{misfit} {by_ids}")
            return
        self._vocabulary = vocabulary
        self._problems += filter(None, (vocabulary.warning, vocabulary.left_over(rows)))

    def warnings(self) -> Iterator[Warned]:
        """Why tokens have no text, or may have the wrong one, where a tokenizer is there."""
        for problem in self._problems:
            yield Warned(kind="tokenizer", message=problem)

    def before(self, event: AnyEvent) -> Iterator[AnyEvent]:
        """What has to be said before `event`: the tokens of rows that it is the first to mention."""
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
            yield Named(tokens=tuple(Token(index=row, id=self._ids[row], text=self._text(row)) for row in some))

    def _text(self, row: int) -> str | None:
        text = self._vocabulary.text(self._ids[row]) if self._vocabulary else None
        return None if text is None else text[:_LONGEST_TEXT]
