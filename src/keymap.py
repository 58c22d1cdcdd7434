"""Every key in one table, from which the bindings, the footer, the help and the command palette are made.

Settings may give an action other keys; `keys_in_use` is the table with those keys.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    pass


class Key(msgspec.Struct, frozen=True):
    """A key: `id` names it for keymaps, `keys` as Textual writes them, `label` in the footer ("" for none).

    `name` is its name in the command palette ("" where it does not belong there), `help` a sentence. The
    footer leaves out `spare` keys first where there is no room.
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
    Key("pause", "space", "space", "pause", "Pause or resume", "Pause this model's run, or resume it.", "pause"),
    Key("previous", "left_square_bracket", "[", "step(-1)", "Previous model", "Show the previous model."),
    Key("next", "right_square_bracket", "]", "step(1)", "Next model", "Show the next model."),
    *(Key(f"jump-{n}", str(n), str(n), f"jump({n})", "", f"Show model {n}.") for n in range(1, 10)),
    Key(
        "matrix",
        "u",
        "u",
        "matrix",
        "Other matrix",
        "Turn from this model's unembedding to its embedding, or back, where it stores both.",
    ),
    Key("models", "m", "m", "models", "Find a model", "Pick a model by a few letters of its name.", "find"),
    Key(
        "runs",
        "a",
        "a",
        "runs",
        "All runs",
        "Show any run of this machine: those that run and those that ended.",
        "runs",
        True,
    ),
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
    Key(
        "export",
        "e",
        "e",
        "export",
        "Export",
        "Write this run to files: Markdown, JSON, CSV, a picture.",
        "export",
        True,
    ),
    Key("copy", "y", "y", "copy", "Copy", "Copy the pair, a batch or the report to your clipboard.", "copy", True),
    Key(
        "check",
        "V",
        "V",
        "check",
        "Check independently",
        "Check what this run found by other arithmetic, in a process of its own; the verdict is kept.",
    ),
    Key("theme", "t", "t", "theme", "Theme", "Show the next theme, and remember it.", "theme", True),
    Key("help", "question_mark,h", "?", "help", "Help", "Explain the keys and every number here.", "help"),
    Key("quit", "q,ctrl+c,ctrl+q", "q", "leave", "Quit", "Quit; a run can be left running.", "quit"),
    Key("suspend", "ctrl+z", "ctrl+z", "app.suspend_process", "Suspend", "Go to the shell; `fg` comes back."),
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


# Keys that cannot be changed: esc goes back everywhere, and digits are the models' numbers.
FIXED: Final = ("follow", *(f"jump-{n}" for n in range(1, 10)))

Chosen = Mapping[str, tuple[str, ...]]  # keys as a person writes them, by the id of the action


def keys_in_use(chosen: Chosen) -> tuple[Key, ...]:
    """The table, with the keys that `chosen` gives to actions in place of their own."""
    return tuple(
        msgspec.structs.replace(key, keys=",".join(map(key_name, chosen[key.id])), shown=chosen[key.id][0])
        if key.id in chosen
        else key
        for key in KEYS
    )


def key_name(written: str) -> str:
    """A key as Textual names it: "?" is question_mark."""
    *modifiers, last = written.split("+") if len(written) > 1 else [written]
    if len(last) == 1 and not last.isalnum():
        last = unicodedata.name(last).lower().replace("-", "_").replace(" ", "_")
    return "+".join([*modifiers, _RENAMED.get(last, last)])


def key_problem(written: str) -> str:
    """Why `written` does not name a key, in a sentence without its full stop; "" where it does."""
    if re.fullmatch(rf"(ctrl\+|alt\+|shift\+)*([a-z0-9]|f[1-9]|f1[0-2]|{'|'.join(_NAMED)})", written):
        return ""
    if len(written) == 1 and written.isprintable() and not written.isspace():
        return ""
    return f"{written!r} is not a key; write a character, ctrl+s, f5, or one of {', '.join(_NAMED)}"


def clash(chosen: Chosen) -> tuple[str, str, str] | None:
    """An action in `chosen`, another action, and the key that both would have; None where no key is given
    twice."""
    table = keys_in_use(chosen)
    for key in table:
        for other in table:
            both = set(key.keys.split(",")) & set(other.keys.split(","))
            if key.id in chosen and key is not other and both:
                return key.id, other.id, min(both)
    return None


_NAMED: Final = (
    "up", "down", "left", "right", "home", "end", "pgup", "pgdn",
    "insert", "delete", "backspace", "tab", "enter", "space", "esc",
)  # fmt: skip
# Keys that Textual names differently from keyboards and Unicode.
_RENAMED: Final = {
    "pgup": "pageup",
    "pgdn": "pagedown",
    "esc": "escape",
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
