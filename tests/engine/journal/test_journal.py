"""A journal is a prefix of what was written, whatever happened to its writer, and nothing else is accepted as
one."""

import contextlib
import json
import os
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from farpair.engine.errors import JournalError
from farpair.engine.events import (
    AnyEvent,
    BatchBound,
    BatchDone,
    Continued,
    EngineStarted,
    Named,
    PairFound,
    Paused,
    Progress,
    RunEnded,
    RunRequest,
    RunStarted,
    SourceFile,
    Token,
    Warned,
)
from farpair.engine.journal.reader import JournalTail, read_kept, read_record
from farpair.engine.journal.writer import JournalWriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REQUEST = RunRequest(model="small\x1b[31m", weights="/models/W.safetensors")
SHORT_RUN: tuple[AnyEvent, ...] = (
    EngineStarted(run="r", pid=1, pid_created=2.0, host="h", program="0", request=REQUEST),
    RunStarted(
        files=(SourceFile(path="/models/W.safetensors", size=10, mtime_ns=5),),
        fingerprint="f",
        vocabulary=9,
        n=3,
        d=2,
        dtype="BF16",
        device="cpu",
        device_name="a processor",
        batch=2,
        batches=2,
        memory=100,
        centroid="stored",
        torch="2",
    ),
    Warned(kind="memory", message="Two\nlines \u2028 and \x00 ██取."),
    Named(tokens=(Token(index=0, id=4, text="a\u202eb"), Token(index=2, id=7))),
    BatchBound(batch=0, lower=0.1, i=0, j=2),
    Progress(settled=1, pairs=3, seconds=0.5, pairs_per_second=2.0),
    Paused(),
    Continued(),
    BatchDone(
        batch=0, start=0, end=2, maximum=0.1, i=0, j=2, pairs=3, evaluated=3, seconds=0.1, settled="float64"
    ),
    BatchDone(
        batch=1, start=2, end=3, maximum=1 / 3, i=0, j=2, pairs=0, evaluated=0, seconds=0.1, settled="bounds"
    ),
    PairFound(
        i=0,
        j=2,
        distance=5e-324,
        error=0.0,
        ties=1,
        runner_up=None,
        runner_up_i=None,
        runner_up_j=None,
        pairs=3,
        evaluated=3,
        seconds=0.1,
    ),
    RunEnded(outcome="done", reason="Found."),
)


def write(path: Path, events: tuple[AnyEvent, ...]) -> bytes:
    writer = JournalWriter(path)
    for event in events:
        writer.append(event)
    writer.close()
    return path.read_bytes()


def test_every_event_reads_back_as_it_was_written(tmp_path: Path) -> None:
    before = time.time()
    write(tmp_path / "journal", SHORT_RUN)
    read = JournalTail(tmp_path / "journal").read()
    assert tuple(event for _, event in read) == SHORT_RUN
    times = [when for when, _ in read]
    assert times == sorted(times)
    assert before - 1 <= times[0] <= times[-1] <= time.time() + 1


def test_a_line_is_one_json_object_with_its_time_and_its_event(tmp_path: Path) -> None:
    lines = write(tmp_path / "journal", SHORT_RUN).decode().split("\n")
    assert lines.pop() == ""
    objects = [json.loads(line) for line in lines]
    assert [list(o) for o in objects] == [["time", "event", "crc"]] * len(SHORT_RUN)
    assert [o["event"]["type"] for o in objects] == [type(event).__name__ for event in SHORT_RUN]


@pytest.mark.parametrize("bit", range(8))
def test_a_bit_that_has_changed_since_it_was_written_is_an_error_or_says_the_same(
    tmp_path: Path, bit: int
) -> None:
    whole = write(tmp_path / "journal", SHORT_RUN)
    for place in range(len(whole)):
        changed = whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]
        (tmp_path / "changed").write_bytes(changed)
        tail, events = JournalTail(tmp_path / "changed"), []
        with contextlib.suppress(JournalError):
            while read := tail.read():
                events += [event for _, event in read]
        tail.close()
        assert tuple(events) == SHORT_RUN[: len(events)]


def test_times_go_on_evenly_while_the_machines_clock_steps_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(tmp_path / "journal")
    began = time.time()
    times = [writer.append(Paused())]
    monkeypatch.setattr(time, "time", lambda: began - 3600)
    monkeypatch.setattr(time, "time_ns", lambda: int((began - 3600) * 1e9))
    times += [writer.append(Continued()) for _ in range(50)]
    writer.close()
    assert times == sorted(times)
    assert 0 <= times[-1] - times[0] < 60
    assert [when for when, _ in JournalTail(tmp_path / "journal").read()] == times


