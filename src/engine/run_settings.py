"""The settings of a run, declared only here, and the rule for each.

The command line, the settings file, the app's dialogs, the journal and the library pass a whole `RunSettings`, and
report a wrong setting with the same sentence. No slow import belongs here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final

from .errors import InputError

AUTO: Final = "auto"
PRECISIONS: Final = (AUTO, "float32", "tf32", "bfloat16", "int8")
LARGEST_BATCH: Final = 2**31 - 1  # rows
MOST_THREADS: Final = 1024
MOST_PAIRS: Final = 10_000
LEAST_MEMORY: Final = 10**6  # bytes; no search does with less
_MOST_MEMORY: Final = 2**63 - 1
WHOLE_CLUSTERS: Final = ("mask", "all", "copies")
CLUSTER_KINDS: Final = ("ids:", "file:", "tokens:", "script:")
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True)
class RunSettings:
    """How the rows of a run are searched.

    `batch` is the number of rows in a batch. `device` is a torch device, or "auto": the fastest kind that the
    machine has. `threads` is the number of CPU threads, `memory` the bytes that the search may hold beyond the
    rows; at 0 the engine chooses. `precision` is the format of the products that screen pairs, one of
    `PRECISIONS`; every format gives the same answer. `exhaustive` evaluates every pair and discards none by a
    bound. A run with `pairs` above 1 lists that many farthest pairs.
    """

    batch: int = 256
    device: str = AUTO
    threads: int = 0
    memory: int = 0
    precision: str = AUTO
    exhaustive: bool = False
    pairs: int = 1

    @property
    def changed(self) -> Mapping[str, int | str | bool]:
        """The settings that are not at their defaults, by name."""
        defaults = asdict(DEFAULTS)
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}

    @property
    def decisive(self) -> "RunSettings":
        """These settings, with the defaults for those that change neither the search's steps nor its answer: the
        device, its resources, and the list of farthest pairs."""
        return replace(
            self, device=DEFAULTS.device, threads=DEFAULTS.threads, memory=DEFAULTS.memory, pairs=DEFAULTS.pairs
        )


DEFAULTS: Final = RunSettings()


def checked(settings: RunSettings) -> RunSettings:
    """`settings`, checked. Raises InputError, with the setting's name, where one of them breaks its rule."""
    for name, value in settings.changed.items():
        try:
            if RULES[name](value) != value:
                raise ValueError(f"{shown(value)} is of the wrong type")
        except ValueError as error:
            raise InputError(f"{name}: {error}.") from None
    return settings


def checked_cluster(given: str) -> str:
    """The cluster setting `given`, checked. Raises InputError where it breaks the rule of `cluster`."""
    try:
        return cluster(given)
    except ValueError as error:
        raise InputError(f"cluster: {error}.") from None


# Each rule returns the setting that a value means, or raises ValueError with a sentence that says what is allowed,
# without its full stop.


def batch(given: object) -> int:
    """The number of rows in a batch."""
    return _whole_number(given, LARGEST_BATCH)


def device(given: object) -> str:
    """A device as torch spells it, or auto. `device.choose_device` checks whether this machine has it."""
    if not isinstance(given, str) or not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:[0-9]{1,4})?", given):
        raise ValueError(f"{shown(given)} is not a device; it is auto, cpu, cuda, cuda:N, mps or xpu")
    return given


def threads(given: object) -> int:
    """A number of CPU threads; the engine uses at most one for each core."""
    return _whole_number(given, MOST_THREADS)


def memory(given: object) -> int:
    """A size in bytes: a number, or a text such as 256MB, 1.5GB or 2GiB."""
    size = given
    if isinstance(given, str):
        match = re.fullmatch(r"([0-9]{1,19}(?:\.[0-9]{1,9})?) ?([KMGT]?)(I?)B?", given.upper())
        if match is not None:
            number, unit, binary = match.groups()
            scale = 1024 ** "_KMGT".index(unit) if binary and unit else _UNITS[unit]
            size = min(int(number) * scale if number.isdecimal() else int(float(number) * scale), _MOST_MEMORY)
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MOST_MEMORY:
        raise ValueError(f"{shown(given)} is not a size; write it as 256MB or 1.5GB")
    if size < LEAST_MEMORY:
        raise ValueError(f"{shown(given)} is less than the 1 MB that a search needs; write it as 256MB or 1.5GB")
    return size


def precision(given: object) -> str:
    """The format in which pairs are screened, or auto."""
    if given not in PRECISIONS:
        known = f"{', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}"
        raise ValueError(f"{shown(given)} is not a format; it is {known}")
    return str(given)


def exhaustive(given: object) -> bool:
    """Whether every pair is evaluated."""
    if not isinstance(given, bool):
        raise ValueError(f"{shown(given)} is neither true nor false")
    return given


def pairs(given: object) -> int:
    """How many of the farthest pairs are listed."""
    return _whole_number(given, MOST_PAIRS)


def cluster(given: object) -> str:
    """Which rows are searched."""
    if not isinstance(given, str) or not (given in WHOLE_CLUSTERS or given.startswith(CLUSTER_KINDS)):
        raise ValueError(
            f"{shown(given)} is not a cluster; it is mask, all, copies, ids:0-1000,50256, file:PATH, tokens:REGEX "
            "or script:NAME"
        )
    return given


RULES: Final[Mapping[str, Callable[[object], int | str | bool]]] = {
    rule.__name__: rule for rule in (batch, device, threads, memory, precision, exhaustive, pairs)
}


def from_text(name: str, text: str) -> int | str | bool:
    """The setting `name` from the text that a person types. Raises ValueError as its rule does."""
    digits = isinstance(getattr(DEFAULTS, name), int) and re.fullmatch(r"[0-9]{1,20}", text)
    return RULES[name](int(text) if digits else text)


def _whole_number(given: object, largest: int) -> int:
    if not isinstance(given, int) or isinstance(given, bool) or not 1 <= given <= largest:
        raise ValueError(f"{shown(given)} is not a whole number from 1 to {largest:,}")
    return given


def shown(given: object) -> str:
    """A value as TOML writes it, cut to 60 characters, for messages."""
    try:
        shown = str(given).lower() if isinstance(given, bool) else repr(given)
    except RecursionError:
        return "this value"
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
