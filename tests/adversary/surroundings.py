"""What a caller may have set in torch: none of it may change an answer, and none of it may be changed.

Within `surrounded(name)` the settings are in force, and a thread watches those that all threads share; what the
search has changed, seen from there or afterwards, is in the list that it gives.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, Final

import torch
from adversary.subject import search
from farpair.engine.run_settings import RunSettings

SURROUNDINGS = (
    "plain",
    "autocast",
    "autocast-float16",
    "medium",
    "high",
    "older-and-newer-settings",
    "default-float64",
    "default-float16",
    "default-meta",
    "flush",
    "deterministic",
    "inference",
    "one-thread",
    "anomaly",
    "another-search",
    "flipping",
)


def shared_settings() -> dict[str, object]:
    """The settings that all threads of the process share."""
    newer = getattr(torch.backends.mkldnn, "matmul", None)
    found: dict[str, object] = {
        "default dtype": torch.get_default_dtype(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "cuda products": torch.backends.cuda.matmul.fp32_precision if newer else None,
        "cpu products": newer.fp32_precision if newer else None,
        "threads": torch.get_num_threads(),
        "mkldnn": torch.backends.mkldnn.enabled,
    }
    try:
        found["float32 products"] = torch.get_float32_matmul_precision()
    except RuntimeError:  # settings of both kinds are mixed
        found["float32 products"] = None
    return found


def own_settings() -> dict[str, object]:
    """The settings that each thread has for itself."""
    return {
        "autocast": torch.is_autocast_enabled("cpu"),
        "autocast dtype": torch.get_autocast_dtype("cpu"),
        "inference": torch.is_inference_mode_enabled(),
        "gradients": torch.is_grad_enabled(),
        "anomaly": torch.is_anomaly_enabled(),
        "default device": str(torch.get_default_device()),
        "flush to zero": bool((torch.full((1,), 2.0**-140, device="cpu") * 1.0 == 0).item()),
    }


@contextmanager
def surrounded(name: str) -> Iterator[list[str]]:
    """The caller's settings called `name`, and what was found to have changed in them: empty until the end."""
    changed: list[str] = []
    if name == "plain":
        yield changed
        return
    with ExitStack() as stack:
        _enter(name, stack)
        if name == "flipping":
            yield changed
            return
        before, own = shared_settings(), own_settings()
        seen: dict[str, object] = {}
        with _in_a_thread(lambda: seen.update(_differences(before, shared_settings()))):
            yield changed
        changed += [f"another thread saw {what} become {value}" for what, value in seen.items()]
        now = shared_settings() | own_settings()
        changed += [f"{what} was left as {value}" for what, value in _differences(before | own, now).items()]


def untouched(steps: Iterator[object]) -> Iterator[object]:
    """The steps of a search, after each of which the caller's settings are what they were."""
    before = own_settings()
    for step in steps:
        changed = _differences(before, own_settings())
        if changed:
            raise AssertionError(f"between two events the caller sees {changed}")
        yield step


def _differences(before: dict[str, object], now: dict[str, object]) -> dict[str, object]:
    return {what: now[what] for what, value in before.items() if now[what] != value}


def _enter(name: str, stack: ExitStack) -> None:
    if name not in _SURROUNDINGS:
        raise ValueError(f"there are no surroundings called {name}")
    stack.enter_context(_SURROUNDINGS[name]())


@contextmanager
def _called(call: Callable[[Any], object], value: object, before: object) -> Iterator[None]:
    """With a setting of torch's that is set by a call."""
    call(value)
    try:
        yield
    finally:
        call(before)


@contextmanager
def _older_and_newer_settings() -> Iterator[None]:
    matmul = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    cuda = torch.backends.cuda.matmul
    before = matmul.fp32_precision, cuda.fp32_precision
    matmul.fp32_precision, cuda.fp32_precision = "bf16", "tf32"
    try:
        yield
    finally:
        matmul.fp32_precision, cuda.fp32_precision = before


def _precision(name: str) -> AbstractContextManager[None]:
    return _called(torch.set_float32_matmul_precision, name, torch.get_float32_matmul_precision())


@contextmanager
def _another_search() -> Iterator[None]:
    other = torch.randn(700, 40, generator=torch.Generator().manual_seed(1))
    with _precision("high"), _in_a_thread(lambda: _finish(other)):
        yield


@contextmanager
def _flipping() -> Iterator[None]:
    with _precision(torch.get_float32_matmul_precision()), _in_a_thread(_flip):
        yield


def _finish(rows: torch.Tensor) -> None:
    for _ in search(rows, RunSettings(batch=50, precision="tf32")):
        pass


def _flip() -> None:
    for word in ("medium", "highest", "high", "highest"):
        torch.set_float32_matmul_precision(word)


@contextmanager
def _in_a_thread(step: Callable[[], object]) -> Iterator[None]:
    """Take a step again and again in another thread."""
    going = True

    def work() -> None:
        while going:
            step()
            time.sleep(1e-5)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        going = False
        thread.join()


_SURROUNDINGS: Final[Mapping[str, Callable[[], AbstractContextManager[object]]]] = {
    "autocast": lambda: torch.autocast("cpu"),
    "autocast-float16": lambda: torch.autocast("cpu", dtype=torch.float16),
    "medium": lambda: _precision("medium"),
    "high": lambda: _precision("high"),
    "older-and-newer-settings": _older_and_newer_settings,
    "default-float64": lambda: _called(torch.set_default_dtype, torch.float64, torch.get_default_dtype()),
    "default-float16": lambda: _called(torch.set_default_dtype, torch.float16, torch.get_default_dtype()),
    "default-meta": lambda: _called(torch.set_default_device, "meta", None),
    "flush": lambda: _called(torch.set_flush_denormal, True, False),
    "deterministic": lambda: _called(
        torch.use_deterministic_algorithms, True, torch.are_deterministic_algorithms_enabled()
    ),
    "inference": lambda: torch.inference_mode(),
    "one-thread": lambda: _called(torch.set_num_threads, 1, torch.get_num_threads()),
    "anomaly": lambda: torch.autograd.set_detect_anomaly(True, check_nan=True),
    "another-search": _another_search,
    "flipping": _flipping,
}
