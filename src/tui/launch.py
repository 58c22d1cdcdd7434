"""Opens the app on the models that were found, or on a run."""

import gc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.errors import InputError
from ..engine.models.discovery import Model, model_of, tensors_folders
from ..engine.models.selection import chosen_model, found_models, installed_demo, own_models
from ..options import Options

if TYPE_CHECKING:
    from ..engine.runs.folders import Run


def open_app(options: Options) -> int:
    """Open the app on the models that are found, showing the named one; return the exit code. Raises
    InputError."""
    _collect_no_garbage()
    from .app import run_app  # start time

    start = chosen_model(options) if options.model else None
    own = _models_beside(start, options)
    models = own if options.command == "demo" else [*own, *installed_demo(options)]
    if start and start not in models:
        models.insert(0, start)
    return run_app(
        models,
        tensors=":".join(map(str, tensors_folders(options.tensors))),
        model=start.name if start else None,
        options=options,
        first=not own and start is None,
    )


def open_app_on(run: "Run", options: Options, speed: float | None = None) -> int:
    """Open the app on a run, whichever models there are; with a `speed`, replay it.

    Returns the exit code. Raises RunError where the run's request is lost.
    """
    _collect_no_garbage()
    from ..engine.runs.request import request_of  # start time
    from .app import run_app  # start time
    from .app_state import Opening  # start time

    asked = request_of(run)
    models: list[Model] = []
    if speed is None:
        with suppress(InputError):
            models = found_models(options)
    if not any(model.weights == Path(asked.weights) for model in models):
        models.append(model_of(asked))
    return run_app(
        models,
        tensors=":".join(map(str, tensors_folders(options.tensors))),
        model=asked.model,
        options=options,
        opening=Opening(run, speed),
    )


def _models_beside(start: Model | None, options: Options) -> list[Model]:
    """The models that are found. When a run was asked for, a folder that cannot be read is not an error."""
    if options.command == "demo":
        return []
    try:
        return own_models(options)
    except InputError:
        if start is None:
            raise
        return []


def _collect_no_garbage() -> None:
    """Turn garbage collection off until the first paint, when the app turns it on again: imports leave no garbage,
    and looking for it takes a tenth of the start-up time."""
    gc.disable()