def test_a_journal_that_is_deleted_ends_its_writer_and_its_readers(tmp_path: Path) -> None:
    writer, tail = JournalWriter(tmp_path / "journal"), JournalTail(tmp_path / "journal")
    writer.append(Paused())
    assert len(tail.read()) == 1
    (tmp_path / "journal").unlink()
    for act in (lambda: writer.append(Continued()), tail.read):
        with pytest.raises(JournalError, match="was deleted while"):
            act()
    writer.close()


def test_what_can_be_read_of_a_broken_journal_is_kept_beside_the_reason(tmp_path: Path) -> None:
    whole = write(tmp_path / "journal", SHORT_RUN[:3])
    (tmp_path / "journal").write_bytes(whole + b"nonsense\n")
    record, error = read_kept(tmp_path / "journal")
    assert record.started == SHORT_RUN[1]
    assert "line 4" in str(error)
    (tmp_path / "journal").write_bytes(whole)
    assert read_kept(tmp_path / "journal")[1] is None


def test_a_journal_is_private_to_its_user_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        write(tmp_path / "journal", SHORT_RUN[:1])
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o600


def test_a_journal_cut_at_any_byte_reads_back_as_a_prefix(tmp_path: Path) -> None:
    whole = write(tmp_path / "journal", SHORT_RUN)
    for size in range(len(whole) + 1):
        (tmp_path / "cut").write_bytes(whole[:size])
        tail = JournalTail(tmp_path / "cut")
        events = tuple(event for _, event in tail.read())
        assert events == SHORT_RUN[: whole[:size].count(b"\n")]
        assert tail.read() == []


def test_a_tail_meets_every_event_once_however_the_file_grows(tmp_path: Path) -> None:
    whole = write(tmp_path / "journal", SHORT_RUN)
    growing = tmp_path / "growing"
    tail = JournalTail(growing)
    assert tail.read() == []  # the engine has not made it yet
    events: list[AnyEvent] = []
    with growing.open("ab", buffering=0) as file:
        for start in range(0, len(whole), 7):
            file.write(whole[start : start + 7])
            events += [event for _, event in tail.read()]
    assert tuple(events) == SHORT_RUN
    assert tail.read() == []


@pytest.mark.parametrize(("most", "reads"), [(1, len(SHORT_RUN)), (10**6, 1)])
def test_a_tail_that_takes_a_little_at_a_time_meets_the_same_events(tmp_path: Path, most: int, reads: int) -> None:
    write(tmp_path / "journal", SHORT_RUN)
    tail = JournalTail(tmp_path / "journal", most)
    pieces = list(iter(tail.read, []))
    assert tuple(event for piece in pieces for _, event in piece) == SHORT_RUN
    assert len(pieces) == reads


def test_a_tail_that_let_its_file_go_goes_on_where_it_was(tmp_path: Path) -> None:
    write(tmp_path / "journal", SHORT_RUN[:3])
    tail = JournalTail(tmp_path / "journal")
    assert len(tail.read()) == 3
    tail.close()
    write(tmp_path / "journal", SHORT_RUN[3:])
    assert tuple(event for _, event in tail.read()) == SHORT_RUN[3:]


def test_a_second_writer_drops_the_line_that_the_first_left_torn(tmp_path: Path) -> None:
    whole = write(tmp_path / "journal", SHORT_RUN[:2])
    (tmp_path / "journal").write_bytes(whole[:-1])
    tail = JournalTail(tmp_path / "journal")
    assert len(tail.read()) == 1
    write(tmp_path / "journal", SHORT_RUN[1:])
    assert tuple(event for _, event in tail.read()) == SHORT_RUN[1:]


def test_looking_at_a_journal_that_did_not_grow_reads_nothing(tmp_path: Path) -> None:
    write(tmp_path / "journal", SHORT_RUN)
    tail = JournalTail(tmp_path / "journal")
    tail.read()
    before = _reads()
    for _ in range(1000):
        assert tail.read() == []
    assert _reads() - before < 100  # those of reading the counter itself


