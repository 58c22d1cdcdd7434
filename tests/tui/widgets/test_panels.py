"""Panels are functions of the journal: the published numbers, and every state without numbers."""

import msgspec
import pytest
from farpair.engine.events import Climbing, Copies, RunEnded, Triangle
from farpair.engine.models.discovery import Model
from farpair.engine.report.outliers import outliers
from farpair.tui.view import Settings, View
from farpair.tui.widgets.headline import headline_line
from farpair.tui.widgets.lines import Line, number, plain, width_of, wrap
from farpair.tui.widgets.model_list import model_line, model_lines, status
from farpair.tui.widgets.notice import notice, notice_lines
from farpair.tui.widgets.outliers import outlier_lines
from farpair.tui.widgets.progress import progress_line, when
from farpair.tui.widgets.statistics import statistics_lines
from farpair.tui.widgets.title import title_line
from farpair.tui.widgets.triangle import triangle_lines
from support.published import (
    a_model,
    analysed,
    done,
    ladder,
    named,
    pair_found,
    progress,
    published,
    settled,
    started,
    view_of,
)

# The rooms that the panels have at 80x24, 120x36 and 200x50.
OUTLIERS = [(34, 9), (34, 14), (42, 17)]
TRIANGLE = [(45, 7), (37, 14), (73, 18)]
STATISTICS = [(34, 7), (37, 14), (73, 18)]


def fits(lines: list[Line], width: int, height: int) -> bool:
    return len(lines) <= height and all(width_of(line) <= width for line in lines)


@pytest.mark.parametrize(("width", "height"), OUTLIERS)
def test_the_outliers_panel_lists_the_outliers_and_what_is_proved(width: int, height: int) -> None:
    lines = outlier_lines(view_of(published()), width, height)
    text = " ".join(plain(lines).split())
    assert fits(lines, width, height)
    for shown in ("j 1 71473", "i 2 48494", "1.16093", "1.10977", "927×", "886×", "only pair, 0.7% evaluated"):
        assert shown in text
    assert "centroid's: both" in text
    assert ("99999" in text) == (height >= 12)
    assert ("… and 4 more" in text) == (height < 12)
    assert text.index("71473") < text.index("48494"), "the farthest comes first"


def test_the_outliers_panel_has_every_column_where_it_has_the_screen() -> None:
    lines = outlier_lines(view_of(published()), 116, 33)
    text = " ".join(plain(lines).split())
    assert fits(lines, 116, 33)
    for shown in ("1.21912193", "1.16991878", "3.29×", "3.15×", "1.16093612", "'██取'", "' xyz'", "1.13535678",
                  "Proved: 1.60828757 ± 4.4e-16, the only pair at this distance"):  # fmt: skip
        assert shown in text


def test_a_token_of_the_pair_that_is_no_outlier_is_listed_last_and_without_a_rank() -> None:
    rungs = tuple(msgspec.structs.replace(rung, diameter=1.0 if k < 1 else 1e-3) for k, rung in
                  enumerate(ladder().rungs))  # fmt: skip
    events = [*published()[:-2], ladder(rungs=rungs, outside=1), done()]
    view = view_of(events)
    text = [" ".join(line.split()) for line in plain(outlier_lines(view, 42, 17)).splitlines()]
    assert text[1].startswith("j 1 71473")
    assert text[2].startswith("i – 48494")
    assert "1 outlier (71473)" in plain([headline_line(view, 120)])
    assert view.record is not None
    assert [one.index for one in outliers(view.record) or ()] == [17]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (
            200,
            "· 9 outliers (71473 48494 70001 70002 70003 70004 70005 70006 99999) · diameter 1.61 → 0.00169",
        ),
        (120, "1.60828757 ± 4.4e-16 · 71473 ↔ 48494 · 9 outliers · diameter 1.61 → 0.00169 without them"),
        (80, "1.60828757 ± 4.4e-16 · 71473 ↔ 48494 · 9 outliers · 1.61 → 0.00169 without them"),
        (42, "1.60828757 · 71473 ↔ 48494 · 9 outliers"),
        (20, "1.60828757"),
    ],
)
def test_the_headline_is_the_answer_as_long_as_it_fits(width: int, shown: str) -> None:
    line = headline_line(view_of(published()), width)
    assert shown in plain([line])
    assert width_of(line) <= width


