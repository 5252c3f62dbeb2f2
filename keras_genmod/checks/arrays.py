"""Checks of arrays: NumPy's, or tensors of the running backend.

Keras is imported for tensors alone: metrics run without it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

_REAL = ("bool", "int", "uint", "float", "bfloat")  # dtypes of all backends

_BLOCK = 2**20  # values that are looked at in one go


def is_array(x: Any) -> bool:
    """Whether `x` is a NumPy array or a tensor whose values are known now."""
    if isinstance(x, np.ndarray):
        return True
    from keras import ops

    return ops.is_tensor(x)


def as_numpy(x: Any, name: str = "x") -> np.ndarray:
    """Returns an array or a tensor of any device as NumPy.

    Raises:
        ValueError: If it is none, is masked, or holds complex numbers or dates.
    """
    if not isinstance(x, np.ndarray):
        from keras import ops

        x = _array_of(name, x, ops.convert_to_numpy)
    if x.dtype.kind in "SU" or (x.dtype.kind == "O" and x.ndim):
        return x
    return _unmasked(name, x)


def numeric(name: str, x: Any) -> np.ndarray:
    """Returns `x` as an array of booleans, integers or floats of any kind.

    Raises:
        ValueError: If `x` is masked, or holds complex numbers, dates, text or objects.
    """
    return _unmasked(name, _array_of(name, x, np.asanyarray))


def _array_of(name: str, x: Any, convert: Callable) -> np.ndarray:
    try:
        return np.asanyarray(convert(x))
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be an array. "
            f"Received: {name} of type {type(x).__name__} ({error})"
        ) from error


def float32(name: str, x: Any) -> Any:
    """Returns numbers as a float32 tensor; raises a `ValueError` for all else."""
    from keras import ops

    if is_array(x):
        array(name, x)
        return ops.cast(x, "float32")
    try:
        return ops.cast(x, "float32")
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must be a tensor of real numbers. "
            f"Received: {name} of type {type(x).__name__} ({error})"
        ) from error


def _unmasked(name: str, x: np.ndarray) -> np.ndarray:
    # NumPy drops masks and imaginary parts, and takes dates for numbers.
    if not np.can_cast(x.dtype, np.float64, "same_kind"):
        raise ValueError(
            f"`{name}` must hold real numbers. Received: {name} of dtype {x.dtype}"
        )
    if np.ma.is_masked(x):
        raise ValueError(
            f"`{name}` must not be masked: leave the masked examples out, or fill them "
            f"in. Received: {name} with {np.ma.count_masked(x)} masked of {x.size} "
            "values"
        )
    return np.asarray(x)


def examples(name: str, x: Any) -> np.ndarray:
    """Returns an array or tensor `(n, ...)` of numbers as NumPy.

    Raises:
        ValueError: If it holds something else than numbers, or no example.
    """
    x = numeric(name, as_numpy(x, name))
    if not x.ndim or not len(x):
        raise ValueError(
            f"`{name}` must hold examples. Received: an array of shape {x.shape}"
        )
    return x


def real_numbers(name: str, x: Any) -> np.ndarray:
    """Returns `x` as an array of finite floats, float32 or else float64.

    Raises:
        ValueError: If `x` holds something else than finite numbers, or is masked.
    """
    x = numeric(name, x)
    if x.dtype not in (np.float32, np.float64):
        x = x.astype(np.float64)
    bad = x.size - np.count_nonzero(np.isfinite(x))
    if bad:
        raise ValueError(
            f"`{name}` must be finite. Received: {name} with {bad} NaN or infinite "
            f"of {x.size} values"
        )
    return x


def array(name: str, x: Any) -> None:
    """Raises a `ValueError` unless `x` is an array or a tensor of real numbers."""
    if not is_array(x):
        raise ValueError(
            f"`{name}` must be a NumPy array or a tensor of Keras' running backend; "
            f"`numpy.asarray` makes one. Received: {name} of type {type(x).__name__}"
        )
    if isinstance(x, np.ndarray):
        _unmasked(name, x)
    elif not getattr(x.dtype, "name", str(x.dtype)).split(".")[-1].startswith(_REAL):
        raise ValueError(
            f"`{name}` must hold real numbers. Received: {name} of dtype {x.dtype}"
        )


def shape(name: str, x: Any, data_shape) -> None:
    """Raises a `ValueError` unless `x` is an array `(batch, *data_shape)`."""
    array(name, x)
    static_shape(name, x, data_shape)


def static_shape(name: str, x: Any, data_shape) -> None:
    """Raises a `ValueError` where a tensor's shape is known, and does not fit."""
    if getattr(x.shape, "rank", 0) is None:  # TensorFlow knows not even the rank
        return
    received = tuple(x.shape)
    fits = len(received) == len(data_shape) + 1 and all(
        size == expected or size is None or expected is None
        for size, expected in zip(received[1:], data_shape, strict=True)
    )
    if not fits:
        expected = ", ".join(["batch", *map(str, data_shape)])
        expected += "," if len(data_shape) == 0 else ""
        raise ValueError(
            f"`{name}` must have shape ({expected}). Received: {name}.shape={received}"
        )


