"""A filter is a few words: what each of them admits, and that no text can break it."""

import pytest
from farpair.engine.errors import InputError
from farpair.engine.events import AnyEvent, BatchBound, Named, Token
from farpair.engine.journal.record import RunRecord
from farpair.tui.widgets.batches.filter import parse_filter
from hypothesis import given
from hypothesis import strategies as st
from support.published import named, settled, started, view_of

TOKENS = Named(
    tokens=(
        Token(index=14, id=48494, text=" xyz"),
        Token(index=17, id=3, text="Straße"),
        Token(index=512, id=7, text="\x1b[31m"),
        Token(index=1025, id=1000),
    )
)
BOUND = BatchBound(batch=2, lower=1.1, i=512, j=1025)


def record(*events: AnyEvent) -> RunRecord:
    found = view_of([*started(), *(events or (TOKENS, settled(0), settled(1), BOUND))]).record
    assert found is not None
    return found


def admitted(text: str) -> list[int]:
    whole, filter = record(), parse_filter(text)
    return [row.batch for row in whole.batches if filter.admits(whole, row)]


ALL = list(range(9))


@pytest.mark.parametrize(
    ("text", "batches"),
    [
        ("", ALL),
        ("   ", ALL),
        ("settled", [0, 1]),
        ("✓", [0, 1]),
        ("open", [2, 3, 4, 5, 6, 7, 8]),
        (">1.2", [0]),
        (">=1.1", [0, 1, 2]),
        ("<1.2", [1, 2]),
        ("<=1.16175008", [1, 2]),
        (">1e9", []),
        ("4", [4]),
        ("3", [0, 1, 3]),
        ("#3", [3]),
        ("48494", [0]),
        ("1000", [2]),
        ("2-4", [2, 3, 4]),
        ("4–2", [2, 3, 4]),
        ("#7-900", [7, 8]),
        ("row:0", [0]),
        ("row:511", [1]),
        ("row:9999999", []),
        ("xyz", [0]),
        ('" xyz"', [0]),
        ("STRASSE", [0, 1]),
        ("straße open", []),
        (r"\x1b", [2]),
        ("open >1", [2]),
        ("settled 0-3 xyz", [0]),
        ('"48494"', []),
        ("'open'", []),
        ("nothing like it", []),
        ("9" * 400, []),
    ],
)
def test_each_word_lets_through_what_it_says(text: str, batches: list[int]) -> None:
    assert admitted(text) == batches


@pytest.mark.parametrize(("text", "said"), [(">", "After > comes a number."), ("open <=x", "“x” is none")])
def test_a_comparison_without_a_number_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_filter(text)


def test_a_quote_that_is_still_open_holds_what_follows() -> None:
    assert admitted('" xy') == [0]
    assert admitted('"') == ALL


@given(st.text(max_size=30))
def test_any_text_is_a_filter_or_a_sentence(text: str) -> None:
    whole = record()
    try:
        filter = parse_filter(text)
    except InputError as error:
        said = str(error)
    else:
        said = "After that, a test of every batch."
        assert {filter.admits(whole, row) for row in whole.batches} <= {True, False}
    assert said.startswith("After ")
    assert said.isprintable()


@given(st.lists(st.sampled_from(["settled", "open", ">1.15", "<1.3", "3", "0-4", "xyz", "row:20"]), max_size=4))
def test_words_together_let_through_what_each_of_them_does(words: list[str]) -> None:
    expected = set(ALL).intersection(*(admitted(word) for word in words)) if words else set(ALL)
    assert set(admitted(" ".join(words))) == expected


def test_a_batch_without_tokens_matches_no_text() -> None:
    whole = record(named({}), settled(0))
    filter = parse_filter("xyz")
    assert not any(filter.admits(whole, row) for row in whole.batches)
