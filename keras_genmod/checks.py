"""Checks of what users hand over, with messages that say the way out.

A check of an argument returns it as the package keeps it: NumPy's integers become
`int`, lists become tuples. Keras is imported for tensors alone: metrics run without it.
"""

import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

LARGEST_INT = 2**31 - 1  # of sizes, counts and steps, which backends keep in int32
LARGEST_SEED = 2**32 - 1

_REAL = ("bool", "int", "uint", "float", "bfloat")  # dtypes of all backends

_BLOCK = 2**20  # values that are looked at in one go

# Numbers.


def integer(
    name: str, value: Any, minimum: int = 0, maximum: int = LARGEST_INT, why: str = ""
) -> int:
    """Returns `value` as an `int`.

    Args:
        name: The argument's name in the message.
        value: A Python or NumPy integer; no bool, no float.
        minimum: The smallest value allowed.
        maximum: The largest value allowed.
        why: What the maximum is, for the message.

    Raises:
        ValueError: If `value` is not an integer within these bounds.
    """
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < minimum:
        names = {0: "a non-negative int", 1: "a positive int"}
        kind = names.get(minimum, f"an int of at least {minimum}")
        raise ValueError(f"`{name}` must be {kind}. Received: {name}={value!r}")
    if value > maximum:
        reason = f", {why}" if why else ""
        raise ValueError(
            f"`{name}` must be at most {maximum}{reason}. Received: {name}={value!r}"
        )
    return int(value)


def positive_int(name: str, value: Any) -> int:
    """Returns `value` as an `int`; raises a `ValueError` unless it is at least 1."""
    return integer(name, value, minimum=1)


def seed(name: str, value: Any) -> int | None:
    """Returns a seed as an `int`, or `None`; raises a `ValueError` for all else."""
    if value is None:
        return None
    return integer(name, value, 0, LARGEST_SEED, "32 bits")


def non_negative(name: str, value: Any) -> float:
    """Returns a finite number; raises a `ValueError` unless it is at least 0."""
    if not _is_finite_number(value) or value < 0:
        raise ValueError(
            f"`{name}` must be a number of at least 0. Received: {name}={value!r}"
        )
    return value


def positive(name: str, value: Any) -> float:
    """Returns a finite number; raises a `ValueError` unless it is above 0."""
    if not _is_finite_number(value) or value <= 0:
        raise ValueError(
            f"`{name}` must be a finite number above 0. Received: {name}={value!r}"
        )
    return value


def fraction(name: str, value: Any) -> float:
    """Returns a number; raises a `ValueError` unless it lies in [0, 1]."""
    if not _is_finite_number(value) or not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` must be a number in [0, 1]. Received: {name}={value!r}"
        )
    return value


def _is_finite_number(value: Any) -> bool:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return is_number and bool(np.isfinite(value))


def choice(name: str, value: Any, choices) -> Any:
    """Returns `value`; raises a `ValueError` unless it is one of `choices`."""
    # Arrays compare element by element, unhashable values not at all with a set.
    if not isinstance(value, (str, int, type(None))) or value not in list(choices):
        known = sorted(map(repr, choices))
        raise ValueError(
            f"`{name}` must be one of {', '.join(known)}. Received: {name}={value!r}"
        )
    return value


def sizes(
    name: str, value: Any, rank: int | None = None, may_be_empty: bool = False
) -> tuple[int, ...]:
    """Returns a shape without the batch, or a list of sizes, as a tuple of ints.

    Args:
        name: The argument's name in the message.
        value: Tuple or list of positive integers.
        rank: How many they must be; any number if `None`.
        may_be_empty: Whether there may be none.

    Raises:
        ValueError: If `value` is anything else.
    """
    try:
        if not isinstance(value, (tuple, list)) or not (value or may_be_empty):
            raise ValueError
        if rank is not None and len(value) != rank:
            raise ValueError
        return tuple(positive_int(name, size) for size in value)
    except ValueError:
        kind = "a tuple of " if may_be_empty else "a non-empty tuple of "
        kind = kind if rank is None else f"a tuple of {rank} "
        raise ValueError(
            f"`{name}` must be {kind}positive ints. Received: {name}={value!r}"
        ) from None


# Arrays. NumPy's, or tensors of the running backend.


def is_array(x: Any) -> bool:
    """Whether `x` is a NumPy array or a tensor whose values are known now."""
    if isinstance(x, np.ndarray):
        return True
    from keras import ops

    return ops.is_tensor(x)


def as_numpy(x: Any, name: str = "x") -> np.ndarray:
    """Returns an array or a tensor of any device as NumPy.

    Raises:
        ValueError: If it is masked, or holds complex numbers or dates.
    """
    if isinstance(x, np.ndarray):
        return x if x.dtype.kind in "OSU" else _unmasked(name, x)
    from keras import ops

    return np.asarray(ops.convert_to_numpy(x))


def numeric(name: str, x: Any) -> np.ndarray:
    """Returns `x` as an array of booleans, integers or floats of any kind.

    Raises:
        ValueError: If `x` is masked, or holds complex numbers, dates, text or objects.
    """
    return _unmasked(name, np.asanyarray(x))


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
        raise ValueError(
            f"`{name}` must lie in [0, 1]; divide pixels of 0 to 255 by 255. "
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
    for block in _blocks(as_numpy(x, name)):
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