def test_while_searching_the_headline_has_the_best_pair_and_the_time() -> None:
    events = [*started(), named(), *(settled(b) for b in range(6)), progress(0.675, 1e6)]
    text = plain([headline_line(view_of(events), 80)])
    for shown in ("≥ 1.60828757 · 48494 ↔ 71473", "821 ms left", "done "):
        assert shown in text
    assert plain([headline_line(View(a_model()), 80)]) == ""
    cut_short = view_of(events, crash="The engine was killed.")
    assert "≥ 1.60828757 · 48494 ↔ 71473 · best so far, at 67%" in plain([headline_line(cut_short, 80)])


@pytest.mark.parametrize(("width", "height"), OUTLIERS)
def test_ties_are_counted_where_the_pair_is_not_unique(width: int, height: int) -> None:
    near = msgspec.structs.replace(analysed().other, norm=0.5)
    events = [*started(), named(), pair_found(ties=1200), analysed(other=near), done()]
    text = " ".join(plain(outlier_lines(view_of(events), width, height)).split())
    assert "1,200" in text
    assert "only pair" not in text
    assert "only the larger" in text


def test_a_distance_whose_last_digit_is_in_doubt_says_so() -> None:
    events = [*started(), named(), pair_found(error=1e-7), analysed(), done()]
    assert "≈1.60828757 ± 1.0e-07" in plain([headline_line(view_of(events), 80)])


def test_while_searching_the_largest_distance_so_far_is_shown() -> None:
    text = plain(outlier_lines(view_of([*started(), named(), settled(0)]), 34, 10))
    assert "at least" in text
    assert "1.60828757" in text
    assert "48494" in text


@pytest.mark.parametrize(("width", "height"), TRIANGLE)
def test_the_triangle_panel_shows_sides_angles_their_sum_and_the_dot_product(width: int, height: int) -> None:
    lines = triangle_lines(view_of(published()), width, height)
    text = plain(lines)
    assert fits(lines, width, height)
    for shown in ("90.16°", "46.21°", "43.63°", "180.00°", "c (dot) 90.16°", "i–j 1.60828757", "c–j 1.16093612",
                  "c–i 1.10977745", "i 48494", "j 71473"):  # fmt: skip
        assert shown in text
    assert any("⠤" in line or "⣀" in line or "⠒" in line for line in text.splitlines()), "a triangle is drawn"


@pytest.mark.parametrize(("width", "height"), TRIANGLE)
def test_a_degenerate_triangle_is_described_and_angles_it_has_not_are_dashes(width: int, height: int) -> None:
    flat = Triangle(side_i=0.0, side_j=1.0, side_ij=1.0, at_centroid=None, at_i=None, at_j=0.0, angle_sum=None,
                      at_centroid_dot=None, degenerate="Token i lies on the centroid.")  # fmt: skip
    events = [*started(), named(), pair_found(), analysed(triangle=flat), done()]
    lines = triangle_lines(view_of(events), width, height)
    assert fits(lines, width, height)
    assert "Token i lies on the centroid." in " ".join(plain(lines).split())
    assert "–" in plain(lines)


@pytest.mark.parametrize(("width", "height"), STATISTICS)
def test_the_statistics_panel_shows_both_summaries_the_centroid_and_the_copies(width: int, height: int) -> None:
    lines = statistics_lines(view_of(published()), width, height)
    text = " ".join(plain(lines).split())
    assert fits(lines, width, height)
    for shown in ("0.37029281", "1.21912193", "0.37091675", "0.37223831", "0.00125120", "1.16093612", "0.00125222",
                  "0.00374321", "0.37091014", "8.79e-04", "13 groups", "2,113"):  # fmt: skip
        assert shown in text


def test_no_copies_and_the_mean_as_centroid_are_said() -> None:
    lone = analysed(copies=Copies(distinct=9, groups=0, rows=0, sizes=()), centroid_offset=None)
    text = " ".join(plain(statistics_lines(view_of([*started(), pair_found(), lone, done()]), 34, 8)).split())
    assert "no identical rows" in text
    assert "the rows' mean" in text


@pytest.mark.parametrize("width", [78, 150])
def test_the_progress_line_shows_batches_share_and_rate(width: int) -> None:
    line = progress_line(view_of([*started(), *(settled(b) for b in range(6)), progress(0.675, 1e6)]), width)
    text = plain([line])
    assert width_of(line) <= width
    for shown in ("6/9 batches", "67%", "1.0 Mpair/s", "━", "─"):
        assert shown in text


