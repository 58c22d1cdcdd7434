"""Run folders that no engine of this version wrote: journals from the future, spoiled, endless, or no files."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from farpair.engine.events import RunRequest
from support.hostile.case import BIDI, CONTROLS, ESCAPES, MARKUP, Case
from support.published import DATE, published

REQUEST = RunRequest(model="model", weights="/nowhere/W.safetensors")
Line = dict[str, Any]
NOT_AN_EVENT = "is not an event"


def lines() -> list[Line]:
    """A whole run's lines, as JSON values."""
    return [{"time": DATE, "event": msgspec.to_builtins(event)} for event in published(REQUEST)]


def encoded(journal: list[Line]) -> bytes:
    return b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in journal)


def run(
    name: str, journal: Callable[[Path], None] | bytes, says: str = NOT_AN_EVENT, asked: object = REQUEST
) -> Case:
    """A run folder whose journal is these bytes, or what a function makes of its path."""

    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "request.json").write_bytes(asked if isinstance(asked, bytes) else msgspec.json.encode(asked))
        if callable(journal):
            journal(folder / "journal.jsonl")
        else:
            (folder / "journal.jsonl").write_bytes(journal)

    return Case(name, write, says)


def changed(name: str, kind: str, says: str = NOT_AN_EVENT, **fields: object) -> Case:
    """A whole run, these fields of its first event of this kind replaced."""
    journal = lines()
    next(event for line in journal if (event := line["event"])["type"] == kind).update(fields)
    return run(name, encoded(journal), says)


def added(name: str, *events: Line, says: str = "") -> Case:
    """A whole run with these events in it, after those that begin it."""
    journal = lines()
    return run(
        name, encoded([*journal[:3], *({"time": DATE, "event": event} for event in events), *journal[3:]]), says
    )


def texts(name: str, text: str) -> Case:
    """A whole run whose every text that the screen shows is `text`."""
    journal = lines()
    started, rows = journal[0]["event"], journal[1]["event"]
    started |= {"run": text, "host": text, "program": text}
    started["request"] |= {"model": text, "weights": text, "tensor": text, "device": text}
    rows |= {"dtype": text, "device": text, "device_name": text, "torch": text, "fingerprint": text}
    rows["files"] = [{"path": text, "size": 1, "mtime_ns": 1}]
    for line in journal:
        match line["event"]:
            case {"type": "Warned"} as warned:
                warned |= {"message": text, "kind": "device"}
            case {"type": "Named", "tokens": tokens}:
                for token in tokens:
                    token["text"] = text
            case {"type": "RunEnded"} as ended:
                ended |= {"reason": text, "advice": text}
            case {"type": "Analysed", "triangle": triangle}:
                triangle["degenerate"] = text
    return run(name, encoded(journal), "")


def _terabyte(path: Path) -> None:
    path.write_bytes(encoded(lines()))
    os.truncate(path, 2**40)


def _holes(path: Path) -> None:
    path.write_bytes(encoded(lines()))
    os.truncate(path, 2**29)


RUN_STARTED = lines()[1]["event"]
TRIANGLE = {
    "side_i": 0,
    "side_j": 0,
    "side_ij": 0,
    "at_centroid": None,
    "at_i": None,
    "at_j": None,
    "angle_sum": None,
    "at_centroid_dot": None,
    "degenerate": None,
}
FUTURE = {"type": "Screened\x1b[41mOWNED", "level": "int8", "kept": [1, 2, 3]}

