"""Makes the request of a run from a model and settings, and reads it from a run's folder. Torch is not
imported."""

import os

import msgspec

from .. import run_settings
from ..errors import InputError, RunError
from ..events import LONGEST_WORDS, RunRequest
from ..files import read_regular
from ..journal.older import upgraded
from ..models.cluster_file import CLUSTER_FILE
from ..models.discovery import Model
from ..run_settings import DEFAULTS, RunSettings
from ..text.escape import visible
from .folders import LONGEST_REQUEST, Run


def request_for(model: Model, settings: RunSettings = DEFAULTS, *, cluster: str | None = None) -> RunRequest:
    """The request for a run of `model`, with its own cluster or with `cluster`.

    Raises InputError for a model with a problem, and for a cluster or a setting that is not allowed.
    """
    if model.problem is not None:
        raise InputError(model.problem)
    chosen = run_settings.checked_cluster(model.cluster if cluster is None else cluster)
    if chosen == "mask" and model.cluster_file is None:
        raise InputError(f"There is no {CLUSTER_FILE} beside {visible(str(model.weights))}.")
    if chosen.startswith("file:"):
        named = os.path.expanduser(chosen.removeprefix("file:"))
        chosen = f"file:{os.path.abspath(named)}"  # the engine may have another working directory
    request = RunRequest(
        model=model.name,
        weights=str(model.weights),
        tensor=model.tensor,
        cluster=chosen,
        cluster_file=str(model.cluster_file) if model.cluster_file is not None and chosen == "mask" else None,
        tokenizer=str(model.tokenizer) if model.tokenizer is not None else None,
        matrix=model.matrix,
        head=model.head,
        settings=run_settings.checked(settings),
    )
    try:
        return msgspec.json.decode(msgspec.json.encode(request), type=RunRequest)  # checked as the engine reads it
    except UnicodeEncodeError:  # arguments and file names need not be valid text
        raise InputError(f"{visible(chosen, 60)} or {visible(str(model.weights), 60)} is not UTF-8.") from None
    except msgspec.ValidationError:
        long = visible(max(model.tensor, chosen, key=len), 60)
        raise InputError(f"{long} is longer than {LONGEST_WORDS:,} characters.") from None


def request_of(run: Run) -> RunRequest:
    """The request of `run`. Raises RunError where it cannot be read."""
    try:
        return msgspec.json.decode(upgraded(read_regular(run.request, LONGEST_REQUEST)), type=RunRequest)
    except OSError as error:
        raise RunError(f"{run.request} cannot be read: {error.strerror}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RunError(f"{run.request} is not a run's request: {error}.") from error


def rows_of(request: RunRequest) -> tuple[str, str, str, str | None]:
    """A key that is equal for requests of the same rows: the weights, the tensor, the cluster and the mask."""
    mask = os.path.abspath(request.cluster_file) if request.cluster_file else None
    return os.path.abspath(request.weights), request.tensor, request.cluster, mask
