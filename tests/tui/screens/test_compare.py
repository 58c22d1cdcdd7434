"""Two models side by side: every number of both and the difference."""

import msgspec
import pytest
from farpair.tui.screens.compare import comparison_lines
from farpair.tui.view import View
from farpair.tui.widgets.lines import plain, width_of
from support.published import (
    a_model,
    analysed,
    done,
    ladder,
    named,
    pair_found,
    published,
    settled,
    started,
    view_of,
)

WIDTHS = [30, 73, 104]


def shown(one: View, other: View, width: int = 104) -> list[str]:
    return [" ".join(line.split()) for line in plain(comparison_lines(one, other, width)).splitlines()]


def second() -> View:
    """Another model's run, smaller and of another kind."""
    near = msgspec.structs.replace(analysed().other, norm=0.4)
    found = analysed(other=near, mean_distance=0.7, centroid_norm=0.25)
    events = [*started(n=1000), named(), settled(0), pair_found(ties=3), found, ladder(outside=None), done()]
    return view_of(events, a_model("second"))


def test_every_number_stands_beside_the_others_with_the_difference() -> None:
    lines = shown(view_of(published()), second())
    for wanted in (
        "rows 2,248 1,000 −1,248",
        "dtype BF16 BF16 same",
        "pairs that tie 1 3 +2",
        "mean from c 1.13535678 0.70000000 −0.4353568",  # 0.435356785: the eighth digit could be either
        "norms > 2|c| both larger differs",
        "centroid norm 0.37091014 0.25000000 −0.12091014",
        "token 71473 '██取' 71473 '██取' same",
        "÷ centroid 3.29× 3.29× same",
        "angle at c 90.16° 90.16° same",
        "outliers 9 0 −9",
        "diameter w/o 0.00169000 –",
    ):
        assert wanted in lines


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    "other", [View(a_model("new")), view_of(started()), View(a_model(problem="It is a stone."))]
)
def test_a_model_without_a_result_says_so_and_leaves_its_numbers_open(other: View, width: int) -> None:
    for one, two in ((view_of(published()), other), (other, view_of(published()))):
        lines = comparison_lines(one, two, width)
        assert all(width_of(line) <= width for line in lines)
        assert "has no result" in " ".join(plain(lines).split())


@pytest.mark.parametrize("width", WIDTHS)
def test_hostile_names_and_texts_are_harmless(width: int) -> None:
    hostile = "a\x1b[31m\x07[bold]\u202eb\nc\u200b" * 9
    view = view_of(
        [*started(), named({14: hostile, 17: hostile}), pair_found(), analysed(), done()], a_model(hostile)
    )
    lines = comparison_lines(view, view, width)
    assert all(width_of(line) <= width for line in lines)
    assert all(character.isprintable() for character in plain(lines).replace("\n", ""))


def test_the_difference_of_two_numbers_that_are_nearly_one_has_no_more_digits_than_they_leave_it() -> None:
    near = [*started(), named(), pair_found(), analysed(centroid_norm=0.37091014 + 3e-13), done()]
    (line,) = (line for line in shown(view_of(published()), view_of(near)) if line.startswith("centroid norm"))
    assert line in (
        "centroid norm 0.37091014 0.37091014 +3.00e-13",
        "centroid norm 0.37091014 0.37091014 +3.0e-13",
    )
