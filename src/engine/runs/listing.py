"""The list of stored runs: the state, the time, the model and the result of each. Torch is not imported here."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..errors import FarpairError
from ..events import Ending, RunRequest
from ..journal.peek import Peek, peek
from ..text.escape import visible
from ..text.numbers import count, distance
from . import control
from .folders import Run, all_runs
from .request import request_of

Place = Literal["going", "queued", "paused", "died", "elsewhere", "unreadable"] | Ending


@dataclass(frozen=True)
class Listed:
    """A run in the list. `model` and `result` are escaped text; `began` is in seconds since the epoch.

    `place` is "died" for a run whose engine died without writing an end, and "elsewhere" for a run that was
    started on another host and whose journal has no end.
    """

    run: Run
    place: Place
    began: float | None
    model: str
    result: str
    request: RunRequest | None

    @property
    def going(self) -> bool:
        """Whether the engine is working, queued or paused."""
        return self.place in ("going", "queued", "paused")


def listed_runs() -> Iterator[Listed]:
    """Every stored run, newest first."""
    for run in all_runs():
        yield listed(run)


def listed(run: Run) -> Listed:
    """The entry of `run` in the list."""
    try:
        request: RunRequest | None = request_of(run)
    except FarpairError:
        request = None
    try:
        told = peek(run.journal)
    except FarpairError as error:
        return Listed(run, "unreadable", None, _model(request), visible(str(error)), request)
    place = place_of(run, told)
    return Listed(run, place, told.began, _model(request), _result(place, told), request)


def place_of(run: Run, told: Peek) -> Place:
    """The state of `run`, by its journal and by whether its engine lives."""
    standing = told.standing
    if told.ended is None:
        if told.engine and told.engine.host != socket.gethostname():
            return "elsewhere"
        if not control.is_alive(run, told):
            return "died"
    return "going" if standing == "starting" else standing


def _model(request: RunRequest | None) -> str:
    return visible(request.model, 60) if request else ""


def _result(place: Place, told: Peek) -> str:
    if told.pair:
        return distance(told.pair.distance, told.pair.error)
    if place == "queued" and told.queued:
        return f"{count(told.queued.ahead)} ahead"
    if told.progress and told.progress.pairs:
        return f"{100 * told.progress.settled // told.progress.pairs}%"
    return ""
