"""Strategies that damage valid data: its bytes, or its JSON at any depth."""

import json
import os
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from support.hostile.case import BIDI, CONTROLS, ESCAPES, MARKUP

# FARPAIR_FUZZ is how many inputs each fuzzer tries.
fuzzed = settings(
    max_examples=int(os.environ.get("FARPAIR_FUZZ", "120")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
)

NUMBERS = st.one_of(
    st.sampled_from(
        [0, -0.0, 1, -1, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30]
    ),
    st.sampled_from([0.5, 1e308, 5e-324, -1e308, 10**400, 1e15]),
    st.integers(-(2**70), 2**70),
    st.integers(-4, 300),
    st.floats(allow_nan=False, allow_infinity=False),
)
TEXTS = st.one_of(
    st.sampled_from([ESCAPES, CONTROLS, BIDI, MARKUP, "", "x" * 70_000, "\0", "W", "F32", "BF16", "e\u0301" * 50]),
    st.text(max_size=20),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=8,
)
FRAGMENTS = [b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\\ud800", b"\x00", b"\xff", b"\x1b[41m", b"\n",
             b"-", b"e999", b"null", b"NaN", b"Infinity", b"1" * 400, b"[" * 2_000, b'{"a":' * 2_000]  # fmt: skip


@st.composite
def spoiled_json(draw: st.DrawFn, valid: object) -> bytes:
    """`valid` with one to four values in it replaced, taken away, copied elsewhere or given another name."""
    root = deepcopy([valid])
    for _ in range(draw(st.integers(1, 4))):
        holders: list[Any] = [found for found in _containers(root) if found]
        holder: Any = draw(st.sampled_from(holders))
        keys = list(range(len(holder))) if isinstance(holder, list) else list(holder)
        key = draw(st.sampled_from(keys))
        match draw(st.sampled_from(["replace", "replace", "remove", "copy", "rename"])):
            case "remove" if holder is not root:
                del holder[key]
            case "copy":
                source = draw(st.sampled_from([*holders, *(one[k] for one in holders for k in _keys(one))]))
                holder[key] = deepcopy(source)
            case "rename" if isinstance(holder, dict):
                holder[draw(TEXTS)] = holder.pop(key)
            case _:
                holder[key] = draw(VALUES)
    return json.dumps(root[0], ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")


@st.composite
def spoiled_bytes(draw: st.DrawFn, valid: bytes) -> bytes:
    """`valid` with one to five stretches of it changed, taken away, doubled, or something put in their place."""
    content = bytearray(valid)
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(content)))
        end = min(start + draw(st.sampled_from([0, 1, 2, 8, 30, len(content)])), len(content))
        match draw(st.sampled_from(["flip", "remove", "double", "put", "fragment"])):
            case "flip":
                for place in range(start, end):
                    content[place] ^= draw(st.sampled_from([1, 2, 32, 128, 255])) if end - start < 9 else 1
            case "remove":
                del content[start:end]
            case "double":
                content[start:start] = content[start:end]
            case "put":
                content[start:end] = draw(st.binary(max_size=8))
            case _:
                content[start:end] = draw(st.sampled_from(FRAGMENTS))
    return bytes(content)


def spoiled(valid: object) -> st.SearchStrategy[bytes]:
    """The JSON of `valid`, spoiled one way or the other."""
    return st.one_of(spoiled_json(valid), spoiled_bytes(json.dumps(valid).encode()))


def _containers(value: object) -> list[list[object] | dict[str, object]]:
    """Every list and object in `value`, itself first."""
    match value:
        case list():
            return [value, *(found for inner in value for found in _containers(inner))]
        case dict():
            return [value, *(found for inner in value.values() for found in _containers(inner))]
    return []


def _keys(holder: list[object] | dict[str, object]) -> list[object]:
    return list(range(len(holder))) if isinstance(holder, list) else list(holder)
