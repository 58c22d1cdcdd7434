"""The settings, kept in one TOML file: where the file is, what it may contain, and the line of an error in it.

The command line overrides the environment, which overrides the file. Neither torch nor textual is imported here.
"""

import os
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from . import values
from .engine.errors import InputError
from .engine.files import read_regular
from .engine.home import config_home
from .engine.run_settings import DEFAULTS, RULES, RunSettings, shown
from .engine.text.escape import visible
from .engine.text.nearest import did_you_mean
from .keymap import FIXED, KEYS, clash, key_problem
from .parser import RUN_SETTINGS

LONGEST_FILE: Final = 1 << 16  # bytes


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings in force; None leaves the choice to the program.

    `tensors` names the folders of models, with ":" between them; `hub` says whether those in the hub cache are
    found as well, `matrix` which matrix of each is searched, and `run` how the next run is carried out; the file
    sets its fields one by one. `theme` is one of `values.THEMES`; `ascii` shows nothing but ASCII, `colour`
    false nothing in colour, `plain` makes `farpair run` speak in sentences; `keys` gives actions, by their
    names, other keys than their own.
    """

    tensors: str | None = None
    hub: bool = True
    matrix: Literal["unembedding", "embedding"] | None = None
    run: RunSettings = DEFAULTS
    theme: str | None = None
    mouse: bool = True
    standby: bool = True
    ascii: bool | None = None
    colour: bool | None = None
    plain: bool | None = None
    keys: dict[str, tuple[str, ...]] = {}

    def chosen(self) -> dict[str, object]:
        """Every setting by its name."""
        by_name = msgspec.structs.asdict(self)
        found = {name: by_name.pop(name) for name in ("tensors", "hub", "matrix")}
        return {**found, **asdict(by_name.pop("run")), **by_name}


# What each setting is for, and an example of it, as printed by `farpair config`.
MEANINGS: Final[dict[str, tuple[str, str]]] = {
    "tensors": ('the folders of models, ":" between them; without it ./tensors, else ../tensors', '"~/tensors"'),
    "hub": ("whether the models in the cache of huggingface_hub are found as well", "true"),
    "matrix": ("unembedding or embedding; without it the unembedding where stored", '"embedding"'),
    **{name: (meaning, example) for name, (_, example, meaning) in RUN_SETTINGS.items()},
    "theme": (f"{', '.join(values.THEMES[:-1])} or {values.THEMES[-1]}", f'"{values.THEMES[0]}"'),
    "mouse": ("whether the app takes the mouse", "true"),
    "standby": ("whether the app keeps an engine ready, so that runs begin at once", "true"),
    "ascii": ("nothing but ASCII characters; without it, as the locale says", "true"),
    "colour": ("whether there are colours; without it, as the terminal and NO_COLOR say", "false"),
    "plain": ("whether `farpair run` speaks in sentences; without it, where TERM is dumb", "true"),
}


def default_file() -> Path:
    """The default settings file: in `$XDG_CONFIG_HOME/farpair`, by default `~/.config/farpair`.

    Raises InputError where a person has no home folder.
    """
    return config_home() / "farpair" / "settings.toml"


def settings_file(given: str | None) -> Path:
    """The settings file: the one `given`, else $FARPAIR_CONFIG, else the default one."""
    named = given if given is not None else os.environ.get("FARPAIR_CONFIG") or None
    return Path(os.path.abspath(os.path.expanduser(named))) if named is not None else default_file()


def settings_in_force(given: str | None) -> Settings:
    """The settings in the settings file (the one `given`, or see `settings_file`), overridden by the environment.

    A missing default file counts as empty. Raises InputError, with the file, the line, the setting and what is
    allowed, for a file with anything else than settings, and for a named file that cannot be read.
    """
    named = given is not None or bool(os.environ.get("FARPAIR_CONFIG"))
    try:
        file = settings_file(given)
    except InputError:  # without a home folder there are no settings
        settings = Settings()
    else:
        settings = read_settings(file) if named or os.path.exists(file) else Settings()
    if os.environ.get("FARPAIR_TENSORS"):
        settings = msgspec.structs.replace(settings, tensors=None)  # `discovery.tensors_folders` reads it
    if os.environ.get("NO_COLOR"):
        settings = msgspec.structs.replace(settings, colour=False)
    return settings


def read_settings(file: Path) -> Settings:
    """The settings in `file`; raises InputError as `settings_in_force` does."""
    import tomllib  # start time

    name = visible(str(file))
    try:
        text = read_regular(file, LONGEST_FILE).decode()
    except FileNotFoundError:
        raise InputError(f"There is no settings file {name}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{name} is not UTF-8, so it holds no settings.") from None
    except OSError as error:
        raise InputError(f"The settings file {name} cannot be read: {error.strerror}.") from error
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number too long is no TOMLDecodeError
        raise InputError(f"{name} is not TOML: {visible(str(error), 300)}.") from error
    found: dict[str, object] = {}
    for key, value in tables.items():
        try:
            found[key] = _CHECKS[key](value)
        except KeyError:
            raise _wrong(name, text, (key,), _no_such(key, "setting", tuple(_CHECKS))) from None
        except _WrongKey as error:
            raise _wrong(name, text, (key, error.action), str(error)) from None
        except ValueError as error:
            raise _wrong(name, text, (key,), str(error)) from None
    run = {field.name: found.pop(field.name) for field in fields(RunSettings) if field.name in found}
    return msgspec.convert({**found, "run": run}, Settings)


class _WrongKey(ValueError):
    """The keys of one action are wrong."""

    def __init__(self, action: str, sentence: str) -> None:
        super().__init__(sentence)
        self.action = action


def _wrong(name: str, text: str, path: tuple[str, ...], sentence: str) -> InputError:
    where = ".".join(visible(part, 40) for part in path)
    whole = visible(sentence, 300)
    line = _line_of(text, path)
    place = name if line is None else f"{name}, line {line}"
    return InputError(f"{place}: {where}: {whole}{'' if whole[-1] in '.?' else '.'}")


def _line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line of `text`, counted from 1, where the value at `path` is set: the first that changes when the parser
    writes the file without it. None where the parser cannot tell."""
    import tomlkit  # start time
    from tomlkit.exceptions import TOMLKitError  # start time

    try:
        document = tomlkit.parse(text)
        table: MutableMapping[str, Any] = document
        for part in path[:-1]:
            table = table[part]
        del table[path[-1]]
        without = tomlkit.dumps(document).splitlines()
    except (TOMLKitError, RecursionError):
        return None
    lines = text.splitlines()
    return next(
        (k for k, pair in enumerate(zip(lines, without, strict=False), 1) if pair[0] != pair[1]), len(without) + 1
    )


