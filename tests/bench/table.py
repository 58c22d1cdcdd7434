"""What a settled batch costs the live table: in each order, with each filter, among few batches and among many."""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from farpair.engine.run_settings import RunSettings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the tests' own fixtures

from farpair.engine.events import AnyEvent, BatchBound, BatchDone, Named, RunStarted, Token
from farpair.tui.app import FarpairApp
from farpair.tui.view import View
from farpair.tui.widgets.batches.filter import Filter, parse_filter
from farpair.tui.widgets.batches.order import Sort
from farpair.tui.widgets.batches.table import BatchTable
from support.published import a_model, settled, started, view_of

SIZE = (160, 48)
WAYS: dict[str, tuple[Sort, str, bool]] = {
    "in the cluster's order": (Sort(), "", False),
    "the same, a cursor in the middle": (Sort(), "", True),
    "the largest first": (Sort("maximum", descending=True), "", False),
    "the newest first": (Sort("time", descending=True), "", False),
    "the newest first, a cursor": (Sort("time", descending=True), "", True),
    "those still open": (Sort(), "open", False),
    "a token's text, the largest first": (Sort("maximum", descending=True), "token 1", False),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300, help="batches that settle in each way")
    parser.add_argument("--smoke", action="store_true", help="a few seconds, to see that it runs")
    options = parser.parse_args()
    events = 10 if options.smoke else options.events
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state
        figures = [
            figure
            for rows, batch in ((2_248, 256), (151_936, 256), (150_000, 15))
            for figure in asyncio.run(measured(rows, batch, events))
        ]
    print(f"one settled batch, milliseconds at {SIZE[0]} x {SIZE[1]}: order and rows, then all that is painted")
    for figure in figures:
        print(
            f"{figure['batches']:>7,}  {figure['way']:<36}"
            f"{figure['show_p50']:>8.2f} {figure['show_p95']:>8.2f} {figure['painted_p50']:>8.2f}"
            f"    arranged once {figure['arranged']:>7.2f}"
        )
    print(json.dumps(figures))


async def measured(rows: int, batch: int, events: int) -> list[dict[str, object]]:
    """Each way of looking at a run of so many rows, as so many of its batches settle one by one."""
    figures: list[dict[str, object]] = []
    app = FarpairApp([a_model()], tensors=None, model=None, settings=RunSettings(batch=batch, device="cpu"))
    async with app.run_test(size=SIZE) as pilot:
        table = app.screen.query_one(BatchTable)
        for way, (sort, filter, reading) in WAYS.items():
            view, done = a_run(rows, batch)
            assert view.record is not None
            table.show(view)
            table.cursor = None
            arranged = milliseconds(lambda sort=sort, text=filter: arrange(table, sort, parse_filter(text)))  # type: ignore[misc]
            if reading:
                table.move_to_end(1)
                table.move_cursor(-len(view.record.batches) // 2)
            shown, painted = [], []
            for event in done[:events]:
                view.record.apply(0.0, event)
                table._ordered_at = 0.0  # each time anew, which on the screen is once a second
                shown.append(
                    milliseconds(
                        lambda view=view, e=event: table.show(msgspec.structs.replace(view, newest=e.batch))  # type: ignore[misc]
                    )
                )
                began = time.perf_counter()
                await pilot.pause()
                painted.append(shown[-1] + (time.perf_counter() - began) * 1000)
            arrange(table, Sort(), Filter())
            figures.append(
                {
                    "batches": len(view.record.batches),
                    "way": way,
                    "show_p50": statistics.median(shown),
                    "show_p95": sorted(shown)[int(len(shown) * 0.95)],
                    "painted_p50": statistics.median(painted),
                    "arranged": arranged,
                }
            )
    return figures


def arrange(table: BatchTable, sort: Sort, filter: Filter) -> None:
    table.sort_by(sort)
    table.filter_by(filter)


def a_run(rows: int, batch: int) -> tuple[View, list[BatchDone]]:
    """A run whose batches all have a bound, and their ends in an order like a search's."""
    first: list[AnyEvent] = []
    for event in started(n=rows, batch=batch):
        is_start = isinstance(event, RunStarted)
        first.append(msgspec.structs.replace(event, vocabulary=rows) if is_start else event)
    chance = random.Random(1)
    ends: list[BatchDone] = []
    for number in range(-(-rows // batch)):
        i = number * batch
        first.append(Named(tokens=tuple(Token(index=k, id=k, text=f" token {k}") for k in (i, i + 1))))
        first.append(BatchBound(batch=number, lower=chance.uniform(1, 2), i=i, j=i + 1))
        end = msgspec.structs.replace(
            settled(0),
            batch=number,
            start=i,
            end=min(i + batch, rows),
            i=i,
            j=i + 1,
            maximum=chance.uniform(2, 2.1),
        )
        ends.append(end)
    chance.shuffle(ends)
    ends = [msgspec.structs.replace(end, seconds=turn / 10) for turn, end in enumerate(ends)]
    return view_of(first), ends


def milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
