"""Reads a tokenizer with the tokenizers library: `python -m farpair.engine.models.tokenizer_reader SECONDS`.

The untrusted tokenizer is standard input. This process limits its CPU time and memory, opens no other file, and
may crash. It writes Texts or Refused to standard output, as MessagePack after its length in four bytes (see
`tokenizer_process`). Neither torch nor numpy is imported here.
"""

import codecs
import json
import re
import resource
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MEMORY: Final = 2 * 10**9  # bytes of address space
LONGEST_TOKEN: Final = 1000  # characters; no known tokenizer has a longer token

STORED_BYTE: Final = re.compile(r"<0x([0-9A-F]{2})>")
# Decoders that drop the space at the beginning of a text, where "▁" stands for a space before a word.
_DROP_A_SPACE: Final = {"Metaspace", "Strip"}


class Texts(msgspec.Struct, frozen=True, tag=True):
    """The tokens of a tokenizer, in ascending order of `ids`.

    `stored` holds each token as the tokenizer stores it, and `texts` its text, or None where the two are the same;
    both are cut to LONGEST_TOKEN characters. `broken` are the ids of tokens that are not whole characters; bytes
    that are no character are written as <0xC0>. `own` is the number of tokens without the added ones.
    """

    ids: list[int]
    stored: list[str]
    texts: list[str | None]
    broken: list[int]
    own: int


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The library's reason for refusing the file, as untrusted text."""

    reason: str


Answer = Texts | Refused


def main(arguments: list[str]) -> None:
    """Read the tokenizer in standard input; `arguments[0]` is the limit in seconds of CPU time."""
    _limit(resource.RLIMIT_AS, MEMORY)
    _limit(resource.RLIMIT_DATA, MEMORY)
    _limit(resource.RLIMIT_CPU, int(arguments[0]), over=1)  # SIGXCPU comes before SIGKILL, and names the cause
    from tokenizers import Tokenizer  # only now, so that its code runs within the limits

    for nothing in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        _limit(nothing, 0)
    try:
        answer: Answer = _texts_of(Tokenizer.from_buffer(sys.stdin.buffer.read()))
    except MemoryError:
        raise  # ends this process, as does a shortage of memory in the library
    except BaseException as error:  # a panic in the library is not an Exception
        reason = str(error).removeprefix("Cannot instantiate Tokenizer from buffer: ")
        answer = Refused(reason or type(error).__name__)
    _say(answer)


def _limit(what: int, most: int, over: int = 0) -> None:
    with suppress(OSError, ValueError):  # a lower limit is already set, or the system lacks this limit
        resource.setrlimit(what, (most, most + over))


def _say(answer: Answer) -> None:
    written = msgspec.msgpack.encode(answer)
    sys.stdout.buffer.write(len(written).to_bytes(4, "little") + written)
    sys.stdout.buffer.flush()


def _texts_of(tokenizer: "Tokenizer") -> Texts:
    # Where several tokens have one id, sorting selects the same token every time.
    own = {id: token for token, id in sorted(tokenizer.get_vocab(with_added_tokens=False).items())}
    added = {id: token.content for id, token in tokenizer.get_added_tokens_decoder().items()}
    decoder = _Decoder(tokenizer)
    # Added tokens are their own text; only the model's own tokens are encoded.
    texts = dict(decoder.texts([(id, token) for id, token in own.items() if id not in added])) | added
    stored = own | added
    ids = sorted(stored)
    return Texts(
        ids,
        [stored[id][:LONGEST_TOKEN] for id in ids],
        [None if texts[id] == stored[id] else texts[id][:LONGEST_TOKEN] for id in ids],
        sorted(decoder.broken),
        len(own),
    )


class _Decoder:
    """Decodes tokens one by one; `broken` holds the ids of decoded tokens that were not whole characters."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self.broken: set[int] = set()
        self._tokenizer = tokenizer
        self._steps = _steps_of(tokenizer)

    def texts(self, tokens: list[tuple[int, str]]) -> list[tuple[int, str]]:
        """The text of each of `tokens`: (id, token as stored) gives (id, text)."""
        alone = self._decoded([[id] for id, _ in tokens])
        if not self._steps.isdisjoint(_DROP_A_SPACE):
            # Each token is decoded after itself, because a space is dropped only at the beginning of a text.
            twice = self._decoded([[id, id] for id, _ in tokens])
            alone = [
                both.removeprefix(one) if both.startswith(one) else one
                for one, both in zip(alone, twice, strict=True)
            ]
        return [(id, self._text(id, token, text)) for (id, token), text in zip(tokens, alone, strict=True)]

    def _decoded(self, sequences: list[list[int]]) -> list[str]:
        return self._tokenizer.decode_batch(sequences, skip_special_tokens=False)

    def _text(self, id: int, token: str, decoded: str) -> str:
        if "\ufffd" in decoded and (written := self._bytes_of(token)) is not None:
            text = written.decode(errors=_SHOWN_BYTES)
            if text != decoded:
                self.broken.add(id)
            return text
        return decoded or token  # a token without text is shown as stored

    def _bytes_of(self, token: str) -> bytes | None:
        """The bytes that a token stands for; None where it is not stored as bytes."""
        if "ByteFallback" in self._steps and (byte := STORED_BYTE.fullmatch(token)):
            return bytes([int(byte[1], 16)])
        if "ByteLevel" in self._steps and all(character in _BYTE_OF for character in token):
            return bytes(_BYTE_OF[character] for character in token)
        return None


def _steps_of(tokenizer: "Tokenizer") -> set[str]:
    """The types of the steps of the tokenizer's decoder."""
    if tokenizer.decoder is None:
        return set()
    found = set()
    left = [json.loads(tokenizer.decoder.__getstate__())]
    while left:
        step = left.pop()
        found.add(step["type"])
        left += step.get("decoders", [])
    return found


def _bytes_by_character() -> dict[str, int]:
    """The byte that each character stands for in byte-level tokens. A printable character stands for itself;
    characters from U+0100 on stand for the other bytes in order."""
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (byte for byte in range(256) if byte not in printed)
    return {chr(byte): byte for byte in printed} | {chr(0x100 + n): byte for n, byte in enumerate(others)}


_BYTE_OF: Final = _bytes_by_character()
_SHOWN_BYTES: Final = "farpair.shown-bytes"  # the error handler that writes bytes that are no character


def _shown(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "".join(f"<0x{byte:02X}>" for byte in error.object[error.start : error.end]), error.end


codecs.register_error(_SHOWN_BYTES, _shown)

if __name__ == "__main__":
    main(sys.argv[1:])
