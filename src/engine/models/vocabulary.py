"""The texts of tokens, from a tokenizer.json. Torch is not imported here."""

import re
from functools import cached_property
from pathlib import Path
from typing import Final

from ..errors import InputError
from ..text.escape import visible
from ..text.numbers import count
from .tokenizer_process import TokenizerProcess
from .tokenizer_reader import STORED_BYTE, Texts

_USUALLY_UNNAMED: Final = 1 / 8  # of the rows: embeddings are padded to round sizes


class Vocabulary:
    """The texts of the tokens in the tokenizer.json at `path`.

    Another process starts to read the file at once. Every method waits for that process, and raises InputError
    where the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._name = visible(str(path))
        self._process = TokenizerProcess(path)

    def text(self, id: int) -> str | None:
        """The text of token `id`, raw and untrusted; None where the tokenizer has no such token.

        Bytes that are no character are written as <0xC0>. The text is cut to `LONGEST_TOKEN` characters.
        """
        place = self._place.get(id)
        if place is None:
            return None
        text = self._texts.texts[place]
        return self._texts.stored[place] if text is None else text

    def stored(self, id: int) -> str | None:
        """Token `id` as the tokenizer stores it; None where it has no such token."""
        place = self._place.get(id)
        return None if place is None else self._texts.stored[place]

    def misfit(self, rows: int) -> str | None:
        """A sentence that says why an embedding with `rows` rows does not belong to these tokens; None where it
        may.

        Models often have more rows than tokens, and sometimes a few added tokens without a row.
        """
        tokens = self._texts.own
        if tokens <= rows:
            return None
        return (
            f"{self._name} has {count(tokens)} tokens, and the embedding {count(rows)} rows, so a row's "
            "number is not a token id."
        )

    def left_over(self, rows: int) -> str | None:
        """A sentence where some tokens have no row in an embedding with `rows` rows, or unusually many rows have
        no token; None otherwise."""
        known = self._texts.ids
        beyond = sum(id >= rows for id in known)
        unnamed = rows - (len(known) - beyond)
        if beyond:
            return f"{self._name} has {count(beyond)} tokens beyond the embedding's {count(rows)} rows."
        if unnamed > _USUALLY_UNNAMED * rows:
            return f"{self._name} has {count(len(known))} tokens, and the embedding {count(rows)} rows."
        return None

    def ids_matching(self, pattern: str, vocabulary: int) -> list[int]:
        """The ids below `vocabulary` of the tokens whose text or stored form matches `pattern`, ascending.

        Raises InputError where `pattern` is not a regular expression.
        """
        try:
            found = re.compile(pattern).search
        except (re.error, RecursionError, OverflowError) as error:
            raise InputError(
                f"{visible(pattern, 60)} is not a regular expression: {visible(str(error))}."
            ) from None
        return [
            id
            for id in self._texts.ids
            if id < vocabulary
            and any(text is not None and found(text) for text in (self.text(id), self.stored(id)))
        ]

    def ids_in_script(self, script: str, vocabulary: int) -> list[int]:
        """The ids below `vocabulary` of the tokens whose text has a character of the Unicode script `script`
        ("Thai"), ascending. Raises InputError where there is no such script."""
        import regex  # start time

        try:
            if not re.fullmatch(r"[A-Za-z][A-Za-z_ -]{0,40}", script):
                raise regex.error("not a name")
            found = regex.compile(rf"\p{{Script={script}}}").search
        except regex.error:
            raise InputError(f"Unicode has no script {visible(script, 60)}; one is Thai, Latin or Han.") from None
        broken = set(self._texts.broken)
        return [
            id
            for id in self._texts.ids
            if id < vocabulary
            and (text := self.text(id)) is not None
            and found(STORED_BYTE.sub("", text) if id in broken else text)
        ]

    @cached_property
    def _texts(self) -> Texts:
        return self._process.texts()

    @cached_property
    def _place(self) -> dict[int, int]:
        return {id: place for place, id in enumerate(self._texts.ids)}
