"""The themes: the colour of each role of the screen's text in a dark, a light and a high-contrast theme and in the
terminal's own colours; and the filters for terminals without colours or without any characters but ASCII.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.theme import BUILTIN_THEMES, Theme

from ..engine.text.ascii import in_ascii

# What `app.tcss` calls the colours of text, lines and the cursor's row, and how dim text and the cursor look.
DEFAULTS: Final[Mapping[str, str]] = {
    "ink-dim": "#8c8c8c",
    "ink-accent": "#5fb0f0",
    "ink-good": "#8ad4a1",
    "ink-warn": "#ffc473",
    "ink-bad": "#d17e92",
    "rule": "#3b3b3b",
    "cursor-row": "#00508f",
    "dim-style": "none",
    "accent-style": "none",
    "cursor-style": "none",
}

THEMES: Final = (
    Theme(
        "dark",
        primary="#0178D4",
        secondary="#004578",
        warning="#ffa62b",
        error="#ba3c5b",
        success="#4EBF71",
        accent="#ffa62b",
        foreground="#e0e0e0",
        background="#121212",
        surface="#1e1e1e",
        panel="#242f38",
    ),
    Theme(
        "light",
        primary="#0a5ea8",
        secondary="#0a5ea8",
        warning="#8a5200",
        error="#b3261e",
        success="#1a6e33",
        accent="#8a5200",
        foreground="#1c1c1c",
        background="#fafafa",
        surface="#efefef",
        panel="#e2e6ea",
        dark=False,
        variables={
            "ink-dim": "#5f5f5f",
            "ink-accent": "#0a5ea8",
            "ink-good": "#1a6e33",
            "ink-warn": "#8a5200",
            "ink-bad": "#b3261e",
            "rule": "#c6c6c6",
            "cursor-row": "#cfe3f7",
        },
    ),
    Theme(
        "contrast",
        primary="#00d7ff",
        secondary="#00d7ff",
        warning="#ffd700",
        error="#ff8f8f",
        success="#5fff5f",
        accent="#ffd700",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#1c1c1c",
        variables={
            "ink-dim": "#d0d0d0",
            "ink-accent": "#00d7ff",
            "ink-good": "#5fff5f",
            "ink-warn": "#ffd700",
            "ink-bad": "#ff8f8f",
            "rule": "#ffffff",
            "cursor-row": "#0000a8",
            "accent-style": "bold",
        },
    ),
    Theme(
        "terminal",
        primary="ansi_cyan",
        secondary="ansi_cyan",
        warning="ansi_yellow",
        error="ansi_red",
        success="ansi_green",
        accent="ansi_cyan",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        boost="ansi_default",
        ansi=True,
        variables={
            **BUILTIN_THEMES["ansi-dark"].variables,
            "ink-dim": "ansi_default",
            "ink-accent": "ansi_cyan",
            "ink-good": "ansi_green",
            "ink-warn": "ansi_yellow",
            "ink-bad": "ansi_red",
            "rule": "ansi_default",
            "cursor-row": "ansi_default",
            "dim-style": "dim",
            "accent-style": "bold",
            "cursor-style": "reverse",
        },
    ),
)


class NoColours(LineFilter):
    """Removes every colour; bold, dim and reversed text stays as it is."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments, filtered."""
        return [Segment(text, style and _uncoloured(style), control) for text, style, control in segments]


class OnlyAscii(LineFilter):
    """Replaces all characters but ASCII by ASCII stand-ins of the same width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        """The segments, filtered."""
        return [Segment(in_ascii(text), style, control) for text, style, control in segments]


@lru_cache(1024)
def _uncoloured(style: Style) -> Style:
    return style.without_color
