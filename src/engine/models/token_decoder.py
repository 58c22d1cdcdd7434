"""How a token as a tokenizer.json stores it becomes the text that it stands for: the file's "decoder".

The tokenizers library decodes, but is never given the file's own JSON. It would take from there regular
expressions that search for ever, replacements that double a text again and again, and numbers that crash it. What
is read here is what tokenizers of language models have, each with the few parameters it needs.
"""

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec

if TYPE_CHECKING:
    from tokenizers.decoders import Decoder

MOST_STEPS: Final = 32

Short = Annotated[str, msgspec.Meta(max_length=64)]


class Step(msgspec.Struct, frozen=True, tag_field="type"):
    """One way of decoding, tagged with its name under "type"."""


class ByteLevel(Step, frozen=True):
    """Characters that stand for bytes, of UTF-8: GPT-2's way."""


class ByteFallback(Step, frozen=True):
    """Tokens such as <0x0A> that stand for one byte."""


class Fuse(Step, frozen=True):
    """Tokens are put together as they are."""


class WordPiece(Step, frozen=True):
    """Tokens that go on with a word begin with `prefix`: BERT's way."""

    prefix: Short = "##"
    cleanup: bool = True


class BPEDecoder(Step, frozen=True):
    """Tokens that end a word end in `suffix`: the first GPT's way."""

    suffix: Short = "</w>"


class Metaspace(Step, frozen=True):
    """`replacement` stands for a space: SentencePiece's way."""

    replacement: Annotated[str, msgspec.Meta(min_length=1, max_length=1)] = "▁"
    prepend_scheme: Literal["always", "first", "never"] | None = None
    add_prefix_space: bool = True


class Strip(Step, frozen=True):
    """Up to `start` times `content` is taken off the beginning. Off the end of a short text, it would crash."""

    content: Annotated[str, msgspec.Meta(min_length=1, max_length=1)]
    start: Annotated[int, msgspec.Meta(ge=0, le=64)]
    stop: Literal[0]


class Pattern(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is replaced: a text, never a regular expression."""

    String: Short


class Replace(Step, frozen=True):
    """`content` takes the place of each `pattern`, and must not be longer."""

    pattern: Pattern
    content: Short

    def __post_init__(self) -> None:
        if len(self.content) > len(self.pattern.String):
            raise ValueError("a replacement is longer than what it replaces")


Single = ByteLevel | ByteFallback | Fuse | WordPiece | BPEDecoder | Metaspace | Strip | Replace


class Sequence(Step, frozen=True):
    """One step after another."""

    decoders: Annotated[tuple[Single, ...], msgspec.Meta(max_length=MOST_STEPS)]


Steps = Single | Sequence


_KNOWN: Final = frozenset(kind.__name__ for kind in (*Single.__args__, Sequence))


class _Named(msgspec.Struct):
    """What of any decoder is read to know its kind."""

    type: str
    decoders: list["_Named"] = []


def unknown_kind(stored: msgspec.Raw) -> str | None:
    """The first kind of decoder in `stored`, a tokenizer's "decoder", that is none of those here, if there is one.

    Raises msgspec's errors where that is no decoder at all.
    """
    named = msgspec.json.decode(stored, type=_Named)
    return next((kind.type for kind in (named, *named.decoders) if kind.type not in _KNOWN), None)


def decoder_of(steps: Steps) -> "Decoder":
    """The library's decoder that takes these steps."""
    from tokenizers import decoders  # 60 ms that only a model with a tokenizer costs

    match steps:
        case Sequence():
            return decoders.Sequence([decoder_of(step) for step in steps.decoders])
        case ByteLevel():
            return decoders.ByteLevel()
        case ByteFallback():
            return decoders.ByteFallback()
        case Fuse():
            return decoders.Fuse()
        case WordPiece():
            return decoders.WordPiece(steps.prefix, steps.cleanup)
        case BPEDecoder():
            return decoders.BPEDecoder(steps.suffix)
        case Metaspace():
            scheme = steps.prepend_scheme or ("always" if steps.add_prefix_space else "never")
            return decoders.Metaspace(steps.replacement, scheme)
        case Strip():
            return decoders.Strip(steps.content, steps.start, steps.stop)
        case Replace():
            return decoders.Replace(steps.pattern.String, steps.content)
