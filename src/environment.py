"""What the environment says of the terminal: characters beyond ASCII, a cursor that moves."""

import os
from collections.abc import Mapping
from typing import Final

PYTHONS_OWN: Final = "C.UTF-8"  # what Python sets LC_CTYPE to as it starts, where it finds no locale but C


def only_ascii(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal should be sent nothing but ASCII.

    True where the locale is set to C, POSIX or one whose character set is not UTF-8, and on the Linux console,
    whose fonts lack most of the characters drawn here. Without any locale, as in many containers, UTF-8 is
    assumed.
    """
    if environment.get("TERM") == "linux":
        return True
    named = [environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if named[1] == PYTHONS_OWN:
        named = [named[0], named[2], named[1]]
    locale = next(filter(None, named), PYTHONS_OWN)
    return not locale.partition("@")[0].replace("-", "").upper().endswith("UTF8")


def is_dumb(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal cannot move its cursor."""
    return environment.get("TERM") == "dumb"
