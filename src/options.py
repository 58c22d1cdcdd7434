"""What was asked for on the command line, as plain data. Nothing slow is imported here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from .engine.run_settings import DEFAULTS, RunSettings


@dataclass(frozen=True)
class Options:
    """What was asked for: by the command line, else by the environment, else by the settings (see `settings`).

    `command` is "app" where no command was named, `config` is the settings file that was named.
    """

    command: str
    model: str | None = None
    run: str = ""
    shell: str = ""
    tensors: str | None = None
    tensor: str | None = None
    matrix: Literal["unembedding", "embedding"] | None = None
    hub: bool = True
    cluster: str | None = None
    settings: RunSettings = DEFAULTS
    clean: bool = False
    sample: bool = False
    speed: float = 1.0
    form: Literal["markdown", "json", "csv"] | None = None
    print: bool = False
    config: str | None = None
    theme: str | None = None
    mouse: bool = True
    standby: bool = True
    ascii: bool = False
    colour: bool | None = None
    plain: bool | None = None
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