def test_an_event_of_a_newer_program_is_a_warning(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    write(journal, SHORT_RUN[:2])
    with journal.open("a") as file:
        file.write('{"time":5.5,"event":{"type":"Dreamt\\u001b[31m","of":[1,{"x":null}]},"more":1}\n')
    write(journal, SHORT_RUN[2:])
    events = JournalTail(journal).read()
    when, warning = events[2]
    assert when == 5.5
    assert isinstance(warning, Warned)
    assert warning.kind == "newer"
    assert "Dreamt" in warning.message
    assert "\x1b" not in warning.message
    assert tuple(event for _, event in events[3:]) == SHORT_RUN[2:]


def test_a_field_that_a_newer_program_added_is_passed_over(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.write_text('{"time":1,"event":{"type":"RunEnded","outcome":"done","reason":"r","mood":"good"}}\n')
    assert JournalTail(journal).read() == [(1.0, RunEnded(outcome="done", reason="r"))]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"[]",
        b"{}",
        b'{"time":1}',
        b'{"time":"now","event":{"type":"Paused"}}',
        b'{"time":1e999,"event":{"type":"Paused"}}',
        b'{"time":1,"event":{"kind":"Paused"}}',
        b'{"time":1,"event":{"type":7}}',
        b'{"time":1,"event":{"type":"Progress","settled":1}}',
        b'{"time":1,"event":{"type":"RunEnded","outcome":"exploded","reason":""}}',
        b'{"time":1,"event":{"type":"RunEnded","outcome":"done","reason":"\xff"}}',
        b'{"time":1,"event":{"type":"BatchBound","batch":2,"lower":1,"i":0,"j":1}}',
        b'{"time":1,"event":{"type":"BatchBound","batch":-1,"lower":1,"i":0,"j":1}}',
        b'{"time":1,"event":{"type":"Paused","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"time":' + b"9" * 5000 + b',"event":{"type":"Paused"}}',
        b"\x00" * 40,
    ],
)
def test_what_is_no_event_is_refused_by_file_and_line_after_what_came_before(tmp_path: Path, line: bytes) -> None:
    journal = tmp_path / "journal"
    journal.write_bytes(write(journal, SHORT_RUN[:3]) + line + b"\n")
    tail = JournalTail(journal)
    assert tuple(event for _, event in tail.read()) == SHORT_RUN[:3]
    for _ in range(2):
        with pytest.raises(JournalError, match=r"line 4, is not an event") as refusal:
            tail.read()
        assert str(journal) in str(refusal.value)
    with pytest.raises(JournalError, match="line 4"):
        read_record(journal)


def test_a_run_that_states_more_batches_than_its_rows_fill_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "journal", SHORT_RUN[:2])
    (tmp_path / "journal").write_bytes(whole.replace(b'"batches":2', b'"batches":99999999999'))
    with pytest.raises(JournalError, match="line 2"):
        read_record(tmp_path / "journal")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3000), st.integers(0, 40))
def test_bytes_written_over_a_journal_raise_nothing_but_a_journal_error(
    tmp_path: Path, junk: bytes, place: int, removed: int
) -> None:
    whole = write(tmp_path / "journal", SHORT_RUN)
    (tmp_path / "journal").write_bytes(whole[:place] + junk + whole[place + removed :])
    with contextlib.suppress(JournalError):
        record = read_record(tmp_path / "journal")
        assert record.state in (
            "starting",
            "searching",
            "paused",
            "analysing",
            "done",
            "stopped",
            "terminated",
            "failed",
        )
    (tmp_path / "journal").unlink()


def test_a_journal_cut_short_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "journal", SHORT_RUN)
    tail = JournalTail(tmp_path / "journal")
    tail.read()
    os.truncate(tmp_path / "journal", 10)
    with pytest.raises(JournalError, match="cut short"):
        tail.read()


def test_a_full_disk_is_a_sentence_and_leaves_a_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    size = len(write(tmp_path / "whole", SHORT_RUN)) - 30
    writing = textwrap.dedent(f"""
        import resource
        from pathlib import Path
        from farpair.engine.journal.reader import JournalTail
        from farpair.engine.journal.writer import JournalWriter
        from farpair.engine.errors import JournalError
        resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
        writer = JournalWriter(Path({str(journal)!r}))
        events = [event for _, event in JournalTail(Path({str(tmp_path / "whole")!r})).read()]
        for event in events + events[-1:]:
            try:
                writer.append(event)
            except JournalError as error:
                print(error)
    """)
    said = subprocess.run([sys.executable, "-c", writing], capture_output=True, text=True, check=True).stdout
    assert said.count("cannot be written") == 2
    assert str(journal) in said
    assert tuple(event for _, event in JournalTail(journal).read()) == SHORT_RUN[:-1]


def test_a_journal_that_is_not_there_or_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="does not exist"):
        read_record(tmp_path / "journal")
    with pytest.raises(JournalError, match="cannot be opened for writing"):
        JournalWriter(tmp_path / "nowhere" / "journal")
    with pytest.raises(JournalError, match="cannot be read"):
        JournalTail(tmp_path).read()


def _reads() -> int:
    """How many read system calls this process has made."""
    return int(Path("/proc/self/io").read_text().split("syscr: ")[1].split()[0])