def test_the_progress_line_says_that_the_ladder_is_climbed_when_the_result_is_there() -> None:
    events = [*started(), named(), pair_found(), analysed(), Climbing(settled=3, pairs=8)]
    text = plain([progress_line(view_of(events), 78)])
    assert "counting the outliers …  37%" in text


def test_the_progress_line_of_a_finished_run_shows_its_date_and_its_time() -> None:
    assert "22 Nov 2025" in plain([progress_line(view_of(published()), 78)])
    assert "0:00:04" in plain([progress_line(view_of(published()), 78)])


@pytest.mark.parametrize(
    ("last", "word"), [(RunEnded(outcome="cancelled", reason=""), "stopped"), (None, "terminated")]
)
def test_the_list_and_the_progress_line_tell_a_stop_from_a_termination(last: RunEnded | None, word: str) -> None:
    view = view_of([*started(), settled(1), last or OUTSIDE])
    assert status(view) == (f"■ {word}", "warn")
    assert f"■ {word}" in plain([progress_line(view, 78)])


def ended(outcome: str, reason: str, advice: str = "") -> RunEnded:
    return RunEnded(outcome=outcome, reason=reason, advice=advice)  # type: ignore[arg-type]


OUTSIDE = RunEnded(outcome="cancelled", reason="Terminated from outside by SIGTERM.", cause="signal")
NOTICES = {
    "no models": (View(None, settings=Settings(tensors="/somewhere/tensors")),
                  ["/somewhere/tensors", "W.safetensors", "1.6a_cluster_mask.safetensors", "farpair demo"]),
    "broken": (View(a_model(problem="W.safetensors is a stone.")), ["W.safetensors is a stone."]),
    "new": (View(a_model()), ["151,936", "r starts the search"]),
    "one token": (view_of([*started(n=1), ended("done", "The cluster has one token, so there is no pair.")]),
                  ["one token, so there is no pair"]),
    "failed": (view_of([*started(), ended("failed", "The GPU fell over.", "Pick it up.")]),
               ["The GPU fell over.", "Pick it up.", "r runs it again"]),
    "stopped": (view_of([*started(), named(), settled(1), ended("cancelled", "Stopped after 1 batch.")]),
                  ["Stopped after 1 batch.", "1.16175008", "r runs it again"]),
    "terminated": (view_of([*started(), settled(1), OUTSIDE]),
                   ["Terminated from outside by SIGTERM.", "r runs it again"]),
    "died": (view_of([*started(), settled(0)], crash="The engine was killed (SIGKILL)."),
             ["The engine was killed (SIGKILL).", "1.60828757", "r runs it again"]),
}  # fmt: skip


@pytest.mark.parametrize(("width", "height"), [(78, 8), (116, 14), (196, 18)])
@pytest.mark.parametrize("state", NOTICES)
def test_where_there_is_no_result_a_notice_says_why_and_what_to_do(state: str, width: int, height: int) -> None:
    view, wanted = NOTICES[state]
    height = max(height, 18) if state == "no models" else height  # it has the whole screen
    lines = notice_lines(view, width, height)
    assert fits(lines, width, height)
    text = " ".join(plain(lines).split())
    for words in wanted:
        assert words in text


def test_a_result_needs_no_notice_even_where_the_engine_died_after_it() -> None:
    assert notice(view_of(published())) is None
    assert notice(view_of([*published()[:-1]], crash="The engine was killed.")) is None
    assert notice(view_of(started())) is None


def test_a_notice_too_long_for_its_room_still_offers_the_key() -> None:
    view = view_of([*started(), ended("failed", "word " * 400)])
    lines = notice_lines(view, 40, 6)
    assert fits(lines, 40, 6)
    assert "r runs it again" in plain(lines)


@pytest.mark.parametrize(
    ("view", "wanted"),
    [
        (view_of(published()), "✓ 1.60828757"),
        (view_of([*started(), settled(0), progress(0.415)]), "● 41%"),
        (view_of(started()[:1]), "● starting"),
        (view_of(started(), crash="It died."), "✗ died"),
        (View(a_model(problem="It is broken.")), "✗"),
        (View(a_model()), "–"),
    ],
)
def test_the_list_says_where_each_model_stands(view: View, wanted: str) -> None:
    assert status(view)[0] == wanted


