"""A run's report, from events written by hand."""

import io
import os
import re
import unicodedata

import msgspec
import pytest
from farpair.engine.events import AnyEvent, BatchBound, Copies, RunEnded, SourceFile, Triangle, Warned
from farpair.engine.journal.record import RunRecord
from farpair.engine.report.text_report import print_report
from rich.cells import cell_len
from support.notebook_numbers import BATCH_MAXIMA as MAXIMA
from support.published import (
    PAIRS,
    analysed,
    asked,
    done,
    ladder,
    named,
    pair_found,
    settled,
    started,
)

HOSTILE = "\x1b]0;owned\x07\x9b2J[bold red]\u202egpj\u200b\ud800\n:skull:"
ENGINE, STARTED = started()


def record_of(*events: AnyEvent) -> RunRecord:
    record = RunRecord()
    for event in events:
        record.apply(0.0, event)
    return record


def finished(texts: dict[int, str | None] | None = None, **changes: object) -> RunRecord:
    """The published run; `changes` replace fields of its analysis."""
    batches = [settled(batch) for batch in range(9)]
    return record_of(*started(), named(texts), *batches, pair_found(), analysed(**changes), ladder(), done())


def printed(record: RunRecord) -> str:
    page = io.StringIO()
    print_report(record, page)
    return page.getvalue()


def printed_to_terminal(record: RunRecord) -> str:
    """What a terminal receives, read from the other end of a pty."""
    ours, theirs = os.openpty()
    with open(theirs, "w", encoding="utf-8") as terminal:
        print_report(record, terminal)
        terminal.flush()
        text = b""
        while not text.endswith(b"found.\r\n"):
            text += os.read(ours, 65536)
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def test_it_prints_all_that_the_notebook_printed() -> None:
    lines = printed(finished()).splitlines()
    text = "\n".join(lines)
    for b, maximum in enumerate(MAXIMA):
        (line,) = [line for line in lines if line.lstrip().startswith(f"{256 * b:,}–")]
        assert f" {maximum:.8f} " in line
        assert ("★" in line) == (b == 0)
    assert "1.60828757  between tokens 48494 ' xyz' and 71473 '██取' (cluster indices 14 and 17)" in text
    assert re.search(r"  71473 '██取' +1\.21912193 +3\.29× +1\.16093612 +927\.10× +yes\n", text)
    assert re.search(r"  48494 ' xyz' +1\.16991878 +3\.15× +1\.10977745 +886\.25× +yes\n", text)
    assert re.search(r"  centroid +0\.37091014\n", text)
    assert "Norms > 2 × the centroid's: both." in text
    assert "The distance between them is 1.60828757, their mean distance from the centroid 1.13535678." in text
    assert re.search(r"48494 to 71473 +1\.60828757 +at the centroid +90\.16°", text)
    assert re.search(r"centroid to 71473 +1\.16093612 +at 48494 +46\.21°", text)
    assert re.search(r"centroid to 48494 +1\.10977745 +at 71473 +43\.63°", text)
    assert "The angles sum to 180.00°." in text
    assert "Angle at the centroid (dot product): 90.16°." in text
    assert re.search(r"  min +0\.37029281 +0\.00125120 +4\.10000000e-05\n", text)
    assert re.search(r"  max +1\.21912193 +1\.16093612 +1\.16093600\n", text)
    assert re.search(r"  median +0\.37091675 +0\.00125222 +0\.00089653\n", text)
    assert re.search(r"  mean +0\.37223831 +0\.00374321 +0\.00370200\n", text)


def test_it_says_what_is_proved_and_what_is_odd_about_the_cluster() -> None:
    text = " ".join(printed(finished()).split())
    assert "This distance is right to ±4.4e-16, and no other pair is as far apart." in text
    assert (
        "The next distance is 1.25368178 (tokens 71473 '██取' and 99999 'far'), which is 0.35460579 less." in text
    )
    assert (
        "Of 2,525,628 pairs 18,000 (0.7%) were evaluated; every other was ruled out by a rigorous bound." in text
    )
    assert "The stored centroid lies 0.00087932 from the rows' true mean" in text
    sizes = "814, 704, 306, 228, 20, 11, 9, 8, …"
    assert f"2,113 rows are duplicates, bit for bit, in 13 groups ({sizes}); 148 rows are distinct." in text


