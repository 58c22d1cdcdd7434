"""Converts the rows that a caller of the library passes into a plain tensor of exactly the same numbers.

No number is rounded: an array whose numbers float64 cannot represent is refused, and so is one that does not hold
plain numbers (sparse, quantized or masked).
"""

import operator
import warnings
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..device import float64_device
from ..errors import InputError

_BLOCK: Final = 1 << 20  # numbers checked at once
_Array = np.ndarray[Any, Any]


def checked(rows: Any) -> Tensor:
    """Rows (n, d) as a dense tensor, float32 or float64, finite, n >= 2, d >= 1.

    It takes tensors and numpy arrays of floats or integers, with any byte order and strides, lists of lists of
    numbers, and objects that numpy converts to such arrays. Float32 and float64 numbers are not copied if torch
    can read them in place; 16-bit and 8-bit floats become float32; integers, floats wider than float64 and
    Python's own numbers become float64, which must represent them exactly. The result is detached from autograd.
    Raises InputError, in one sentence that says what is wrong.
    """
    x = _tensor(rows, "rows")
    if x.ndim != 2:
        raise InputError(f"rows have shape {tuple(x.shape)}: they must be (n, d) floats, a row for each point.")
    n, d = x.shape
    if n < 2 or d < 1:
        raise InputError(f"rows have shape {(n, d)}: a pair needs two rows, and a distance one column.")
    height = max(1, _BLOCK // d)
    for start in range(0, n, height):
        block = x[start : start + height]
        if bool(torch.stack(block.aminmax()).isfinite().all()):  # aminmax propagates NaN and needs no copy
            continue
        finite = block.isfinite().all(dim=1)
        if not bool(finite.all()):
            raise InputError(f"row {start + int(finite.to(torch.uint8).argmin())} holds a NaN or an infinity.")
    return x


def checked_point(point: Any, d: int, name: str) -> Tensor:
    """A point (d,) in the rows' space, finite, as float64 on the CPU, from anything that `checked` takes; errors
    call it `name`.

    Raises InputError as that does.
    """
    x = _tensor(point, name)
    if tuple(x.shape) != (d,):
        raise InputError(
            f"{name} has shape {tuple(x.shape)}: it must be ({d},), one number for each column of rows."
        )
    if not bool(x.isfinite().all()):
        raise InputError(f"{name} holds a NaN or an infinity.")
    return x.to("cpu").to(torch.float64)


def whole_number(value: Any, name: str) -> int:
    """A count as an int. Raises InputError where it is not a whole number; True and False are not."""
    if isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} is {value}: it must be a whole number.")
    try:
        return operator.index(value)
    except (TypeError, ValueError, RuntimeError):
        shown = repr(value)
        raise InputError(
            f"{name} is {shown if len(shown) < 40 else type(value).__name__}: it must be a whole number."
        ) from None


def _tensor(given: Any, name: str) -> Tensor:
    if not isinstance(given, Tensor):
        return _from_array(_array(given, name), name)
    if given.is_quantized:
        raise InputError(f"{name} are quantized: give what {name}.dequantize() makes of them.")
    if given.is_nested or given.layout != torch.strided:
        kind = "nested" if given.is_nested else str(given.layout).removeprefix("torch.")
        raise InputError(f"{name} are a tensor of layout {kind}: give a dense one (for a sparse one, to_dense()).")
    if given.device.type == "meta":
        raise InputError(f"{name} are a tensor on the meta device, which holds no numbers.")
    if given.dtype in (torch.float32, torch.float64):
        return given.detach().as_subclass(Tensor).resolve_neg()
    if given.dtype.is_floating_point:
        try:
            return given.detach().as_subclass(Tensor).resolve_neg().to(torch.float32)
        except (RuntimeError, NotImplementedError):
            raise InputError(
                f"{name} have dtype {given.dtype}, of which torch makes no float32: convert them first."
            ) from None
    if given.dtype.is_complex or given.dtype == torch.bool:
        raise _not_numbers(name, tuple(given.shape), str(given.dtype))
    try:
        whole = given.detach().as_subclass(Tensor).cpu().numpy()
    except (RuntimeError, TypeError):
        raise _not_numbers(name, tuple(given.shape), str(given.dtype)) from None
    return _from_array(whole, name).to(float64_device(given.device))


def _array(given: Any, name: str) -> _Array:
    """The array that numpy makes of what is `given`."""
    parts = given if isinstance(given, (list, tuple)) else (given,)
    if any(isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part) for part in parts):
        raise InputError(f"{name} are masked in places: leave out the rows that are, or fill them.")
    if isinstance(given, np.ma.MaskedArray):
        given = given.data
    if type(given).__module__.partition(".")[0] == "scipy":
        raise InputError(f"{name} are a sparse array: give a dense one, as {name}.toarray() makes it.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = np.asarray(given)
        if isinstance(found, np.ma.MaskedArray):
            return _array(found, name)
    except InputError:
        raise
    except Exception as error:
        words = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{name} cannot be read as an array (n, d) of floats: {words.rstrip('.')}.") from None
    return found


def _from_array(array: _Array, name: str) -> Tensor:
    """An array as a tensor of float32 or float64, without a copy where torch can read it in place."""
    kind, width = array.dtype.kind, array.dtype.itemsize
    if kind in "iu":
        array = _whole(array, name)
    elif kind == "O":
        array = _of_objects(array, name)
    elif kind == "f" and width > 8:
        array = _unrounded(array, name)
    elif (kind == "f" and width == 2) or ("float" in array.dtype.name and width <= 2):
        array = array.astype(np.float32)  # the second kind is ml_dtypes': bfloat16 and floats of 8 bits
    elif kind != "f":
        raise _not_numbers(name, array.shape, array.dtype.name)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if any(stride < 0 or stride % array.itemsize for stride in array.strides) or not array.flags.aligned:
        array = np.array(array, order="C")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the array may be read-only; it is never written to
        return torch.from_numpy(array)


def _whole(array: _Array, name: str) -> _Array:
    """Integers in float64. Their upper and lower 32 bits are exact there, and so is the sum if nothing is lost."""
    high = (array >> 32 if array.itemsize == 8 else np.zeros_like(array)).astype(np.float64) * 2.0**32
    low = (array & 0xFFFFFFFF if array.itemsize == 8 else array).astype(np.float64)
    found = high + low
    if bool(((found - high) != low).any()):
        raise _rounded(name, array)
    return np.asarray(found)


def _of_objects(array: _Array, name: str) -> _Array:
    """Python's own numbers (float, int, Fraction, Decimal, …) in float64."""
    if any(isinstance(number, (str, bytes, bool, np.bool_, type(None))) for number in array.flat):
        raise _not_numbers(name, array.shape, "object")
    try:
        return _unrounded(array, name)
    except (TypeError, ValueError, ArithmeticError):
        raise _not_numbers(name, array.shape, "object") from None


def _unrounded(array: _Array, name: str) -> _Array:
    """The numbers of `array` in float64, which must represent them; comparing with them rounds neither side."""
    with np.errstate(all="ignore"):
        found = array.astype(np.float64)
    if not bool(np.all((found == array) | ((found != found) & (array != array)))):
        raise _rounded(name, array)
    return found


def _rounded(name: str, array: _Array) -> InputError:
    return InputError(
        f"{name} of dtype {array.dtype.name} hold numbers that float64 would round: round them to float64 first."
    )


def _not_numbers(name: str, shape: tuple[int, ...], dtype: str) -> InputError:
    return InputError(
        f"{name} have shape {shape} and dtype {dtype}: they must be (n, d) floats; convert them first."
    )


Rows = Tensor | NDArray[np.floating]
