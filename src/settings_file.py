"""Prints the settings in force as a settings file, and writes a theme into the settings file."""

import os
from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from .engine.errors import RunError
from .engine.files import replace_file
from .engine.text.escape import visible
from .keymap import FIXED, KEYS
from .settings import MEANINGS, settings_file, settings_in_force


def settings_page(given: str | None) -> str:
    """The settings in force as a settings file, each with what it is for; settings that are not set are comments.

    `given` is the settings file that was named, if one was. Raises InputError as `settings_in_force` does.
    """
    file = settings_file(given)
    page = tomlkit.document()
    where = visible(str(file))
    page.add(tomlkit.comment(where if file.exists() else f"{where} (not there yet; these are the defaults)"))
    page.add(tomlkit.comment("The command line beats the environment, and the environment this file."))
    keys: Mapping[str, tuple[str, ...]] = {}
    for name, value in settings_in_force(given).chosen().items():
        if isinstance(value, dict):
            keys = value
            continue
        meaning, example = MEANINGS[name]
        if value is None or (value == 0 and not isinstance(value, bool)):
            page.add(tomlkit.comment(f"{name} = {example} # {meaning}"))
        else:
            page.add(name, tomlkit.item(value).comment(meaning))
    page.add("keys", _keys_table(keys))
    return tomlkit.dumps(page)


def remember_theme(file: Path, theme: str) -> None:
    """Write `theme` into the settings file, which is created if it does not exist. Everything else in it is kept.

    Raises RunError, with what to do, where it cannot be written.
    """
    target = Path(os.path.realpath(file))  # a symbolic link, as into a folder of dotfiles, stays one
    name = visible(str(file))
    try:
        page = tomlkit.parse(target.read_text(encoding="utf-8")) if target.exists() else tomlkit.document()
        if "theme" in page:
            page["theme"] = theme
        else:
            page = tomlkit.parse(f'theme = "{theme}"\n' + tomlkit.dumps(page))  # before any table
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, tomlkit.dumps(page).encode())
    except (OSError, TOMLKitError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else visible(str(error))
        raise RunError(f"The theme is not remembered, for {name} cannot be written: {reason}.") from error


def _keys_table(chosen: Mapping[str, tuple[str, ...]]) -> Table:
    """The keys of every action that has a name; those that are not set are comments."""
    table = tomlkit.table()
    table.comment("other keys for the app's actions")
    for key in KEYS:
        if key.id in chosen:
            given = chosen[key.id]
            table.add(key.id, given[0] if len(given) == 1 else list(given))
        elif key.name and key.id not in FIXED:
            table.add(tomlkit.comment(f'{key.id} = "{key.shown}"'))
    return table
