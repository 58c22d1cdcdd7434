"""Safetensors files that are none: everything that the format refuses, and what a reader might choke on."""

import os
from collections.abc import Callable
from pathlib import Path

from support.hostile.case import BIDI, CONTROLS, ESCAPES, MARKUP, Case, header_bytes

W = b'{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}'
DATA = bytes(24)
NOT_JSON = "its header is not a JSON object"
NOWHERE = 'its header does not say where tensor "W" lies'
OVERLAP = "tensors overlap or leave gaps"
TWO_WAYS = "in two ways"


def place(
    dtype: str = "F32", shape: object = (2, 3), offsets: object = (0, 24), **more: object
) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


def raw(name: str, content: bytes, says: str) -> Case:
    """The file is `content`, byte by byte."""

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "W.safetensors").write_bytes(content)

    return Case(name, write, says)


def header(name: str, written: object, says: str, data: bytes = DATA) -> Case:
    """The file has the header `written` and, after it, `data`."""
    return raw(name, header_bytes(written) + data, says)


def long(name: str, parts: Callable[[], bytes], says: str) -> Case:
    """The file's header is `parts`, close to the format's longest, made when it is needed."""

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "W.safetensors").write_bytes(header_bytes(parts()))

    return Case(name, write, says)


def sparse(name: str, written: object, size: int, says: str) -> Case:
    """The header is followed by `size` bytes that take no room on disk."""

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        content = header_bytes(written)
        (folder / "W.safetensors").write_bytes(content)
        os.truncate(folder / "W.safetensors", len(content) + size)

    return Case(name, write, says)


SIZES = [
    raw("empty", b"", "it has only 0 bytes"),
    raw("seven bytes", bytes(7), "it has only 7 bytes"),
    raw("length alone", bytes(8), NOT_JSON),
    raw("length beyond the file", (100).to_bytes(8, "little") + b"{}", "can be at most 2 bytes here"),
    raw("length 2^63", (2**63).to_bytes(8, "little") + b"{}", "does not begin with the length of a header"),
    raw("length 2^64 - 1", b"\xff" * 8 + b"{}", "does not begin with the length of a header"),
    raw("length over the limit", (100_000_001).to_bytes(8, "little") + b"{}", "100,000,001 bytes"),
    raw("a zip file", b"PK\x03\x04" + bytes(100), "not a safetensors file"),
    raw("a pickle", b"\x80\x04\x95" + bytes(100), "not a safetensors file"),
    raw("gguf", b"GGUF\x03\x00\x00\x00" + bytes(100), "not a safetensors file"),
]

JSON = [
    header("not JSON", b"hello", NOT_JSON),
    header("no JSON", b"", NOT_JSON),
    header("only blanks", b" " * 64, NOT_JSON),
    header("NULs", bytes(64), NOT_JSON),
    header("cut short", b'{"W":' + W, NOT_JSON),
    header("more after it", b'{"W":' + W + b"}{}", NOT_JSON),
    header("a NUL after it", b'{"W":' + W + b"}\0", NOT_JSON),
    header("a list", b"[" + W + b"]", NOT_JSON),
    header("a text", b'"W"', NOT_JSON),
    header("a number", b"7", NOT_JSON),
    header("null", b"null", NOT_JSON),
    header("a byte order mark", b'\xef\xbb\xbf{"W":' + W + b"}", NOT_JSON),
    header("UTF-16", '{"W":1}'.encode("utf-16"), NOT_JSON),
    header("not UTF-8", b'{"\xff":' + W + b"}", NOT_JSON),
    header("overlong UTF-8", b'{"\xc0\xaf":' + W + b"}", NOT_JSON),
    header("a surrogate in UTF-8", b'{"\xed\xa0\x80":' + W + b"}", NOT_JSON),
    header("a surrogate escaped", b'{"\\ud800":' + W + b"}", NOT_JSON),
    header("a raw control character", b'{"\x1b":' + W + b"}", NOT_JSON),
    header("a comment", b'{"W":' + W + b"/**/}", NOT_JSON),
    header("a trailing comma", b'{"W":' + W + b",}", NOT_JSON),
    header("single quotes", b"{'W':1}", NOT_JSON),
    header("lists 100,000 deep", b"[" * 100_000, NOT_JSON),
    header("objects 100,000 deep", b'{"W":' * 100_000, NOT_JSON),
    header("100,000 deep and closed", b'{"W":' + b"[" * 100_000 + b"]" * 100_000 + b"}", NOT_JSON),
    header("200 deep and closed", b'{"W":' + b"[" * 200 + b"]" * 200 + b"}", NOWHERE),
    header("blanks before it", b"\n\t {}", "it holds no tensors at all", b""),
]

