"""Journals for measurements, written as an engine writes them: whole, or on a clock."""

import math
import random
import threading
import time
from collections.abc import Iterator

import msgspec
from farpair.engine.events import AnyEvent, BatchBound, BatchDone, Named, Progress, RunStarted, Token
from farpair.engine.models.discovery import Model
from support.published import HandWritten, analysed, done, pair_found, started

PERIOD = 0.1  # seconds between two batches on the clock, and between two notes of progress, as the engine has them
DIMENSION = 2560


def first_events(rows: int, batch: int, *, alive: bool = False) -> list[AnyEvent]:
    """A run over a whole vocabulary of `rows` rows to where every batch has its lower bound."""
    engine, run = started(n=rows, batch=batch, alive=alive)
    assert isinstance(run, RunStarted)
    events: list[AnyEvent] = [engine, msgspec.structs.replace(run, vocabulary=rows, d=DIMENSION)]
    for number in range(run.batches):
        i, j = _pair(number, batch, rows)
        events.append(Named(tokens=tuple(Token(index=row, id=row, text=f" token{row}") for row in (i, j))))
        events.append(BatchBound(batch=number, lower=_maximum(number) * 0.93, i=i, j=j))
    return events


def settling(rows: int, batch: int, seconds_each: float = PERIOD) -> Iterator[tuple[BatchDone, Progress]]:
    """Each batch settled, in an order like a search's, which walks by what a batch needs, and the progress."""
    batches = math.ceil(rows / batch)
    chance = random.Random(1)
    pairs, settled = rows * (rows - 1) // 2, 0
    for turn, number in enumerate(chance.sample(range(batches), batches), 1):
        i, j = _pair(number, batch, rows)
        end = min((number + 1) * batch, rows)
        its_pairs = pairs * turn // batches - settled
        settled += its_pairs
        seconds = turn * seconds_each
        yield (
            BatchDone(
                batch=number,
                start=number * batch,
                end=end,
                maximum=_maximum(number),
                i=i,
                j=j,
                pairs=its_pairs,
                evaluated=its_pairs // chance.randint(2, 300),
                seconds=seconds,
                settled=chance.choice(("screening", "float64")),
            ),
            Progress(
                settled=settled,
                pairs=pairs,
                seconds=seconds,
                pairs_per_second=settled / seconds * chance.uniform(0.97, 1.03),
            ),
        )


def last_events(rows: int) -> list[AnyEvent]:
    """The pair, the analysis and the end of such a run."""
    pairs = rows * (rows - 1) // 2
    return [msgspec.structs.replace(pair_found(), pairs=pairs, evaluated=pairs // 100), analysed(), done()]


def write_whole(model: Model, rows: int, batch: int) -> None:
    """A finished run of `model`."""
    run = HandWritten(model)
    run.write(*first_events(rows, batch))
    for settled, progress in settling(rows, batch, 0.01):
        run.write(settled, *([progress] if settled.batch % 10 == 0 else []))
    run.write(*last_events(rows))
    run.close()


class Clocked(threading.Thread):
    """A run of `model` in which a batch is settled every tenth of a second, until the context is left."""

    def __init__(self, model: Model, rows: int, batch: int) -> None:
        super().__init__(daemon=True)
        self._run = HandWritten(model)
        self._run.write(*first_events(rows, batch, alive=True))
        self._events = settling(rows, batch)
        self._over = threading.Event()

    def __enter__(self) -> "Clocked":
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
        self._run.write(done())
        self._run.close()

    def run(self) -> None:
        due = time.monotonic()
        for events in self._events:
            due += PERIOD
            if self._over.wait(max(due - time.monotonic(), 0)):
                return
            self._run.write(*events)


def _pair(number: int, batch: int, rows: int) -> tuple[int, int]:
    one, other = number * batch, (number * 7919 + 12345) % rows
    return (min(one, other), max(one, other)) if one != other else (one, one + 1)


def _maximum(number: int) -> float:
    return 1.16 + (number * 2654435761 % 997) / 2500
