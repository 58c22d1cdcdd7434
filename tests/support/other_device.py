"""A device that no machine need have: its tensors are the CPU's underneath, and as strict as a real one's.

There is no float64 on it, and nothing on it meets a tensor of the CPU unless torch allows that. Its name, "lazy",
is one that torch knows and that it needs no driver for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

DEVICE = torch.device("lazy", 0)
_CROSSING = {"_to_copy", "copy_", "_copy_from"}
_OF_UNKNOWN_LENGTH = {
    "nonzero",
    "masked_select",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "bincount",
    "equal",
}
_WITH_INDICES_FROM_ANYWHERE = {"index", "index_put", "index_put_", "_index_put_impl_"}


class OnDevice(torch.Tensor):
    """A tensor of the device; `inner` holds its numbers."""

    inner: torch.Tensor  # type: ignore[assignment]

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "OnDevice":
        if inner.dtype == torch.float64:
            raise TypeError("The device has no float64.")
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, inner.stride(), inner.storage_offset(), dtype=inner.dtype, device=DEVICE
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        return _carried_out(func, args, kwargs or {})


class Present(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """`with Present():` the device is there. `products` counts the matrix products that it carried out, and
    `waits`, by its name, each operation for which the host waits until the device has done all it was asked for.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.products = 0
        self.waits = Counter[str]()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        name = func.overloadpacket.__name__
        if _waits(name, args, kwargs or {}):
            self.waits[name] += 1
        found = _carried_out(func, args, kwargs or {})
        self.products += name == "mm" and isinstance(args[0], OnDevice)
        return found


def _waits(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether the host waits for the device: where numbers cross, and where how many there are depends on them."""
    if not any(isinstance(tensor, OnDevice) for tensor in _tensors([*args, *kwargs.values()])):
        return name == "_to_copy" and _is_there(kwargs.get("device"))
    if name == "_to_copy":
        return kwargs.get("device") is not None and not _is_there(kwargs["device"])
    if name == "copy_":
        return isinstance(args[0], OnDevice) != isinstance(args[1], OnDevice)
    if name in _WITH_INDICES_FROM_ANYWHERE:
        indices = [at for at in args[1] if at is not None]
        return any(at.dtype in (torch.bool, torch.uint8) or not isinstance(at, OnDevice) for at in indices)
    return name in _OF_UNKNOWN_LENGTH or name == "_local_scalar_dense"


def _is_there(device: Any) -> bool:
    return device is not None and torch.device(device).type == DEVICE.type


def _carried_out(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    name = func.overloadpacket.__name__
    tensors = list(_tensors([*args, *kwargs.values()]))
    ours = [tensor for tensor in tensors if isinstance(tensor, OnDevice)]
    there = kwargs.get("device")
    to_device = bool(ours) if there is None else torch.device(there).type == DEVICE.type
    if name == "copy_":
        to_device = isinstance(args[0], OnDevice)
    if ours and name not in _CROSSING:
        checked = tensors[:1] if name in _WITH_INDICES_FROM_ANYWHERE else tensors
        strangers = [one for one in checked if not isinstance(one, OnDevice) and one.dim()]
        if strangers:
            raise RuntimeError(f"{name}: expected all tensors to be on the same device.")
    if name == "_local_scalar_dense":
        to_device = False
    inner = tree_map(lambda one: one.inner if isinstance(one, OnDevice) else one, (args, dict(kwargs)))
    if there is not None and to_device:
        inner[1]["device"] = torch.device("cpu")
    found = func(*inner[0], **inner[1])
    known = {id(tensor.inner): tensor for tensor in ours}
    return tree_map(_wrapped(known), found) if to_device else found


def _wrapped(known: dict[int, OnDevice]) -> Callable[[Any], Any]:
    """What an operation returned, as the device has it: a tensor that it was given and wrote into is itself."""

    def wrap(found: Any) -> Any:
        if not isinstance(found, torch.Tensor) or isinstance(found, OnDevice):
            return found
        return known.get(id(found)) if id(found) in known else OnDevice(found)

    return wrap


def _tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