def unit_floats(name: str, x: Any) -> np.ndarray:
    """Returns booleans or floats in [0, 1] as float32.

    Raises:
        ValueError: If `x` is empty, of another dtype, or has values outside
            [0, 1] (NaN included), or masked ones.
    """
    x = numeric(name, x)
    if x.dtype != bool and not np.issubdtype(x.dtype, np.floating):
        raise ValueError(
            f"`{name}` must be an array of floats in [0, 1] (divide uint8 by 255). "
            f"Received: {name} of dtype {x.dtype}"
        )
    if x.size == 0:
        raise ValueError(
            f"`{name}` must not be empty. Received: {name} of shape {x.shape}"
        )
    unit_range(name, x)
    return x.astype("float32", copy=False)


def unit_range(name: str, x: Any) -> None:
    """Raises a `ValueError` unless all values lie in [0, 1]."""
    x = as_numpy(x, name)
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        way_out = "divide pixels of 0 to 255 by 255"
        if x.min() >= -1 and x.max() <= 1:
            way_out = "pixels of [-1, 1] are brought there by (x + 1) / 2"
        raise ValueError(
            f"`{name}` must lie in [0, 1]; {way_out}. "
            f"Received: {name} with values from {x.min()} to {x.max()}"
        )


def value_range(name: str, x: Any, low: float, high: float) -> None:
    """Raises a `ValueError` unless all values lie in [low, high]."""
    if np.isinf((low, high)).all():
        return
    x = as_numpy(x, name)
    if x.size and not (x.min() >= low and x.max() <= high):
        raise ValueError(
            f"`{name}` must lie in [{low:g}, {high:g}], where the model has a density. "
            f"Received values from {x.min()} to {x.max()}"
        )


def level_tolerance(num_levels: int) -> float:
    """Returns how far, in steps, a float32 value may lie from k / (num_levels - 1)."""
    # float32 keeps it to 2**-24, and some values are products.
    return max(1e-3, (num_levels - 1) * 2.0**-22)


def levels(name: str, x: Any, num_levels: int) -> None:
    """Raises a `ValueError` unless all values are k / (num_levels - 1)."""
    unit_range(name, x)
    worst = 0.0
    for block in _blocks(np.atleast_1d(as_numpy(x, name))):
        scaled = block.astype("float64") * (num_levels - 1)
        worst = max(worst, float(np.abs(scaled - np.round(scaled)).max(initial=0.0)))
    if worst > level_tolerance(num_levels):
        raise ValueError(
            f"`{name}` must hold the values k / {num_levels - 1} of "
            f"num_levels={num_levels}, k an int. Received values up to "
            f"{worst:.3g} steps away; quantize, or binarize for two levels "
            "(keras_genmod.data.binarize)."
        )


def _blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    """Yields all examples, so many at a time that copies stay small."""
    count = max(1, _BLOCK // max(1, x[:1].size))
    for start in range(0, len(x), count):
        yield x[start : start + count]


def broadcast(name: str, x: Any, full_shape) -> np.ndarray:
    """Returns `x` with a batch axis; raises a `ValueError` unless its shape fits."""
    x = as_numpy(x, name)
    if x.shape not in (tuple(full_shape), tuple(full_shape[1:])):
        raise ValueError(
            f"`{name}` must have shape {tuple(full_shape)} or {tuple(full_shape[1:])}. "
            f"Received: {name}.shape={x.shape}"
        )
    return np.broadcast_to(x, full_shape)
