"""How the app looks and which keys it has, as the settings and the terminal say."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..errors import InputError
from ..settings import settings_file

if TYPE_CHECKING:
    from ..cli import Options


class Looks(msgspec.Struct, frozen=True):
    """`theme` is one of `values.THEMES`, None for the one that suits the terminal; `ascii` shows only ASCII;
    `colour` is whether there are colours; `keys` are those that a person has given to actions instead of
    their own; `file` is where a theme is remembered (None: nowhere).
    """

    theme: str | None = None
    ascii: bool = False
    colour: bool = True
    keys: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    file: Path | None = None


def looks_of(options: "Options") -> Looks:
    """The looks that `options` ask for, in this process's terminal."""
    return Looks(
        theme=options.theme,
        ascii=options.ascii,
        colour=options.colour is not False,
        keys=options.keys,
        file=_settings_file(options),
    )


def _settings_file(options: "Options") -> Path | None:
    try:
        return settings_file(options.config)
    except InputError:  # a person without a home folder
        return None
