"""What a person may give as a number, a device, a cluster, a size: on the command line and in the settings.

Each function takes what was written and returns what it means, or raises ValueError with the sentence, without
its full stop, that says what is wrong and what is allowed. Nothing here imports anything slow.
"""

import re
from typing import Final

PRECISIONS: Final = ("auto", "float32", "tf32", "bfloat16")
THEMES: Final = ("dark", "light", "contrast", "terminal")
LARGEST: Final = 2**31 - 1  # of rows in a batch
MOST_THREADS: Final = 1024
LEAST_MEMORY: Final = 10**6  # bytes; no search does with less

_SLOWEST: Final = 0.01
_FASTEST: Final = 1_000_000
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def whole_number(text: str) -> int:
    """A whole number from 1 on, as of rows in a batch."""
    return _whole_number(text, LARGEST)


def threads(text: str) -> int:
    """A number of threads; of more than the machine has cores, the engine uses as many as there are."""
    return _whole_number(text, MOST_THREADS)


def device(text: str) -> str:
    """A device as torch spells it, or auto; whether there is one, the engine finds out."""
    if not re.fullmatch(r"[a-z]+(:[0-9]{1,4})?", text):
        raise ValueError(f"{text!r} is not a device; it is auto, cpu, cuda, cuda:N, mps or xpu")
    return text


def cluster(text: str) -> str:
    """Which rows to look at."""
    if text not in ("mask", "all") and not text.startswith("tokens:"):
        raise ValueError(f"{text!r} is not a cluster; it is mask, all or tokens:REGEX")
    return text


def bytes_of(text: str) -> int:
    """A size in bytes, written as 256MB, 1.5GB or 2GiB."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([KMGT]?)(I?)B?", text.upper())
    if match is None:
        raise ValueError(f"{text!r} is not a size; write it as 256MB or 1.5GB")
    number, unit, binary = match.groups()
    scale = 1024 ** "_KMGT".index(unit) if binary and unit else _UNITS[unit]
    size = int(float(number) * scale)
    if size < LEAST_MEMORY:
        raise ValueError(
            f"{text!r} is {size:,} bytes, and a search needs 1 MB at least; write it as 256MB or 1.5GB"
        )
    return min(size, 2**63 - 1)


def speed(text: str) -> float:
    """How many times as fast as it happened a run is played again."""
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text) or not _SLOWEST <= float(text) <= _FASTEST:
        raise ValueError(f"{text!r} is not a speed; it is a number from {_SLOWEST} to {_FASTEST:,}")
    return float(text)


def precision(text: str) -> str:
    """The format in which pairs are screened, or auto."""
    if text not in PRECISIONS:
        raise ValueError(f"{text!r} is not a format; it is {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")
    return text


def theme(text: str) -> str:
    """One of the app's themes by its name."""
    if text not in THEMES:
        raise ValueError(f"{text!r} is not a theme; it is {', '.join(THEMES[:-1])} or {THEMES[-1]}")
    return text


def _whole_number(text: str, largest: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= largest:
        raise ValueError(f"{text!r} is not a whole number from 1 to {largest:,}")
    return int(text)
