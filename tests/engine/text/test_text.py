"""Untrusted text is shown harmlessly, and numbers in one form."""

import subprocess
import sys
import unicodedata

import pytest
from farpair.engine.events import Token
from farpair.engine.text import numbers
from farpair.engine.text.escape import token_label, visible
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcswidth, wcwidth

HOSTILE = "\x1b]0;owned\x07\x9b31m\x7f\u202egpj.exe\u2066\u200b\u200d\ufeff\u2028\ud800\ue000\U000e0041\u0378"


def token(shown: str | None, id: int = 71473) -> Token:
    return Token(index=17, id=id, text=shown)


def test_every_character_that_is_not_printed_in_place_is_spelled_out() -> None:
    assert visible(HOSTILE) == (
        r"\x1b]0;owned\x07\x9b31m\x7f\u202egpj.exe\u2066\u200b\u200d\ufeff\u2028\ud800\ue000\U000e0041\u0378"
    )


@pytest.mark.parametrize(
    "plain", ["", "Qwen3-4B", " leading", "C:\\models", "██取", "日本語", "😀", "ñandú", "[bold]"]
)
def test_printable_text_of_any_script_passes_through(plain: str) -> None:
    assert visible(plain) == plain


def test_line_breaks_and_tabs_have_their_short_spelling() -> None:
    assert visible("a\n\tb\r\x00") == r"a\n\tb\r\x00"


@pytest.mark.parametrize(
    "invisible", ["\u034f", "\u115f", "\u3164", "\ufe0f", "\U000e0100", "\u3000", "\xa0", "\xad"]
)
def test_what_a_terminal_would_draw_as_nothing_or_as_blank_is_spelled_out(invisible: str) -> None:
    assert visible(f"a{invisible}b").isascii()


def test_a_mark_stays_on_its_letter_but_never_joins_what_stands_before_the_text() -> None:
    assert visible("e\u0301") == "e\u0301"
    assert visible("\u0301e") == r"\u0301e"
    assert visible(" \u0301") == r" \u0301"
    assert visible("\x1b\u0301") == r"\x1b\u0301"


def test_a_tower_of_marks_is_cut_down() -> None:
    shown = visible("e" + "\u0301" * 50)
    assert shown.count("\u0301") == 4
    assert shown.count(r"\u0301") == 46


@settings(deadline=None)
@given(st.text(st.characters()), st.none() | st.integers(-2, 40))
def test_whatever_the_text_only_printable_characters_come_out_and_they_fit(raw: str, width: int | None) -> None:
    shown = visible(raw, width)
    assert shown.isprintable()
    assert not shown or unicodedata.category(shown[0])[0] != "M"
    if width is not None:
        assert cell_len(shown) <= max(width, 0)
        if cell_len(visible(raw)) <= width:
            assert shown == visible(raw)


@settings(deadline=None)
@given(st.text(st.characters()), st.integers(5, 40))
def test_a_token_label_fits_and_always_begins_with_the_whole_id(raw: str, width: int) -> None:
    shown = token_label(token(raw), width)
    assert shown.startswith("71473")
    assert shown.isprintable()
    assert cell_len(shown) <= width


def test_cutting_counts_cells_not_characters_and_leaves_escapes_whole() -> None:
    assert visible("日本語テキスト", 7) == "日本語…"
    assert visible("日本語テキスト", 6) == "日本…"
    assert visible("ab\x1bcd", 6) == "ab…"
    assert visible("abc", 3) == "abc"
    assert visible("abcd", 1) == "…"
    assert visible("abcd", 0) == ""


def test_quotes_make_leading_spaces_and_spelled_out_escapes_unmistakable() -> None:
    assert token_label(token(" xyz ")) == "71473 ' xyz '"
    assert token_label(token("\\x1b")) == r"71473 '\\x1b'"
    assert token_label(token("it's")) == '71473 "it\'s"'
    assert token_label(token("'\"")) == r"""71473 '\'"'"""
    assert token_label(token("")) == "71473 ''"
    assert token_label(token(None)) == "71473"


def test_a_cut_token_has_its_ellipsis_outside_the_quotes() -> None:
    assert token_label(token("abcdefgh"), 12) == "71473 'abc'…"
    assert token_label(token("abcdefgh"), 8) == "71473"
    assert token_label(token("abcdefgh"), 16) == "71473 'abcdefgh'"


