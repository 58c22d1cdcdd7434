"""Formats numbers for display, each kind in one form: distances, counts, shares, durations, sizes."""

import math


def distance(value: float, error: float = 0.0) -> str:
    """A distance or a norm: eight decimals, or nine significant digits below 1e-4 and from 1e6 up.

    With `error`, an absolute error bound, "≈" precedes a value whose last digit is uncertain because
    `value - error` and `value + error` round differently.
    """
    shown = _fixed(value)
    if error and _fixed(value - error) != _fixed(value + error):
        return "≈" + shown
    return shown


def roughly(value: float) -> str:
    """A distance in two digits, for a sentence or an axis: "1.6", "0.0017", "4.1e-05"."""
    return f"{value:.2g}"


def short(value: float) -> str:
    """A diameter in at most three digits, for a headline: "1.61", "0.00413"."""
    return f"{value:.3g}"


def ratio(value: float | None) -> str:
    """A ratio: "3.29×"; "–" where there is none."""
    if value is None:
        return "–"
    return f"{value:.2f}×" if value == 0 or 0.01 <= abs(value) < 1e6 else f"{value:.2e}×"


def times(value: float | None) -> str:
    """A ratio in at most six characters up to 10,000: "927×", "3.3×"; "–" where there is none."""
    if value is None:
        return "–"
    return f"{value:.1f}×" if value < 99.95 else f"{value:,.0f}×" if value < 9999.5 else f"{value:.0e}×"


def degrees(angle: float | None) -> str:
    """An angle in degrees: "90.16°"; "–" where there is none."""
    return "–" if angle is None else f"{angle:.2f}°"


def count(n: int) -> str:
    """A count: "2,248"."""
    return f"{n:,}"


def share(part: int, whole: int) -> str:
    """A share: "0.7%"; "<0.1%" and ">99.9%" where rounding would give 0% or 100% wrongly."""
    percent = 100 * part / whole if whole else 0.0
    if 0 < percent < 0.1:
        return "<0.1%"
    if 99.9 < percent < 100:
        return ">99.9%"
    return f"{percent:.0f}%" if percent in (0, 100) else f"{percent:.1f}%"


def duration(seconds: float) -> str:
    """A duration: "0:00:04", or "12 ms" below a second; "–" where it is not finite."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 0.9995:
        milliseconds = max(seconds, 0.0) * 1000
        return f"{milliseconds:.0f} ms" if milliseconds >= 9.5 or not milliseconds else f"{milliseconds:.1f} ms"
    minutes, whole_seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole_seconds:02}"


def elapsed(seconds: float) -> str:
    """A measured duration: as `duration`, but "4.27 s" below a minute."""
    return f"{seconds:.2f} s" if 0.9995 <= seconds < 59.995 else duration(seconds)


def date(seconds: float | None, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time since the epoch as local time: "2026-11-22 19:20"; "" for None or a time beyond the calendar."""
    from datetime import datetime  # start time

    try:
        return f"{datetime.fromtimestamp(seconds):{form}}" if seconds is not None else ""
    except (ValueError, OverflowError, OSError):
        return ""


def size(amount: int) -> str:
    """A number of bytes in decimal units: "512 B", "23.0 MB"."""
    return _scaled(amount, "B")


def rate(pairs_per_second: float) -> str:
    """A speed: "1.9 Gpair/s"; "–" where it is not finite."""
    return _scaled(pairs_per_second, "pair/s") if math.isfinite(pairs_per_second) else "–"


def _fixed(value: float) -> str:
    return f"{value:.8f}" if value == 0 or 1e-4 <= abs(value) < 1e6 else f"{value:.8e}"


def _scaled(amount: float, unit: str) -> str:
    """`amount` with one decimal and a decimal prefix; without decimals below a thousand."""
    if round(amount) < 1000:
        return f"{amount:.0f} {unit}"
    thousands, prefixes = 1, "kMGTP"
    while amount / 1000**thousands >= 999.95 and thousands < len(prefixes):
        thousands += 1
    return f"{amount / 1000**thousands:.1f} {prefixes[thousands - 1]}{unit}"
