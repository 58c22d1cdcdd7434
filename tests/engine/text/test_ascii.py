"""ASCII stand-ins are as wide as what they replace, and nothing of a token's text is lost."""

import ast
import io
from collections.abc import Iterator

import pytest
from farpair.engine.events import Token
from farpair.engine.text import escape
from farpair.engine.text.ascii import drawn, in_ascii, limit
from farpair.environment import only_ascii
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len


@pytest.fixture
def ascii_terminal() -> Iterator[None]:
    escape.show_only_ascii()
    yield
    escape.show_only_ascii(False)


@given(st.text(st.characters(exclude_categories=["C", "M"])))
def test_a_stand_in_is_ascii_and_as_wide(characters: str) -> None:
    shown = in_ascii(characters)
    assert shown.isascii()
    assert len(shown) == cell_len(characters)


@pytest.mark.parametrize("characters", [range(0x2500, 0x2580), range(0x2580, 0x25A0), range(0x2800, 0x2900)])
def test_lines_blocks_and_dots_have_stand_ins_that_look_like_them(characters: range) -> None:
    shown = "".join(in_ascii(chr(code)) for code in characters)
    assert "?" not in shown
    assert len(shown) == len(characters)


@pytest.mark.parametrize(
    ("drawn_with", "shown"),
    [
        ("╭─┬╮", "+-++"),
        ("│┃║", "|||"),
        ("⠤⠒", "~-"),
        ("⣿", "#"),
        ("⠀", " "),
        ("≥ 1.5", ">=1.5"),
        ("1 ± 2", "1 +-2"),
    ],
)
def test_what_is_drawn_keeps_its_shape(drawn_with: str, shown: str) -> None:
    assert in_ascii(drawn_with) == shown


@pytest.mark.usefixtures("ascii_terminal")
def test_a_token_text_is_spelled_out_to_the_last_character() -> None:
    label = escape.token_label(Token(index=0, id=71473, text="██取é–a"))
    assert label == r"71473 '\u2588\u2588\u53d6\xe9\u2013a'"
    assert ast.literal_eval(label.removeprefix("71473 ")) == "██取é–a"
    assert escape.visible("modèle – ✓") == r"mod\xe8le – ✓"


@pytest.mark.usefixtures("ascii_terminal")
def test_a_stream_that_is_limited_takes_stand_ins_and_escapes() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="utf-8")
    limit(stream)
    stream.write("✓ 0–256 取")
    stream.flush()
    assert raw.getvalue() == rb"+ 0-256 \u53d6"
    assert drawn("✓")
    assert not drawn("取")


@pytest.mark.parametrize(
    ("environment", "is_ascii"),
    [
        ({}, False),
        ({"LANG": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # Python's own doing
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "de_DE.utf8@euro"}, False),
        ({"LANG": "de_DE@euro"}, True),
        ({"LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({"LC_CTYPE": "UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, True),
    ],
)
def test_the_locale_says_whether_there_is_more_than_ascii(environment: dict[str, str], is_ascii: bool) -> None:
    assert only_ascii(environment) == is_ascii