def test_distances_have_eight_decimals_where_these_say_something() -> None:
    assert numbers.distance(1.60828757) == "1.60828757"
    assert numbers.distance(0.0012512) == "0.00125120"
    assert numbers.distance(0.0) == "0.00000000"
    assert numbers.distance(4.1e-05) == "4.10000000e-05"
    assert numbers.distance(1e38) == "1.00000000e+38"
    assert numbers.distance(123456.5) == "123456.50000000"


def test_a_distance_whose_last_digit_is_in_doubt_says_so() -> None:
    assert numbers.distance(1.608287565, 1e-12).startswith("≈1.6082875")
    assert numbers.distance(1.608287569, 1e-12) == "1.60828757"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.0123, "12 ms"),
        (0.9994, "999 ms"),
        (0.9999, "0:00:01"),
        (4.4, "0:00:04"),
        (3599.7, "1:00:00"),
        (90061, "25:01:01"),
        (float("inf"), "–"),
    ],
)
def test_durations_read_like_a_clock(seconds: float, shown: str) -> None:
    assert numbers.duration(seconds) == shown


def test_measured_times_keep_their_hundredths_below_a_minute() -> None:
    assert [numbers.elapsed(s) for s in (0.0123, 4.268, 59.999, 61)] == ["12 ms", "4.27 s", "0:01:00", "0:01:01"]


def test_counts_sizes_and_rates_are_scaled() -> None:
    assert numbers.count(2248) == "2,248"
    assert [numbers.size(n) for n in (0, 999, 1000, 23_019_520, 999_960_000)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "23.0 MB",
        "1.0 GB",
    ]
    assert [numbers.rate(r) for r in (0, 820, 1.94e9, float("nan"))] == [
        "0 pair/s",
        "820 pair/s",
        "1.9 Gpair/s",
        "–",
    ]


def test_ratios_and_angles_have_two_decimals_and_a_dash_where_there_are_none() -> None:
    assert [numbers.ratio(r) for r in (3.2868, None, 1e9)] == ["3.29×", "–", "1.00e+09×"]
    assert [numbers.degrees(a) for a in (90.158, None)] == ["90.16°", "–"]


def test_a_share_is_none_or_all_only_where_it_is() -> None:
    parts = (0, 1, 70, 9_999, 10_000)
    assert [numbers.share(part, 10_000) for part in parts] == ["0%", "<0.1%", "0.7%", ">99.9%", "100%"]
    assert numbers.share(0, 0) == "0%"


def test_importing_it_brings_in_neither_rich_nor_textual_nor_torch() -> None:
    code = (
        "import sys, farpair.engine.text.escape;"
        "print([m for m in ('rich', 'textual', 'torch', 'numpy') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    )


def test_of_every_character_of_unicode_a_terminal_and_the_screen_agree_on_the_width_shown() -> None:
    differ = []
    for character in filter(str.isprintable, map(chr, range(0x110000))):
        joining = unicodedata.category(character) in ("Mn", "Mc", "Me", "Sk") or wcwidth(character) == 0
        befores = ("", "a", "क", "👍", "中", "ᄀ") if joining else ("",)
        for before in befores:
            shown = visible(before + character)
            if not cell_len(shown) == wcswidth(shown) == sum(wcwidth(one) for one in shown):
                differ.append(before + character)
    assert differ == []


@pytest.mark.parametrize(
    "uncertain", ["\u093f", "\u102c", "\U0001f3fd", "\u302e", "\U0001d300", "\u1160", "\U0001f1e9"]
)
def test_what_terminals_give_different_widths_is_escaped_and_never_cut(uncertain: str) -> None:
    escape = uncertain.encode("unicode_escape").decode()
    assert visible(f"क{uncertain}") == f"क{escape}"
    for width in range(1, 20):
        assert cell_len(visible(f"ab{uncertain}{uncertain}cd", width)) <= width


@given(st.text(), st.integers(1, 30))
def test_text_cut_to_a_width_has_it_by_every_measure(untrusted: str, width: int) -> None:
    shown = visible(untrusted, width)
    assert cell_len(shown) == wcswidth(shown) == sum(wcwidth(one) for one in shown)
    assert cell_len(shown) <= width
