"""Every key in one table: the bindings, the footer, the help and the command palette are made from it."""

from dataclasses import dataclass
from typing import Final

from textual.binding import Binding


@dataclass(frozen=True)
class Key:
    """A key: `id` names it for keymaps, `keys` as Textual writes them, `label` in the footer ("" for none).

    `name` is its name in the command palette ("" where it does not belong there), `help` a sentence. `spare`
    says that the footer leaves it out where there is no room.
    """

    id: str
    keys: str
    shown: str
    action: str
    name: str
    help: str
    label: str = ""
    spare: bool = False


KEYS: Final[tuple[Key, ...]] = (
    Key(
        "run",
        "r",
        "r",
        "run_model",
        "Run",
        "Search this model for its farthest pair: once more, or on from where a run was cut short.",
        "run",
    ),
    Key("anew", "R", "R", "run_anew", "Start anew", "Search this model from the beginning, whatever is kept."),
    Key("stop", "x", "x", "stop", "Stop", "Stop this model's run; what is settled is kept.", "stop"),
    Key("pause", "space", "space", "pause", "Pause or go on", "Pause this model's run, or let it go on.", "pause"),
    Key("previous", "left_square_bracket", "[", "step(-1)", "Previous model", "Show the previous model."),
    Key("next", "right_square_bracket", "]", "step(1)", "Next model", "Show the next model."),
    *(Key(f"jump-{n}", str(n), str(n), f"jump({n})", "", f"Show model {n}.") for n in range(1, 10)),
    Key("models", "m", "m", "models", "Find a model", "Pick a model by a few letters of its name.", "find"),
    Key("runs", "a", "a", "runs", "All runs", "Show any run of this machine: going, ended or interrupted."),
    Key(
        "compare",
        "c",
        "c",
        "compare",
        "Compare",
        "Lay this model beside another: every number of both, and the difference.",
        "compare",
        True,
    ),
    Key(
        "plots",
        "p",
        "p",
        "plots",
        "Next plot",
        "Turn to the next plot: batch maxima, distances from the centroid, the outlier ladder.",
        "plots",
        True,
    ),
    Key("batch", "b", "b", "batch", "Batch size", "Set how many rows are in a batch of the next run.", "batch"),
    Key("device", "d", "d", "device", "Device", "Choose where the next run computes.", "device"),
    Key("notes", "n", "n", "notes", "Notes", "Read this run's warnings, files and versions.", "notes", True),
    Key(
        "filter", "slash", "/", "filter", "Filter", "Show only the batches that match a few words.", "filter", True
    ),
    Key("sort", "s", "s", "sort", "Sort", "Sort the batches by the next column.", "sort", True),
    Key("reverse", "S", "S", "reverse", "Sort the other way", "Sort the batches the other way round."),
    Key(
        "choose",
        "enter",
        "enter",
        "choose",
        "This batch's pair",
        "Show the pair of the batch under the cursor, and of each that it comes to; again, the whole cluster's.",
    ),
    Key(
        "full", "f", "f", "full", "Fill the screen", "Let a panel fill the screen, or give it back.", "full", True
    ),
    Key("focus", "tab", "tab", "mark(1)", "Next panel", "Mark the next panel, for f to fill the screen with."),
    Key("focus-back", "shift+tab", "shift+tab", "mark(-1)", "", "Mark the panel before."),
    Key("help", "question_mark,h", "?", "help", "Help", "Explain the keys and every number here.", "help"),
    Key("quit", "q,ctrl+c,ctrl+q", "q", "leave", "Quit", "Quit; a run can be left running.", "quit"),
    Key("up", "up,k", "↑ k", "cursor(-1)", "", "Move up one batch; the table stops following the run."),
    Key("down", "down,j", "↓ j", "cursor(1)", "", "Move down one batch."),
    Key("page-up", "pageup", "pgup", "cursor_page(-1)", "", "Move up one page of batches."),
    Key("page-down", "pagedown", "pgdn", "cursor_page(1)", "", "Move down one page of batches."),
    Key("first", "home", "home", "cursor_end(-1)", "First batch", "Go to the first batch."),
    Key("last", "end", "end", "cursor_end(1)", "Last batch", "Go to the last batch."),
    Key(
        "follow",
        "escape",
        "esc",
        "back",
        "Go back",
        "Go back a step: to the whole cluster's pair, to all panels, to all batches, to following the run.",
    ),
)


def bindings() -> list[Binding]:
    """The table as bindings of the main screen. Each has an id, so that keymaps can change it.

    They have priority, so that a key is obeyed before the next one is looked at: of keys that come together, as
    over a slow line, what follows one that opens a line to write in is written there.
    """
    return [
        Binding(key.keys, key.action, key.name or key.help, show=False, id=key.id, priority=True) for key in KEYS
    ]


def footer(width: int) -> list[tuple[str, str]]:
    """The keys, with their labels, that fit in a footer of `width` cells with two between them."""
    labelled = [(key.shown, key.label, key.spare) for key in KEYS if key.label]
    labelled.insert(3, ("[ ]", "model", False))
    labelled.append(("ctrl+p", "all commands", True))
    for spare in (True, False):
        shown = [(key, label) for key, label, extra in labelled if spare or not extra]
        if sum(len(key) + len(label) + 3 for key, label in shown) - 2 <= width:
            break
    return shown
