"""Checks of arguments that several functions of this package share."""

import numbers

import numpy as np


def check_integer(name, value, minimum):
    """Returns `value` as an `int`, or says what is wrong with it.

    Args:
        name: String, the argument's name in the message.
        value: The argument.
        minimum: Integer, the smallest value allowed.

    Returns:
        `value` as a Python `int`.

    Raises:
        ValueError: If `value` is not an integer of at least `minimum`.
    """
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < minimum:
        raise ValueError(
            f"`{name}` must be an integer of at least {minimum}. "
            f"Received: {name}={value!r}"
        )
    return int(value)


def check_unit_range(name, x):
    """Returns `x` as float32, or says why it is no data in [0, 1].

    Args:
        name: String, the argument's name in the message.
        x: Array of booleans or floats.

    Returns:
        float32 array of the shape of `x`.

    Raises:
        ValueError: If `x` is empty, of another dtype, or has values outside
            [0, 1] (NaN included).
    """
    x = np.asarray(x)
    if x.dtype != bool and not np.issubdtype(x.dtype, np.floating):
        raise ValueError(
            f"`{name}` must be an array of floats in [0, 1] (divide uint8 by 255). "
            f"Received: {name} of dtype {x.dtype}"
        )
    if x.size == 0:
        raise ValueError(
            f"`{name}` must not be empty. Received: {name} of shape {x.shape}"
        )
    lowest, highest = x.min(), x.max()
    if not (lowest >= 0 and highest <= 1):  # False for NaN too
        raise ValueError(
            f"`{name}` must lie in [0, 1]. "
            f"Received: {name} with values in [{lowest}, {highest}]"
        )
    return x.astype("float32", copy=False)
