"""What the tokens say: their texts, from a tokenizer.json. No torch here.

Only the tokens and their decoder are read from the file. How text is cut into tokens (normalizers, patterns,
merges) is passed over, so nothing that is wrong or malicious there matters.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ..errors import InputError
from ..files import read_regular
from ..text.escape import visible
from ..text.numbers import count
from .first_bytes import LONGEST, what_it_is
from .header import unreadable
from .token_decoder import Steps, decoder_of, unknown_kind

LONGEST_FILE: Final = 64 << 20  # bytes; the largest, of 262,144 tokens and as many merges, has some 35 million
MOST_COMMAS: Final = 4_000_000  # which bounds the memory that decoding takes; that file has some 2 million
_USUALLY_UNNAMED: Final = 1 / 8  # of the rows: embeddings are padded to round numbers
LONGEST_TOKEN: Final = 1000  # characters; no tokenizer is known to have one as long

_NO_DECODER: Final = msgspec.Raw(b"null")

Id = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class Vocabulary:
    """The tokens' texts, from the tokenizer.json at `path`. Raises InputError if that is not one.

    Where its decoder is of a kind that is not known here, tokens are shown as they are stored, and `warning` says
    so in a sentence.
    """

    warning: str | None = None
    _name: str

    def __init__(self, path: Path) -> None:
        self._name = visible(str(path))
        try:
            content = read_regular(path, LONGEST_FILE)
            if content.count(b",") > MOST_COMMAS:
                raise msgspec.ValidationError("it lists more than any tokenizer does")
            stored = msgspec.json.decode(content, type=_Stored)
            unknown, steps = _decoder_in(stored.decoder)
        except OSError as error:
            raise unreadable(path, error) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            reason = what_it_is(content[:LONGEST], "json") or visible(str(error), 160).rstrip(".")
            raise InputError(f"{self._name} is not a tokenizer: {reason}.") from None
        vocab = stored.model.vocab
        pairs = ((token, id) for id, (token, _) in enumerate(vocab)) if isinstance(vocab, list) else vocab.items()
        self._tokens = {id: token[:LONGEST_TOKEN] for token, id in pairs}
        self._added = {added.id: added.content[:LONGEST_TOKEN] for added in stored.added_tokens or ()}
        self._decoder = decoder_of(steps) if steps else None
        if unknown is not None:
            self.warning = (
                f"{self._name} has a decoder of a kind that is not known here, {visible(unknown, 60)}: "
                "tokens are shown as they are stored."
            )

    def text(self, id: int) -> str | None:
        """The text of token `id`, raw and untrusted; None where the tokenizer has no such token. Of a token longer
        than any tokenizer's, its first `LONGEST_TOKEN` characters."""
        if id in self._added:  # their content is what they say; only a model's own tokens are in its spelling
            return self._added[id]
        token = self._tokens.get(id)
        if token is None:
            return None
        decoded = self._decoder.decode([token]) if self._decoder else token
        # Decoding leaves nothing readable of a token that is a part of a character, and drops the space that a
        # word begins with where the tokenizer writes it as "▁".
        if not decoded or "\ufffd" in decoded:
            return token
        dropped = self._decoder is not None and _leading(token, "▁") > _leading(decoded, " ")
        return " " + decoded if dropped else decoded

    def stored(self, id: int) -> str | None:
        """Token `id` as the tokenizer stores it; None where it has no such token."""
        return self._added.get(id, self._tokens.get(id))

    def misfit(self, rows: int) -> str | None:
        """Why an embedding of so many rows is not of these tokens, in a sentence; None where it may be.

        More rows than tokens are common, as are a few tokens that were added and never given a row.
        """
        tokens = len(self._tokens)
        if tokens <= rows:
            return None
        return (
            f"{self._name} has {count(tokens)} tokens, and the embedding {count(rows)} rows, so a row's "
            "number is no token's id."
        )

    def left_over(self, rows: int) -> str | None:
        """Which tokens have no row in an embedding of so many, or that unusually many rows have no token."""
        known = self._tokens.keys() | self._added.keys()
        beyond = sum(id >= rows for id in known)
        unnamed = rows - (len(known) - beyond)
        if beyond:
            return f"{self._name} has {count(beyond)} tokens beyond the embedding's {count(rows)} rows."
        if unnamed > _USUALLY_UNNAMED * rows:
            return f"{self._name} has {count(len(known))} tokens, and the embedding {count(rows)} rows."
        return None

    def ids_matching(self, pattern: str, vocabulary: int) -> list[int]:
        """The ids below `vocabulary` of the tokens in which `pattern` is found, in their text or as they are
        stored, ascending.

        Raises InputError where `pattern` is not a regular expression.
        """
        try:
            found = re.compile(pattern).search
        except (re.error, RecursionError, OverflowError) as error:
            raise InputError(
                f"{visible(pattern, 60)} is not a regular expression: {visible(str(error))}."
            ) from None
        return self._ids_where(lambda text: found(text) is not None, vocabulary, stored=True)

    def ids_in_script(self, script: str, vocabulary: int) -> list[int]:
        """The ids below `vocabulary` of the tokens with a character of the Unicode script `script` ("Thai") in
        their text, ascending. Raises InputError where there is no such script."""
        import regex  # 20 ms that only this costs

        try:
            if not re.fullmatch(r"[A-Za-z][A-Za-z_ -]{0,40}", script):
                raise regex.error("not a name")
            found = regex.compile(rf"\p{{Script={script}}}").search
        except regex.error:
            raise InputError(f"Unicode has no script {visible(script, 60)}; one is Thai, Latin or Han.") from None
        return self._ids_where(lambda text: found(text) is not None, vocabulary)

    def _ids_where(self, wanted: Callable[[str], bool], vocabulary: int, *, stored: bool = False) -> list[int]:
        ids = sorted(id for id in self._tokens.keys() | self._added.keys() if id < vocabulary)
        texts = (self.text, self.stored) if stored else (self.text,)
        return [id for id in ids if any(wanted(text) for of in texts if (text := of(id)) is not None)]


def _leading(text: str, character: str) -> int:
    return len(text) - len(text.lstrip(character))


def _decoder_in(stored: msgspec.Raw) -> tuple[str | None, Steps | None]:
    """The kind of decoder in `stored` that is not known, if there is one, else the steps, if there are any."""
    if bytes(stored) == b"null":
        return None, None
    try:
        unknown = unknown_kind(stored)
        return unknown, msgspec.json.decode(stored, type=Steps) if unknown is None else None
    except msgspec.MsgspecError as error:
        raise msgspec.ValidationError(f"its decoder is none: {error}") from None


class _Model(msgspec.Struct):
    """A model's tokens with their ids, or in the order of their ids, each with its score."""

    vocab: dict[str, Id] | list[tuple[str, float]]


class _Added(msgspec.Struct):
    """A token that was added to the model's; where an id is there twice, this is what it says."""

    id: Id
    content: str


class _Stored(msgspec.Struct):
    """What of a tokenizer.json is read."""

    model: _Model
    added_tokens: list[_Added] | None = None
    decoder: msgspec.Raw = _NO_DECODER
