"""Sends text to the clipboard of the user's terminal, through SSH and tmux. No terminal confirms it.

OSC 52 carries it. tmux drops it unless told otherwise (`set-clipboard on`, or `allow-passthrough on` for one
wrapped for tmux), but sends on what is loaded with -w (tmux 3.2 and later), so inside tmux that is tried first.
"""

import asyncio
import base64
import contextlib
import os
from collections.abc import Mapping
from typing import Final

LARGEST: Final = 74_000  # bytes: in base64 less than the 100,000 that xterm and others take
_TMUX_SECONDS: Final = 2.0


def sequences(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """What to write to the terminal: OSC 52, and once more wrapped for tmux where one is in between."""
    plain = f"\x1b]52;c;{base64.b64encode(text.encode(errors='backslashreplace')).decode()}\x07"
    if not environment.get("TMUX") and not environment.get("TERM", "").startswith("tmux"):
        return plain
    return plain + "\x1bPtmux;" + plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def fits(text: str) -> bool:
    """Whether terminals accept a text of this length."""
    return len(text.encode(errors="backslashreplace")) <= LARGEST


async def sent_by_tmux(text: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the app runs inside a tmux that has accepted `text`, for its buffer and for the clipboard."""
    if not environment.get("TMUX"):
        return False
    try:
        tmux = await asyncio.create_subprocess_exec(
            "tmux", "load-buffer", "-w", "-",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return False
    try:
        async with asyncio.timeout(_TMUX_SECONDS):
            await tmux.communicate(text.encode(errors="backslashreplace"))
    except (TimeoutError, OSError):
        with contextlib.suppress(ProcessLookupError):
            tmux.kill()
    return await tmux.wait() == 0
