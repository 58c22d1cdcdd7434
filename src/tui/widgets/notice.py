"""The notice: in place of the result, a sentence that says why there is none and what to do about it."""

from collections.abc import Sequence
from typing import Final

import msgspec

from ...engine.journal.record import RunRecord
from ...engine.models.discovery import DEMO_INSTALL
from ...engine.text.escape import visible
from ...engine.text.numbers import count, distance
from ..view import View
from .lines import EMPTY, Line, Role, wrap
from .panel import Panel
from .status import place, waiting_for

# A folder of models, as in the README.
LAYOUT: Final = (
    "  Qwen3-4B-Instruct-2507/            a folder for each model, of any name",
    '    W.safetensors                    its embedding: one tensor, "W" (N, d)',
    "    1.6a_cluster_mask.safetensors    which tokens are in the cluster; else all",
    "    tokenizer.json                   optional: the tokens' texts",
)


class Notice(msgspec.Struct, frozen=True):
    """A title and paragraphs, escaped; what the keys of "run" and "anew" do (`key`, `anew`; "": nothing)."""

    title: str
    paragraphs: tuple[str, ...]
    key: str = ""
    anew: str = ""
    role: Role = "text"
    layout: tuple[str, ...] = ()  # lines after the first paragraph, which are not wrapped


def notice(view: View) -> Notice | None:
    """The notice in place of the result; None where there is a result, one is coming, or a batch is chosen."""
    record = view.record
    if first_run(view):
        return _first_run(view) if view.looked else None
    if record is None:
        return _new(view)
    if view.stage == "queued" and record.queued is not None:
        return Notice(
            place(record.queued),
            (
                f"This run is {waiting_for(record)}.",
                "" if view.replay else "It starts by itself when it comes; x takes it out of the line.",
            ),
        )
    if view.going or record.analysis is not None or view.chosen is not None:
        return None
    ended = record.ended
    kept = _kept(record)
    match view.stage:
        case "died":
            return Notice("the engine died", (view.crash or "", *kept), *_again(view), "bad")
        case "failed":
            reason, advice = (ended.reason, ended.advice) if ended else ("", "")
            texts = tuple(visible(text) for text in (reason, advice) if text)
            return Notice("the run failed", (*texts, *kept), *_again(view), "bad")
        case "stopped" | "terminated":
            reason = visible(ended.reason) if ended else ""
            return Notice(view.stage, (reason, *kept), *_again(view), "warn")
        case _:
            return Notice("no pair", (visible(ended.reason) if ended else "",))


def notice_lines(view: View, width: int, height: int) -> list[Line]:
    """The notice's paragraphs and the key, for `width` by `height` cells."""
    said = notice(view)
    if said is None:
        return []
    wide = min(width, 100)
    paragraphs = [
        wrap(text, wide, said.role if n == 0 else "text") for n, text in enumerate(said.paragraphs) if text
    ]
    settings = view.settings
    keys = [(settings.key(name), does) for name, does in (("run", said.key), ("anew", said.anew)) if does]
    key: list[Line] = [((name, "accent"), (f" {does}", "text")) for name, does in keys]
    layout: list[Line] = [((visible(line, width), "text"),) for line in said.layout]
    blocks = [block for block in (*paragraphs[:1], layout, *paragraphs[1:], key) if block]
    spaced = sum(len(block) for block in blocks) + len(blocks) - 1 <= height
    lines: list[Line] = []
    for n, block in enumerate(blocks):
        lines += [EMPTY] if spaced and n else []
        lines += block
    if len(lines) > height and key:  # the key is needed most
        return [*lines[: max(height - len(key) - 1, 0)], (("…", "dim"),), *key]
    return lines


def first_run(view: View) -> bool:
    """Whether to explain which files to put where: there is nothing else to show."""
    return view.model is None or (view.settings.first and view.stage == "new")


def _first_run(view: View) -> Notice:
    folder = visible(view.settings.tensors) if view.settings.tensors else "the folder named by --tensors"
    what = "farpair finds the two tokens that lie farthest apart in a cluster of embeddings, and proves it."
    elsewhere = "Models elsewhere: farpair --tensors FOLDER, or farpair FILE.safetensors."
    key = ""
    if view.model is None:
        demo = f"To see it at work without files of your own: {DEMO_INSTALL}, then farpair demo."
    else:
        demo = f"To see it at work without files of your own, there is the demo model, {visible(view.model.name)}."
        key = "searches the demo model"
    return Notice(
        "no models found",
        (f"{what} There is no model yet in {folder}; what it looks for there is", elsewhere, demo),
        key,
        layout=LAYOUT,
    )


def _new(view: View) -> Notice | None:
    model = view.model
    if model is None:
        return None
    if model.problem:
        return Notice("this model cannot be searched", (visible(model.problem),), role="bad")
    if not view.looked:
        return None
    settings = view.settings
    shape = f"{count(model.shape[0])} tokens of dimension {count(model.shape[1])}" if model.shape else "its tokens"
    if model.matrix:
        turn = f"; {settings.key('matrix')} turns to the other matrix" if model.head == "untied" else ""
        shape += f" in its {model.matrix} ({model.head}{turn})"
    cluster = "all of them" if model.cluster == "all" else "the cluster among them"
    kind, _, named = model.cluster.partition(":")
    if kind == "copies":
        cluster = "the rows that are identical to another"
    elif kind in ("ids", "file"):
        cluster = f"the tokens that {visible(model.cluster, 60)} names"
    elif kind == "script":
        cluster = f"those with {visible(named, 40)} characters in their text"
    elif kind == "tokens":
        cluster = f"those whose text matches {visible(model.cluster.removeprefix('tokens:'))}"
    return Notice(
        "not searched yet",
        (
            f"{visible(model.name)} has {shape}; the search looks at {cluster}, for the two farthest apart.",
            f"Batches of {count(settings.run.batch)} rows ({settings.key('batch')}), on the device "
            f"{visible(settings.run.device)} ({settings.key('device')}){settings.more}.",
        ),
        "starts the search",
    )


def _again(view: View) -> tuple[str, str]:
    """What r and R do to a run that was cut short."""
    point = view.record.resume_point if view.record else None
    if view.replay:
        return "", ""
    if point is None or not view.resumable or view.record is None:
        return "runs it again", ""
    run = view.settings.run
    goes_on = f"goes on from {count(len(point.settled))} of {count(len(view.record.batches))} batches"
    return goes_on, f"starts anew, in batches of {count(run.batch)} rows on {visible(run.device)}"


def _kept(record: RunRecord) -> tuple[str, ...]:
    """What the journal holds of an unfinished search: the pair, or the largest distance so far."""
    if record.pair:
        pair = record.pair
        return (f"The pair it found: rows {pair.i}, {pair.j}, distance {distance(pair.distance)}.",)
    values = [row.value for row in record.batches if row.value is not None]
    return (f"The largest distance so far: {distance(max(values))}.",) if values else ()


class NoticePanel(Panel):
    """The panel that replaces the results while there are none."""

    def title(self, view: View) -> str:
        """The panel's title for `view`."""
        said = notice(view)
        return said.title if said else ""

    def view_lines(self, view: View, width: int, height: int) -> Sequence[Line]:
        """The lines that show `view` in `width` by `height` cells."""
        return notice_lines(view, width, height)
