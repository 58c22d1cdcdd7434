"""Parses and checks the JSON in a safetensors file's header.

It refuses everything that the format (https://github.com/huggingface/safetensors) and its library refuse: repeated
names or fields, metadata that is not text, an unknown dtype, a wrong size, tensors that overlap or leave a gap. It
also limits counts and lengths, so that a header of 100 MB takes at most a few hundred MB and a few seconds.
"""

from contextlib import suppress
from typing import Final

import msgspec

from ..errors import InputError
from ..events import Natural
from ..text.escape import visible
from ..text.numbers import count

MOST_TENSORS: Final = 250_000  # a file of the largest models has some ten thousand
LONGEST_METADATA: Final = 16 << 20  # bytes; training tools write up to a few million
LONGEST_DESCRIPTION: Final = 4096  # bytes of one tensor's dtype, shape and offsets
_USUAL_DIMENSIONS: Final = 8

BITS: Final = (
    {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6}
    | {"F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8}
    | {"I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8, "BOOL": 8}
)


class Place(msgspec.Struct, frozen=True):
    """One tensor in the header: its dtype by the format's name ("BF16", …), its shape, and the offsets [begin,
    end) of its bytes.

    Other fields are ignored, as the format's library ignores them.
    """

    dtype: str
    shape: tuple[Natural, ...]
    data_offsets: tuple[Natural, Natural]


def places_in(header: bytearray, name: str) -> dict[str, Place]:
    """The place of each tensor in the JSON of `header`. `name` is the file's name in errors. Raises InputError."""
    places = _plain_places(header)
    if places is None:
        tensors, places = _tensors(header, name), {}
        for key in list(tensors):
            tensor = str(key)  # made once, because it may be as long as the header
            places[tensor] = _place(tensors.pop(key), tensor, name)
    for tensor, place in places.items():
        _check_size(place, tensor, name)
    return places


def check_offsets(places: dict[str, Place], size: int, name: str) -> None:
    """Raise InputError where the tensors do not fill the `size` bytes after the header without gaps."""
    reached = 0
    for begin, end in sorted(place.data_offsets for place in places.values()):
        if begin != reached or end < begin:
            raise InputError(f"{name} is damaged: by its header, tensors overlap or leave gaps.")
        reached = end
    if reached > size:
        raise InputError(
            f"{name} is cut short: its tensors take {count(reached)} bytes, and only {count(size)} are there."
        )
    if reached < size:
        raise InputError(
            f"{name} is damaged: its tensors take {count(reached)} bytes, and {count(size)} are there."
        )


def quoted(name: str) -> str:
    """A tensor's name in quotes, escaped."""
    return f'"{visible(name, 60)}"'


def shape_text(shape: tuple[int, ...], most: int = 6) -> str:
    """A shape as text: "(2,248 × 2,560)", "(7)", "()"; at most its first `most` dimensions."""
    return f"({' × '.join(count(size) for size in shape[:most])}{' × …' if len(shape) > most else ''})"


class _Described(msgspec.Struct, frozen=True):
    """A tensor's description; the metadata also decodes as one, with every field at its default."""

    dtype: str = ""
    shape: tuple[Natural, ...] = ()
    data_offsets: tuple[Natural, Natural] | None = None


class _Metadata(msgspec.Struct):
    """The metadata in a header."""

    metadata: dict[str, str] | None = msgspec.field(default=None, name="__metadata__")


def _plain_places(header: bytearray) -> dict[str, Place] | None:
    """The places in an ordinary header, decoded in one pass; None where the header needs every check.

    Where no text is escaped and each field's name occurs once for each tensor, no name and no field is repeated.
    Where there is no minus sign, no number is -0.
    """
    if len(header) > LONGEST_METADATA or b"\\" in header or b"-" in header:
        return None
    try:
        described = msgspec.json.decode(header, type=dict[str, _Described])
        metadata = msgspec.json.decode(header, type=_Metadata).metadata
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    described.pop("__metadata__", None)
    fields = (b'"dtype"', b'"shape"', b'"data_offsets"')
    if len(header) > LONGEST_DESCRIPTION and any(
        len(place.shape) > _USUAL_DIMENSIONS for place in described.values()
    ):
        return None
    once = all(header.count(field) == len(described) for field in fields)
    if not once or len(described) > MOST_TENSORS or header.count(b'"__metadata__"') != (metadata is not None):
        return None
    places = {
        tensor: Place(place.dtype, place.shape, place.data_offsets)
        for tensor, place in described.items()
        if place.data_offsets is not None and place.dtype in BITS
    }
    return places if len(places) == len(described) else None


class _Key(str):
    """A key of the header. Its own type makes the decoder report every key, including repeated ones."""

    __slots__ = ()


def _tensors(header: bytearray, name: str) -> "dict[_Key, msgspec.Raw]":
    """The name of each tensor and its description as undecoded JSON."""
    keys = 0

    def key(_: type, text: str) -> _Key:
        nonlocal keys
        keys += 1
        if keys > MOST_TENSORS:
            raise InputError(f"{name} cannot be used: its header names more than {count(MOST_TENSORS)} tensors.")
        return _Key(text)

    try:
        tensors = msgspec.json.decode(header, type=dict[_Key, msgspec.Raw], dec_hook=key)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(f"{name} is not a safetensors file: its header is not a JSON object.") from None
    if keys > len(tensors):
        raise InputError(f"{name} is damaged: its header names {_repeated(header)} more than once.")
    metadata = bytes(tensors.pop(_Key("__metadata__"), b"null"))
    try:
        if len(metadata) > LONGEST_METADATA:
            raise msgspec.ValidationError(f"Expected at most {LONGEST_METADATA} bytes")
        msgspec.json.decode(metadata, type=dict[str, str] | None)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InputError(
            f"{name} is damaged: the metadata in its header does not map strings to strings."
        ) from None
    return tensors


def _repeated(header: bytearray) -> str:
    """The first name that occurs twice in `header`, which repeats a name."""
    seen: set[str] = set()
    again: list[str] = []

    def key(_: type, text: str) -> _Key:
        if text in seen and not again:
            again.append(text)
        seen.add(text)
        return _Key(text)

    msgspec.json.decode(header, type=dict[_Key, msgspec.Raw], dec_hook=key)
    return quoted(again[0])


def _place(description: msgspec.Raw, tensor: str, name: str) -> Place:
    written = bytes(description)
    place: Place | None = None
    if len(written) <= LONGEST_DESCRIPTION:
        with suppress(msgspec.DecodeError, UnicodeDecodeError):
            place = msgspec.json.decode(written, type=Place)
    if place is None:
        raise InputError(f"{name} is damaged: its header does not say where tensor {quoted(tensor)} lies.")
    if place.dtype not in BITS:
        raise InputError(
            f"{name} cannot be used: the dtype of tensor {quoted(tensor)} is {visible(place.dtype, 60)}, which "
            "safetensors does not have."
        )
    if _in_two_ways(written):
        raise InputError(f"{name} is damaged: its header describes tensor {quoted(tensor)} in two ways.")
    return place


def _in_two_ways(written: bytes) -> bool:
    """Whether a tensor's description has one of its fields twice, or a number that the library refuses (-0)."""
    fields: list[str] = []

    def key(_: type, text: str) -> _Key:
        fields.append(text)
        return _Key(text)

    values = msgspec.json.decode(written, type=dict[_Key, msgspec.Raw], dec_hook=key)
    known = [field for field in fields if field in Place.__struct_fields__]
    numbers = (bytes(values[_Key(field)]) for field in ("shape", "data_offsets"))
    return len(known) != len(set(known)) or any(b"-" in number for number in numbers)


def _check_size(place: Place, tensor: str, name: str) -> None:
    """Raise InputError where the number of a tensor's bytes does not fit its shape and dtype."""
    numbers = 1
    for size in place.shape:
        numbers *= size
        if numbers >= 2**64:  # the library counts in 64 bits, and later factors do not undo an overflow
            break
    begin, end = place.data_offsets
    bits = numbers * BITS[place.dtype]
    if begin <= end and bits != 8 * (end - begin):
        raise InputError(
            f"{name} is damaged: its header gives tensor {quoted(tensor)} {count(end - begin)} bytes for "
            f"shape {shape_text(place.shape)} of {place.dtype}."
        )