def _no_such(name: str, kind: str, known: tuple[str, ...]) -> str:
    near = did_you_mean(name, known)
    if near.endswith("?"):
        return f"there is no such {kind}{near}"
    return f"there is no such {kind}; there are {', '.join(known[:-1])} and {known[-1]}."


def _choice(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{shown(value)} is neither true nor false")
    return value


def _folder(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(f'{shown(value)} is not the name of a folder; write it as "~/tensors"')
    return value


def _keys(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise ValueError('it is a table; write [keys] on a line of its own, and below it run = "r"')
    actions = tuple(key.id for key in KEYS if key.id not in FIXED)
    chosen: dict[str, tuple[str, ...]] = {}
    for action, given in value.items():
        if action not in actions:
            raise _WrongKey(action, _no_such(action, "action", actions))
        keys = given if isinstance(given, list) and given else [given]
        for key in keys:
            problem = key_problem(key) if isinstance(key, str) else f"{shown(key)} is not a key in quotes"
            if problem:
                raise _WrongKey(action, problem)
        chosen[action] = tuple(keys)
    if found := clash(chosen):
        action, other, key = found
        raise _WrongKey(action, f"{key} is the key of {other} as well; give that another")
    return chosen


_CHECKS: Final[Mapping[str, Callable[[object], object]]] = {
    "tensors": _folder,
    "hub": _choice,
    "matrix": values.matrix,
    **RULES,
    "theme": values.theme,
    "mouse": _choice,
    "standby": _choice,
    "ascii": _choice,
    "colour": _choice,
    "plain": _choice,
    "keys": _keys,
}