def test_a_file_gets_plain_text_no_wider_than_a_hundred_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    text = printed(finished())
    assert "\x1b" not in text
    assert 80 < max(map(cell_len, text.splitlines())) <= 100
    assert not [line for line in text.splitlines() if line != line.rstrip()]


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;32m1.60828757\x1b[0m" in printed_to_terminal(finished())


@pytest.mark.parametrize("width", [12, 24, 40, 52, 60, 80, 120, 200])
def test_at_any_width_lines_fit_and_no_number_is_lost(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed_to_terminal(finished()))
    assert max(map(cell_len, text.splitlines())) <= width
    unbroken = "".join(text.split())
    for number in (*(f"{m:.8f}" for m in MAXIMA), "0.37029281", "0.00125222", "4.10000000e-05", "43.63°", "3.29×"):
        assert number in unbroken


def test_hostile_text_from_files_reaches_the_page_only_spelled_out() -> None:
    begun = msgspec.structs.replace(
        STARTED, files=(SourceFile(path=HOSTILE, size=1, mtime_ns=1),), dtype=HOSTILE, device_name=HOSTILE
    )
    record = record_of(
        msgspec.structs.replace(ENGINE, request=asked(HOSTILE)),
        begun,
        named({14: HOSTILE, 17: HOSTILE}),
        Warned(kind="tokenizer", message=HOSTILE),
        settled(0),
        pair_found(),
        analysed(),
        RunEnded(outcome="done", reason=HOSTILE, advice=HOSTILE),
    )
    text = printed(record)
    odd = {c for c in text if unicodedata.category(c)[0] in "CZ"} - {"\n", " "}
    assert not odd
    unbroken = "".join(text.split())
    assert unbroken.count(r"\x1b]0;owned\x07\x9b2J[boldred]\u202egpj\u200b\ud800\n:skull:") > 8


def test_an_encoding_that_lacks_a_character_gets_it_escaped() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    print_report(finished(), file)
    file.flush()
    assert rb"71473 '\u2588\u2588\u53d6'" in raw.getvalue()


def test_ties_and_a_missing_runner_up_are_said() -> None:
    pair = msgspec.structs.replace(
        pair_found(), ties=1_128, runner_up=None, runner_up_i=None, runner_up_j=None, error=0.0
    )
    text = printed(record_of(ENGINE, STARTED, named(), pair))
    assert "This distance is exact. 1,128 pairs are exactly this far apart; this is the first of them." in text
    assert "next distance" not in text


def test_every_pair_evaluated_is_said_so() -> None:
    pair = msgspec.structs.replace(pair_found(), evaluated=PAIRS)
    assert "All 2,525,628 pairs were evaluated." in printed(record_of(ENGINE, STARTED, named(), pair))


def test_a_degenerate_triangle_is_described_and_has_dashes_for_angles() -> None:
    flat = Triangle(
        side_i=0.0,
        side_j=0.0,
        side_ij=0.0,
        at_centroid=None,
        at_i=None,
        at_j=None,
        angle_sum=None,
        at_centroid_dot=None,
        degenerate="Both tokens lie on the centroid: there is no triangle.",
    )
    text = printed(finished(triangle=flat, both_far=False))
    assert re.search(r"at the centroid +–\n", text)
    assert "Both tokens lie on the centroid: there is no triangle." in text
    assert "sum to" not in text


@pytest.mark.parametrize(
    ("norms", "said"),
    [
        ((0.8, 0.7), "only the larger."),
        ((0.7, 0.7), "neither."),
        ((9.0, 8.0), "both."),
    ],
)
def test_the_test_of_norms_says_which_norms_are_large(norms: tuple[float, float], said: str) -> None:
    outlier, other = (
        msgspec.structs.replace(one, norm=norm)
        for one, norm in zip((analysed().outlier, analysed().other), norms, strict=True)
    )
    text = printed(finished(outlier=outlier, other=other, both_far=min(norms) > 2 * analysed().centroid_norm))
    assert f"Norms > 2 × the centroid's: {said}" in text


@pytest.mark.parametrize(
    ("copies", "said"),
    [
        (Copies(distinct=2248, groups=0, rows=0, sizes=()), "No row is a duplicate of another, bit for bit."),
        (
            Copies(distinct=1, groups=1, rows=5, sizes=(5,)),
            "5 rows are duplicates, bit for bit, in 1 group of 5; 1 row is",
        ),
    ],
)
def test_few_copies_are_put_in_the_right_words(copies: Copies, said: str) -> None:
    assert said in printed(finished(copies=copies))


def test_without_a_stored_centroid_there_is_no_second_column_of_distances() -> None:
    text = printed(finished(centroid_offset=None, distances_from_mean=None))
    assert "The centroid is the rows' own mean." in text
    assert "true mean" not in text


def test_the_ladder_is_a_sentence_and_the_rungs_that_tell_most() -> None:
    text = printed(finished())
    assert "9 outliers. Diameter 1.61 → 0.00169 without them." in text
    assert re.search(r"\n +0 +– +1\.60828757 +48494 ' xyz' · 71473 '██取'\n", text)
    assert re.search(r"\n +9 +99999 'far' +0\.00169000 +★ +", text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outside": None}, "No outliers: removing the 64 farthest tokens one by one"),
        ({"rungs": ladder().rungs[:1], "outside": None}, "Diameter 1.61 with all tokens."),
        ({"rungs": ladder().rungs[:9], "left_out": "time", "at_most": 0.004}, "1.61 → ≤ 0.004 without them."),
        ({"rungs": (), "outside": None, "left_out": "time"}, "ends after 0 steps: the rest would take far"),
        ({"rungs": tuple(msgspec.structs.replace(rung, diameter=0.0) for rung in ladder().rungs), "outside": 1},
         "1 outlier. Diameter 0 → 0 without it."),
    ],
)  # fmt: skip
def test_a_ladder_of_any_kind_has_its_words(changes: dict[str, object], said: str) -> None:
    record = finished()
    record.apply(0.0, ladder(**changes))
    assert said in " ".join(printed(record).split())


