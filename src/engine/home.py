"""The user's folders for runs, settings and caches, by the XDG base directory specification."""

import os
from pathlib import Path
from typing import Final

from .errors import InputError

_STATE: Final = ("XDG_STATE_HOME", (".local", "state"))
_CONFIG: Final = ("XDG_CONFIG_HOME", (".config",))
_CACHE: Final = ("XDG_CACHE_HOME", (".cache",))


def state_home() -> Path:
    """`$XDG_STATE_HOME`, else `~/.local/state`. Raises InputError where neither is known."""
    return _folder(*_STATE)


def config_home() -> Path:
    """`$XDG_CONFIG_HOME`, else `~/.config`. Raises InputError where neither is known."""
    return _folder(*_CONFIG)


def cache_home() -> Path:
    """`$XDG_CACHE_HOME`, else `~/.cache`. Raises InputError where neither is known."""
    return _folder(*_CACHE)


def _folder(variable: str, below_home: tuple[str, ...]) -> Path:
    named = os.environ.get(variable, "")
    if os.path.isabs(named):  # the specification says to ignore a relative path
        return Path(named)
    home = os.environ.get("HOME", "")
    if not os.path.isabs(home):
        home = _home_in_the_accounts()
    if not os.path.isabs(home):
        raise InputError(
            f"There is no home folder: HOME is not an absolute path, and user {os.getuid()} has no account here. "
            f"Set HOME or {variable} to a folder."
        )
    return Path(home, *below_home)


def _home_in_the_accounts() -> str:
    import pwd  # start time

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""