DESCRIPTIONS = [
    header("a number for a tensor", {"W": 1}, NOWHERE),
    header("null for a tensor", {"W": None}, NOWHERE),
    header("a list for a tensor", {"W": ["F32", [2, 3], [0, 24]]}, NOWHERE),
    header("no dtype", {"W": {"shape": [2, 3], "data_offsets": [0, 24]}}, NOWHERE),
    header("no shape", {"W": {"dtype": "F32", "data_offsets": [0, 24]}}, NOWHERE),
    header("no offsets", {"W": {"dtype": "F32", "shape": [2, 3]}}, NOWHERE),
    header("one offset", {"W": place(offsets=[24])}, NOWHERE),
    header("three offsets", {"W": place(offsets=[0, 12, 24])}, NOWHERE),
    header("a negative dimension", {"W": place(shape=[-2, -3])}, NOWHERE),
    header("a negative offset", {"W": place(offsets=[-24, 0])}, NOWHERE),
    header("a minus zero", b'{"W":{"dtype":"F32","shape":[2,3],"data_offsets":[-0,24]}}', TWO_WAYS),
    header("a fraction", {"W": place(shape=[2.5, 3])}, NOWHERE),
    header(
        "a whole number as a fraction", b'{"W":{"dtype":"F32","shape":[2.0,3],"data_offsets":[0,24]}}', NOWHERE
    ),
    header("an exponent", b'{"W":{"dtype":"F32","shape":[2e0,3],"data_offsets":[0,24]}}', NOWHERE),
    header("NaN", b'{"W":{"dtype":"F32","shape":[NaN,3],"data_offsets":[0,24]}}', NOT_JSON),
    header("Infinity", b'{"W":{"dtype":"F32","shape":[Infinity,3],"data_offsets":[0,24]}}', NOT_JSON),
    header("a leading zero", b'{"W":{"dtype":"F32","shape":[02,3],"data_offsets":[0,24]}}', NOT_JSON),
    header(
        "a number of 5,000 digits",
        b'{"W":{"dtype":"F32","shape":[%s],"data_offsets":[0,4]}}' % (b"9" * 5000),
        NOWHERE,
    ),
    header("true for a dimension", {"W": place(shape=[True, 3])}, NOWHERE),
    header("a text for a dimension", {"W": place(shape=["2", 3])}, NOWHERE),
    header("3,000 dimensions", {"W": place(shape=[1] * 3000)}, NOWHERE),
    header("2^63 rows", {"W": place(shape=[2**63, 3])}, NOWHERE),
    header("2^64 rows", {"W": place(shape=[2**64, 3])}, NOWHERE),
    header("2^63 - 1 rows", {"W": place(shape=[2**63 - 1, 3])}, "24 bytes for shape"),
    header("a product over 2^64", {"W": place(shape=[2**32, 2**32])}, "24 bytes for shape"),
    header("a product that wraps to 24 bytes", {"W": place(shape=[2**62, 4, 6])}, "24 bytes for shape"),
    header(
        "a product over 2^64 made 0", {"W": place(shape=[2**62, 2**62, 0], offsets=[0, 0])}, "0 bytes for", b""
    ),
    header("an unknown dtype", {"W": place("F31")}, "is F31, which safetensors does not have"),
    header("a dtype in small letters", {"W": place("f32")}, "is f32, which safetensors does not have"),
    header("an empty dtype", {"W": place("")}, "which safetensors does not have"),
    header("a hostile dtype", {"W": place(ESCAPES + MARKUP)}, r"is \x1b[41m"),
    header("bytes that do not fit the shape", {"W": place(shape=[2, 4])}, "24 bytes for shape (2 × 4) of F32"),
    header("half a byte", {"W": place("F4", [3], [0, 1])}, "1 bytes for shape (3) of F4", bytes(1)),
    header("four-bit numbers", {"W": place("F4", [2, 3], [0, 3])}, "is F4; an embedding is", bytes(3)),
    header("eight-bit numbers", {"W": place("F8_E4M3", [2, 3], [0, 6])}, "is F8_E4M3; an embedding is", bytes(6)),
    header("complex numbers", {"W": place("C64", [1, 3], [0, 24])}, "is C64; an embedding is"),
    header("whole numbers", {"W": place("I32")}, "is I32; an embedding is"),
    header("no dimension", {"W": place(shape=[], offsets=[0, 4])}, "has shape ()", bytes(4)),
    header("one dimension", {"W": place(shape=[6])}, "has shape (6)"),
    header("three dimensions", {"W": place(shape=[1, 2, 3])}, "has shape (1 × 2 × 3)"),
    header("no rows", {"W": place(shape=[0, 3], offsets=[0, 0])}, "is empty: its shape is (0 × 3)", b""),
    header("no columns", {"W": place(shape=[3, 0], offsets=[0, 0])}, "is empty: its shape is (3 × 0)", b""),
    header("a field twice", b'{"W":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24],"dtype":"F32"}}', TWO_WAYS),
    header("a field twice, escaped", b'{"W":{"d\\u0074ype":"F32",' + W[1:] + b"}", TWO_WAYS),
    header("one field more", {"W": place(strides=[3, 1])}, ""),
]

