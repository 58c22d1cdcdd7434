"""The difference between two lines is found to the cell, so that only that is sent to the terminal."""

from farpair.tui.widgets.lines import Line, Role, changed_cells, left, number, plain, right, spread, width_of
from hypothesis import given
from hypothesis import strategies as st

TEXT: Role = "text"
ROLES: tuple[Role, ...] = ("text", "dim")
lines: st.SearchStrategy[Line] = st.lists(
    st.tuples(st.text("ab 取█é", max_size=4), st.sampled_from(ROLES)), max_size=4
).map(lambda spans: tuple(spans))


def cells(line: Line, width: int) -> list[tuple[str, Role]]:
    """What is in each cell, the dull way: none of these characters joins another."""
    found = [
        (character, role if character != " " else "text") for text, role in line for character in text
        for _ in range(2 if character == "取" else 1)
    ]  # fmt: skip
    return (found + [(" ", TEXT)] * width)[:width]


@given(lines, lines, st.integers(0, 20))
def test_changed_cells_are_the_shortest_stretch_that_holds_every_difference(
    one: Line, other: Line, width: int
) -> None:
    differing = [x for x, (a, b) in enumerate(zip(cells(one, width), cells(other, width), strict=True)) if a != b]
    assert changed_cells(one, other, width) == (
        (differing[0], differing[-1] - differing[0] + 1) if differing else None
    )


def test_blanks_look_alike_in_every_role() -> None:
    assert changed_cells((("a  ", "dim"),), (("a", "dim"),), 10) is None


@given(st.text("ab 取é", max_size=12), st.integers(1, 20))
def test_padding_gives_exactly_the_width(text: str, width: int) -> None:
    assert width_of(((left(text, width), TEXT),)) == width
    assert width_of(((right(text, width), TEXT),)) == width


def test_what_stands_at_the_right_gives_way_to_what_stands_at_the_left() -> None:
    assert plain([spread((("left", TEXT),), (("right", TEXT),), 12)]) == "left   right"
    assert plain([spread((("left", TEXT),), (("right", TEXT),), 9)]) == "left"


@given(st.floats(1e-12, 1e7), st.floats(-17, 0), st.floats(-1, 1), st.integers(9, 16))
def test_no_digit_is_shown_that_the_error_leaves_open(
    value: float, log_error: float, by: float, width: int
) -> None:
    error = value * 10**log_error
    true = value + 0.999 * by * error
    shown = number(value, width, error)
    if shown.startswith("<"):
        assert true <= 1.5 * float(shown[1:])
    else:
        decimals, _, exponent = shown.partition("e")
        digits = len(decimals.partition(".")[2])
        assert f"{true:.{digits}{'e' if exponent else 'f'}}" == shown
