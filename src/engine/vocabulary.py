"""What the tokens say: their texts, from a tokenizer.json. No torch here."""

import re
from pathlib import Path

from ..errors import InputError
from ..text import visible
from .headers import unreadable


class Vocabulary:
    """The tokens' texts, from the tokenizer.json at `path`. Raises InputError if that is not one."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer  # 60 ms that only a model with a tokenizer costs

        try:
            self._tokenizer = Tokenizer.from_buffer(path.read_bytes())
        except OSError as error:
            raise unreadable(path, error) from error
        except Exception as error:  # which exceptions a bad tokenizer raises, the library does not say
            reason = visible(str(error), 120).rstrip(".")
            raise InputError(f"{visible(str(path))} is not a tokenizer: {reason}.") from None

    def text(self, id: int) -> str | None:
        """The text of token `id`, raw and untrusted; None where the tokenizer has no such token."""
        try:
            token = self._tokenizer.id_to_token(id)
        except OverflowError:
            return None
        if token is None:
            return None
        decoded = self._tokenizer.decode([id], skip_special_tokens=False)
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
        return [id for id in range(vocabulary) if (text := self.text(id)) is not None and found(text)]