NAMES = [
    header("a name twice", b'{"W":' + W + b',"W":' + W + b"}", 'names "W" more than once'),
    header("a name twice, escaped", b'{"W":' + W + b',"\\u0057":' + W + b"}", 'names "W" more than once'),
    header("an empty name", {"": place()}, 'no tensor "W"; its only tensor is ""'),
    header("names that escape", {ESCAPES: place()}, r'its only tensor is "\x1b[41mOWNED'),
    header("names of control characters", {CONTROLS: place()}, r'its only tensor is "\x01\x02'),
    header("names of bidirectional overrides", {BIDI: place()}, r'its only tensor is "\u202eOWNED'),
    header("names of markup", {MARKUP: place()}, 'its only tensor is "[red]OWNED'),
    header("a name of a million letters", {"x" * 1_000_000: place()}, 'its only tensor is "xxxx'),
    header(
        "metadata as a tensor",
        {"__metadata__": place()},
        "the metadata in its header does not map strings to strings",
    ),
    header("metadata that is a list", {"__metadata__": [], "W": place()}, "the metadata in its header"),
    header("metadata that is a number", {"__metadata__": 1, "W": place()}, "the metadata in its header"),
    header("metadata of numbers", {"__metadata__": {"a": 1}, "W": place()}, "the metadata in its header"),
    header("metadata within metadata", {"__metadata__": {"a": {}}, "W": place()}, "the metadata in its header"),
    header("metadata twice", b'{"__metadata__":{},"__metadata__":{},"W":' + W + b"}", "more than once"),
    header(
        "metadata 200 deep", b'{"__metadata__":' + b"[" * 200 + b"]" * 200 + b"}", "the metadata in its header"
    ),
]

OFFSETS = [
    header("one byte missing", {"W": place()}, "only 23 are there", bytes(23)),
    header("no bytes at all", {"W": place()}, "only 0 are there", b""),
    header("one byte more", {"W": place()}, "its tensors take 24 bytes, and 25 are there", bytes(25)),
    header("a hole before it", {"W": place(offsets=[8, 32])}, OVERLAP, bytes(32)),
    header("a hole between", {"V": place(), "W": place(offsets=[32, 56])}, OVERLAP, bytes(56)),
    header("the same bytes twice", {"V": place(), "W": place()}, OVERLAP),
    header("overlapping by one byte", {"V": place(), "W": place(offsets=[23, 47])}, OVERLAP, bytes(47)),
    header("one within another", {"V": place(shape=[4], offsets=[4, 20]), "W": place()}, OVERLAP),
    header("end before begin", {"W": place(offsets=[24, 0])}, OVERLAP),
    header("an empty one inside another", {"V": place(shape=[0], offsets=[5, 5]), "W": place()}, OVERLAP),
    header("beyond the file", {"W": place(shape=[2**40, 3], offsets=[0, 12 * 2**40])}, "only 24 are there"),
    header("offsets of 2^63", {"W": place(offsets=[2**63, 2**63 + 24])}, NOWHERE),
    header("offsets of 2^64", {"W": place(offsets=[2**64, 2**64 + 24])}, NOWHERE),
    header("no tensors", {}, "it holds no tensors at all", b""),
    header("no tensors, and bytes", {}, "its tensors take 0 bytes, and 24 are there"),
    header("metadata that escapes", {"__metadata__": {ESCAPES: MARKUP}, "W": place()}, ""),
]

# What only shows when the rows are read.
ROWS = [
    sparse("a terabyte of rows", {"W": place("F16", [2**39, 1], [0, 2**40])}, 2**40, "of memory, and"),
    sparse("a row of a terabyte", {"W": place("F16", [1, 2**39], [0, 2**40])}, 2**40, "of memory, and"),
]

BOMBS = [
    long("a million tensors", lambda: _tensors(1_000_000), "names more than 250,000 tensors"),
    long("a name repeated ten million times", lambda: b'{"":0' + b',"":0' * 10**7 + b"}", "more than 250,000"),
    long("50 million dimensions", lambda: b'{"W":{"shape":[0' + b",1" * 49_000_000 + b"]}}", NOWHERE),
    long("metadata of 90 MB", lambda: b'{"__metadata__":{"a":"' + b"x" * 9 * 10**7 + b'"}}', "the metadata in"),
    long("a name of 99 MB", lambda: b'{"' + b"W" * 99_000_000 + b'":1}', 'where tensor "WWWW'),
    long("99 MB of brackets", lambda: b"[" * 99_000_000, NOT_JSON),
]  # fmt: skip


def _tensors(number: int) -> bytes:
    """Empty tensors, `number` of them."""
    some = ",".join(f'"{n:x}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' for n in range(number))
    return f"{{{some}}}".encode()


HEADERS = [*SIZES, *JSON, *DESCRIPTIONS, *NAMES, *OFFSETS]