def test_the_list_keeps_the_shown_model_in_view_among_hundreds() -> None:
    views = [View(a_model(f"model-{n}")) for n in range(300)]
    for shown in (0, 7, 150, 299):
        lines = model_lines(views, shown, 34, 10)
        assert len(lines) == 10
        assert [line for line in plain(lines).splitlines() if line.startswith("▸")] == [
            line for line in plain(lines).splitlines() if f"model-{shown} " in line
        ]
        assert f"model-{shown} " in plain([model_line(views, shown, 78)])
        assert width_of(model_line(views, shown, 78)) <= 80


def test_a_name_has_the_room_that_the_states_leave() -> None:
    new = [View(a_model("Qwen3-4B-Instruct-2507")), View(a_model("other"))]
    assert "Qwen3-4B-Instruct-2507 " in plain(model_lines(new, 0, 32, 3))
    assert "Qwen3-4B-Instruct-2507 " not in plain(model_lines([view_of(published()), *new], 0, 32, 3))


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_title_names_model_shape_and_device_and_what_the_next_run_takes(width: int) -> None:
    text = plain([title_line(view_of(published()), width)])
    assert len(text) <= width
    for shown in ("farpair", "2,248 × 2,560", "! 1 note (n)", "batch 256 · auto"):
        assert shown in text
    assert "Qwen3-4B-Instruct-2507" in text or width == 80
    assert ("NVIDIA H100" in text) == (width >= 120)


HOSTILE = "a\x1b[31m\x07[bold]\u202eb\nc\u200b"


def test_hostile_texts_are_harmless_in_every_panel() -> None:
    model: Model = a_model(HOSTILE)
    texts: dict[int, str | None] = {14: HOSTILE, 17: HOSTILE}
    flat = msgspec.structs.replace(analysed().triangle, degenerate=HOSTILE)
    events = [*started(), named(texts), settled(0), pair_found(), analysed(triangle=flat), done()]
    view = view_of(events, model)
    failed = view_of([*started(), ended("failed", HOSTILE, HOSTILE)], model)
    lines = [
        *outlier_lines(view, 42, 18),
        *triangle_lines(view, 73, 18),
        *statistics_lines(view, 73, 18),
        *model_lines([view], 0, 40, 3),
        model_line([view], 0, 80),
        title_line(view, 200),
        progress_line(view, 80),
        *notice_lines(View(model), 100, 10),
        *notice_lines(View(a_model(problem=HOSTILE)), 100, 10),
        *notice_lines(failed, 100, 10),
        *notice_lines(View(None, settings=Settings(tensors=HOSTILE)), 100, 10),
    ]
    text = plain(lines)
    assert r"\x1b[31m" in text
    assert all(character.isprintable() for character in text.replace("\n", ""))
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("value", "width", "shown"),
    [(1.60828757, 10, "1.60828757"), (16.45437803, 10, "16.4543780"), (1234567.0, 10, "1.2346e+06"),
     (3e-9, 10, "3.0000e-09"), (0.0, 10, "0.00000000"), (123.456, 6, "123.46")],
)  # fmt: skip
def test_numbers_lose_digits_rather_than_run_out_of_their_column(value: float, width: int, shown: str) -> None:
    assert number(value, width) == shown


def test_wrapping_breaks_at_spaces_and_words_that_are_too_long() -> None:
    assert plain(wrap("one two three", 8)).splitlines() == ["one two", "three"]
    assert plain(wrap("取" * 6, 8)).splitlines() == ["取" * 4, "取" * 2]
    assert (
        "".join(plain(wrap("see /a/very/long/path/W.safetensors", 12)).split())
        == "see/a/very/long/path/W.safetensors"
    )
    assert plain(wrap("e\u0301\u0301\u0301\u0301" * 5, 3)) == "\n".join(
        ["e\u0301\u0301\u0301\u0301" * 3, "e\u0301\u0301\u0301\u0301" * 2]
    )


@pytest.mark.parametrize("seconds", [1e300, -1e300, 1e12, -1e12])
def test_a_time_that_no_calendar_has_is_left_out(seconds: float) -> None:
    assert when(seconds) == ""
