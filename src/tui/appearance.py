"""The app's appearance and keys, from the settings and the terminal: themes, colours, characters, and
sentences that are shown for a few seconds.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from textual.app import App
from textual.filter import LineFilter

from ..engine.errors import FarpairError, InputError
from ..engine.text.escape import visible
from ..settings import settings_file
from .themes import DEFAULTS, THEMES, NoColours, OnlyAscii

if TYPE_CHECKING:
    from ..options import Options


class Appearance(msgspec.Struct, frozen=True):
    """`theme` is one of `values.THEMES`, None for the one that suits the terminal; `ascii` shows only ASCII;
    `colour` is whether colours are used; `keys` are the keys that the settings give to actions; `file` is the
    settings file in which a theme is remembered (None: it is not).
    """

    theme: str | None = None
    ascii: bool = False
    colour: bool = True
    keys: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    file: Path | None = None


def appearance_of(options: "Options") -> Appearance:
    """The appearance that `options` ask for, in this process's terminal."""
    return Appearance(
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


class ThemedApp(App[None]):
    """An app in the `appearance` that was asked for, in this terminal."""

    def __init__(self, appearance: Appearance) -> None:
        super().__init__()
        self.animation_level = "none"
        self.appearance = appearance
        self.no_color = self.no_color or not appearance.colour
        for theme in THEMES:
            self.register_theme(theme)
        few_colours = self.no_color or self.console.color_system in (None, "standard")
        self.theme = self._styled_in = appearance.theme or ("terminal" if few_colours else "dark")
        self.stylesheet.set_variables(self.get_css_variables())

    def refresh_css(self, animate: bool = True) -> None:
        """Restyle the screen, but only where the theme has changed: at the start it would be done twice."""
        if self.theme != self._styled_in:
            self._styled_in = self.theme
            super().refresh_css(animate)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """The colours that a theme need not name."""
        return dict(DEFAULTS)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """The filters between the screen and the terminal."""
        own: list[LineFilter] = [NoColours()] if self.no_color else []
        if self.appearance.ascii:
            own.append(OnlyAscii())
        return [*super().get_line_filters(), *own]

    def next_theme(self) -> None:
        """Show the next theme, and remember it."""
        names = [theme.name for theme in THEMES]
        self.show_theme(names[(names.index(self.theme) + 1) % len(names)])

    def show_theme(self, name: str) -> None:
        """Show a theme, and remember it in the settings file."""
        self.theme = name
        if self.appearance.file is None:
            return
        from ..settings_file import remember_theme  # start time

        try:
            remember_theme(self.appearance.file, name)
        except FarpairError as error:
            self.say(str(error), "error")
        else:
            self.say(f"Theme: {name}, from now on.")

    def say(
        self, sentence: str, severity: Literal["information", "error"] = "information", *, seconds: float = 4
    ) -> None:
        """Show a sentence for a few seconds; never as markup."""
        self.notify(visible(sentence), severity=severity, timeout=seconds, markup=False)

    def send(self, sequence: str) -> None:
        """Write a control sequence to the terminal, as it is."""
        if self._driver is not None:
            self._driver.write(sequence)
