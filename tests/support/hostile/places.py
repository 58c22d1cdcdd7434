"""Folders and files that are hostile by their names or by what they are, whatever is written in them."""

import os
from collections.abc import Callable
from pathlib import Path

from support.fixtures import build_small_model
from support.hostile.case import BIDI, CONTROLS, ESCAPES, MARKUP, Case

# Names of folders that hold a good model: they are shown escaped, and searched.
NAMES = {
    "newlines": "one\ntwo\r\nthree",
    "escape sequences": ESCAPES,
    "control characters": CONTROLS,
    "bidirectional overrides": BIDI,
    "markup": MARKUP.replace("/", "\u2215"),
    "a leading dash": "--tensors",
    "an option": "-h",
    "a path upward": "..\u2215..",
    "dots": "...",
    "blanks": "   ",
    "a tilde": "~root",
    "a wildcard": "*",
    "a quote": "'\"`$(reboot)`\"'",
    "a backslash": "\\x1b[41m",
    "a command's name": "runs",
    "200 characters": "x" * 200,
    "the longest": "\U0001f4a9" * 63,
    "zero width": "\u200b\ufeff\u034f",
    "many marks": "e" + "\u0301" * 100,
    "wide": "\uff37" * 80,
    "private use": "\ue000\U0010fffd",
}


def instead(name: str, says: str, put: Callable[[Path], None]) -> Case:
    """A good model, but for what stands where its W.safetensors should."""

    def write(folder: Path) -> None:
        path = build_small_model(folder, n=12, d=4, vocabulary=12) / "W.safetensors"
        path.unlink()
        put(path)

    return Case(name, write, says)


def _into_itself(path: Path) -> None:
    path.symlink_to(path)


def _into_each_other(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


def _chain(path: Path) -> None:
    """Sixty links, one to the next: more than Linux follows."""
    for n in range(60):
        path.with_name(f"{n}").symlink_to(path.with_name(f"{n + 1}"))
    path.symlink_to(path.with_name("0"))


def _longest_name(path: Path) -> None:
    path.symlink_to("x" * 255 + "/" + "y" * 255)


FILES = [
    instead("a folder for a file", "is a folder", lambda path: path.mkdir()),
    instead("a pipe for a file", "is not a regular file", lambda path: os.mkfifo(path)),
    instead("a link to /dev/zero", "is not a regular file", lambda path: path.symlink_to("/dev/zero")),
    instead("a link to /dev/full", "is not a regular file", lambda path: path.symlink_to("/dev/full")),
    instead("a link to a terminal", "is not a regular file", lambda path: path.symlink_to("/dev/ptmx")),
    instead("a link to nothing", "a link to a file that is not there", lambda path: path.symlink_to("/gone")),
    instead("a link to itself", "cannot be read", _into_itself),
    instead("links in a ring", "cannot be read", _into_each_other),
    instead("a chain of links", "cannot be read", _chain),
    instead("a link to a name too long", "a link to a file that is not there", _longest_name),
    instead("a kernel's file", "is not a safetensors file", lambda path: path.symlink_to("/proc/self/maps")),
    instead("the process's own memory", "cannot be", lambda path: path.symlink_to("/proc/self/mem")),
    instead("a terabyte of zeros", "its header is not a JSON object", lambda path: _sparse(path)),
]  # fmt: skip


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


def _beside(name: str, says: str, *files: str) -> Case:
    """A folder that holds `files`, each a pickle, and nothing else."""

    def write(folder: Path) -> None:
        folder.mkdir()
        for file in files:
            (folder / file).write_bytes(b"\x80\x04cos\nsystem\n(S'touch OWNED'\ntR.")

    return Case(name, write, says)


PICKLE = "is a pickle, which farpair never loads"
HOLDS_NONE = "holds none of W.safetensors, "
# Not models: never listed, and a sentence where they are named.
OTHERS = [
    _beside("a PyTorch checkpoint", PICKLE, "pytorch_model.bin"),
    _beside("a notebook's pickle", PICKLE, "W.pt", "W.pth", "W.pkl", "W.npy", "W.npz", "W.ckpt"),
    _beside("other files", HOLDS_NONE, "W.pkl", "W.npy", "W.npz", "W.ckpt"),
    _beside("a checkpoint in parts", "without model.safetensors.index.json", "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors"),
    _beside("parts that climb out", PICKLE, "model-..-of-...bin", "-rf", "\x1b[41mOWNED.bin"),
    _beside("a LoRA adapter", "is a LoRA adapter", "adapter_model.safetensors", "adapter_config.json"),
    _beside("a sharded state", "sharded_state", "model-rank-0-part-0.safetensors"),
    _beside("GGUF", "farpair reads safetensors", "model.Q8_0.gguf"),
    _beside("nothing", HOLDS_NONE),
]  # fmt: skip
# Models by their files' names, and listed with what is wrong.
BROKEN = [
    _beside("a pickle for an index", "is not an index", "model.safetensors.index.json"),
    _beside("a pickle for a checkpoint", "a Python pickle", "model.safetensors"),
    _beside("a pickle in the original format", "a Python pickle", "consolidated.safetensors"),
    _beside("a pickle for an unembedding", "a Python pickle", "W_unembed.safetensors"),
]