JOURNALS = [
    run("journal: empty", b"", "is not over yet"),
    run("journal: one newline", b"\n"),
    run("journal: not JSON", b"hello\n"),
    run("journal: not UTF-8", b"\xff\xfe\n"),
    run("journal: NULs", bytes(4096) + b"\n"),
    run("journal: a NUL in a line", encoded(lines()).replace(b"Qwen3", b"\0", 1) + b"\0\n"),
    run("journal: a list", b"[]\n"),
    run("journal: null", b"null\n"),
    run("journal: no event", b'{"time": 1}\n'),
    run("journal: no time", b'{"event": {"type": "Paused"}}\n'),
    run("journal: a time that is a text", b'{"time": "now", "event": {"type": "Paused"}}\n'),
    run("journal: lists 100,000 deep", b"[" * 100_000 + b"\n"),
    run("journal: objects 100,000 deep", b'{"event":' * 100_000 + b"\n"),
    run("journal: 100,000 deep in a newer event",
        b'{"time":1,"event":{"type":"New","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}}\n"),
    run("journal: a type that is a number", b'{"time": 1, "event": {"type": 7}}\n'),
    run("journal: a gzip file", b"\x1f\x8b\x08\0\0\0\0\0\n"),
    run("journal: a torn last line", encoded(lines())[:-20], "no longer there"),
    run("journal: a line of 20 MB", lambda path: _line_of(path, 20_000_000), "it is longer than"),
    run("journal: 100 MB without a newline", lambda path: _long(path, 100_000_000), "it is longer than"),
    run("journal: half a gigabyte of holes", _holes, "it is longer than"),
    run("journal: a terabyte", _terabyte, "more than any run writes"),
    run("journal: a pipe", lambda path: os.mkfifo(path), "it is not a regular file"),
    run("journal: a folder", lambda path: path.mkdir(), "it is a folder"),
    run("journal: a device", lambda path: path.symlink_to("/dev/zero"), "it is not a regular file"),
    run("journal: a loop", lambda path: path.symlink_to(path), "cannot be read"),
    changed("journal: a batch too many", "RunStarted", batches=10),
    changed("journal: no rows", "RunStarted", n=0, batches=0),
    changed("journal: rows fewer than none", "RunStarted", n=-2248),
    changed("journal: 10^12 batches", "RunStarted", n=10**12, batch=1, batches=10**12),
    changed("journal: 10^30 rows", "RunStarted", n=10**30, batch=10**30, batches=1),
    changed("journal: batches of none", "RunStarted", batch=0),
    changed("journal: a batch that there is not", "BatchDone", batch=9),
    changed("journal: a batch below none", "BatchDone", batch=-1),
    changed("journal: a negative length", "BatchDone", maximum=-1.0),
    changed("journal: a length of 10^400", "PairFound", distance=10**400),
    changed("journal: an index of 2^64", "PairFound", i=2**64),
    changed("journal: a length that is a text", "PairFound", distance="far"),
    changed("journal: a length that is null", "PairFound", distance=None),
    changed("journal: a pair that is true", "PairFound", i=True),
    changed("journal: a triangle of negative sides", "Analysed",
            triangle=TRIANGLE | {"side_i": -1e308, "side_j": -1e308, "side_ij": 1}),
    changed("journal: words of 100,000 letters", "RunEnded", reason="x" * 100_000),
    changed("journal: an end that there is not", "RunEnded", outcome="\x1b[41mOWNED"),
    changed("journal: a process of 2^70", "EngineStarted", pid=2**70),
    added("journal: begun twice", RUN_STARTED, says="the run has begun before"),
    run("journal: a time of 10^300", encoded([{**line, "time": 1e300} for line in lines()]), ""),
    run("journal: a time before all time", encoded([{**line, "time": -1e300} for line in lines()]), ""),
    added("journal: from the future", FUTURE, says=r"Screened\x1b[41mOWNED"),
    added("journal: 10,000 events from the future", *[FUTURE] * 10_000, says=r"Screened\x1b[41mOWNED"),
    changed("journal: newer fields", "PairFound", "", certified_by=["int8", {"a": [1]}]),
    changed("journal: a file of 2262", "RunStarted", "",
            files=[{"path": "W", "size": 2**63 - 1, "mtime_ns": 2**63 - 1}]),
    changed("journal: 50,000 batches", "RunStarted", "", n=50_000, batch=1, batches=50_000),
    changed("journal: lengths of 10^308", "PairFound", "",
            distance=1e308, error=1e308, runner_up=5e-324, seconds=5e-324),
    changed("journal: a flat triangle", "Analysed", "",
            triangle=TRIANGLE | {"side_ij": 1e308, "angle_sum": 1e308, "degenerate": ESCAPES}),
    texts("journal: texts that escape", ESCAPES),
    texts("journal: control characters", CONTROLS),
    texts("journal: bidirectional overrides", BIDI),
    texts("journal: markup", MARKUP),
    texts("journal: texts of 60,000 letters", "x" * 60_000),
    texts("journal: texts of 20,000 escapes", "\x1b" * 20_000),
    texts("journal: no texts", ""),
]  # fmt: skip


def request(name: str, asked: object, says: str = "is not a run's request") -> Case:
    """A whole run whose request is these bytes, or this request."""
    return run(name, encoded(lines()), says, asked)


REQUESTS = [
    request("request: empty", b""),
    request("request: not JSON", b"hello"),
    request("request: not UTF-8", b'{"model":"\xff"}'),
    request("request: lists 100,000 deep", b"[" * 100_000),
    request("request: no weights", b'{"model":"m"}'),
    request("request: numbers for texts", b'{"model":1,"weights":2}'),
    request("request: a batch of 2^70", b'{"model":"m","weights":"w","batch":%d}' % 2**70),
    request("request: a batch of -1", b'{"model":"m","weights":"w","batch":-1}'),
    request("request: a model of 100,000 letters", RunRequest(model="x" * 100_000, weights="w")),
    request("request: 20 MB of blanks", b" " * 20_000_000, "cannot be read: it has 20,000,000 bytes"),
    request(
        "request: a NUL in a path", RunRequest(model="m", weights="a\0b", cluster_file="\0", tokenizer="\0"), ""
    ),
    request("request: paths upward", RunRequest(model="..", weights="../" * 1000 + "dev/zero"), ""),
    request("request: names that escape", RunRequest(model=ESCAPES, weights=ESCAPES), ""),
]


def _line_of(path: Path, size: int) -> None:
    path.write_bytes(b'{"time":1,"event":{"type":"Warned","kind":"newer","message":"' + b"x" * size + b'"}}\n')


def _long(path: Path, size: int) -> None:
    path.write_bytes(encoded(lines()) + b'{"time":1,' + b" " * size)