def test_a_run_stopped_half_way_reports_what_it_had() -> None:
    bound = BatchBound(batch=1, lower=1.16, i=14, j=300)
    ended = RunEnded(outcome="cancelled", reason="Stopped after 1 of 9 batches.", advice="Run it again.")
    text = printed(record_of(ENGINE, STARTED, named(), bound, settled(0), ended))
    assert "1.60828757" in text
    assert "≥ 1.16000000" in text
    assert "512–767" not in text  # nothing is known of it
    assert "1 of 9 batches are settled." in text
    assert text.endswith("\nStopped after 1 of 9 batches. Run it again.\n")
    assert "Triangle" not in text


def test_a_failure_is_its_sentence_and_what_to_do() -> None:
    ended = RunEnded(
        outcome="failed", reason="W.safetensors is truncated.", advice="Copy it again.", cause="input"
    )
    text = printed(record_of(ENGINE, ended))
    assert text.startswith("Qwen3-4B-Instruct-2507")
    assert text.endswith("\nFailed. W.safetensors is truncated. Copy it again.\n")


def test_one_token_has_no_pair_and_a_killed_engine_no_end() -> None:
    one = msgspec.structs.replace(STARTED, n=1, batches=1)
    alone = RunEnded(outcome="done", reason="The cluster has one token, so there is no pair.")
    text = printed(record_of(ENGINE, one, alone))
    assert text.endswith("Done. The cluster has one token, so there is no pair.\n")
    assert "Batches" not in text
    assert "Not ended: according to its journal, the run is searching." in printed(record_of(ENGINE, STARTED))
    assert "Not ended: according to its journal, the run is starting." in printed(RunRecord())


def test_a_long_ending_is_wrapped_between_words_and_no_line_ends_in_a_space() -> None:
    reason = "NaN or infinity in a row of the embedding that was read: token 7. " * 4
    lines = printed(record_of(ENGINE, RunEnded(outcome="failed", reason=reason))).splitlines()
    assert [line for line in lines if line != line.rstrip() or len(line) > 100] == []
    assert lines[-2].startswith("Failed. NaN") or lines[-3].startswith("Failed. NaN")


def test_warnings_are_printed_once() -> None:
    warned = [
        Warned(kind="centroid", message="The centroid is off."),
        Warned(kind="device", message="No GPU here."),
    ]
    record = finished()
    record.warnings.extend(warned)
    text = printed(record)
    assert "Warnings\n  No GPU here.\n" in text
    assert "The centroid is off." not in text  # the cluster's section says it with its number
