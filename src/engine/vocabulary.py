"""What the tokens say: their texts, from a tokenizer.json. No torch here.

Only the tokens and their decoder are read from the file. How text is cut into tokens (normalizers, patterns,
merges) is passed over, so nothing that is wrong or malicious there matters.
"""

import re
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ..errors import InputError
from ..text import visible
from .files import read_regular
from .headers import unreadable
from .token_decoder import Steps, decoder_of

LONGEST_FILE: Final = 64 << 20  # bytes; the largest, of 262,144 tokens and as many merges, has some 35 million
MOST_COMMAS: Final = 4_000_000  # which bounds the memory that decoding takes; that file has some 2 million
LONGEST_TOKEN: Final = 1000  # characters; no tokenizer is known to have one as long

Id = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class Vocabulary:
    """The tokens' texts, from the tokenizer.json at `path`. Raises InputError if that is not one."""

    def __init__(self, path: Path) -> None:
        try:
            content = read_regular(path, LONGEST_FILE)
            if content.count(b",") > MOST_COMMAS:
                raise msgspec.ValidationError("it lists more than any tokenizer does")
            stored = msgspec.json.decode(content, type=_Stored)
        except OSError as error:
            raise unreadable(path, error) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            reason = visible(str(error), 160).rstrip(".")
            raise InputError(f"{visible(str(path))} is not a tokenizer: {reason}.") from None
        vocab = stored.model.vocab
        pairs = ((token, id) for id, (token, _) in enumerate(vocab)) if isinstance(vocab, list) else vocab.items()
        self._tokens = {id: token[:LONGEST_TOKEN] for token, id in pairs}
        self._added = {added.id: added.content[:LONGEST_TOKEN] for added in stored.added_tokens or ()}
        self._decoder = decoder_of(stored.decoder) if stored.decoder else None

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
        return " " + decoded if token.startswith("▁") and not decoded.startswith(" ") else decoded

    def ids_matching(self, pattern: str, vocabulary: int) -> list[int]:
        """The ids below `vocabulary` of the tokens in whose text `pattern` is found, ascending.

        Raises InputError where `pattern` is not a regular expression.
        """
        try:
            found = re.compile(pattern).search
        except (re.error, RecursionError, OverflowError) as error:
            raise InputError(
                f"{visible(pattern, 60)} is not a regular expression: {visible(str(error))}."
            ) from None
        ids = sorted(id for id in self._tokens.keys() | self._added.keys() if id < vocabulary)
        return [id for id in ids if (text := self.text(id)) is not None and found(text)]


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
    decoder: Steps | None = None
