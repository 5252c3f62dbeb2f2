"""Checks of arguments that several metrics share."""

import numbers

import numpy as np


def check_integer(name, value, minimum, maximum=None, why=""):
    """Returns `value` as an `int`, or says what is wrong with it.

    Args:
        name: String, the argument's name in the message.
        value: The argument.
        minimum: Integer, the smallest value allowed.
        maximum: Integer, the largest value allowed, or `None`.
        why: String, what the maximum is, for the message.

    Returns:
        `value` as a Python `int`.

    Raises:
        ValueError: If `value` is not an integer within these bounds.
    """
    is_integer = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not is_integer or value < minimum:
        raise ValueError(
            f"`{name}` must be an integer of at least {minimum}. "
            f"Received: {name}={value!r}"
        )
    if maximum is not None and value > maximum:
        raise ValueError(
            f"`{name}` must be at most {maximum}, {why}. Received: {name}={value!r}"
        )
    return int(value)


def check_features(name, x, minimum=1):
    """Returns `x` as a matrix of finite floats, or says what is wrong with it.

    Args:
        name: String, the argument's name in the message.
        x: Array of shape `(num_samples, num_features)`.
        minimum: Integer, the fewest samples allowed.

    Returns:
        Array of shape `(num_samples, num_features)`: float32 and float64 stay as they
        are, anything else becomes float64.

    Raises:
        ValueError: If the shape, the dtype or a value is none of features.
    """
    x = check_numbers(name, x)
    if x.ndim != 2 or x.shape[1] == 0:
        raise ValueError(
            f"`{name}` must have the shape (num_samples, num_features). "
            f"Received: {name} of shape {x.shape}"
        )
    if len(x) < minimum:
        raise ValueError(
            f"`{name}` must have at least {minimum} samples. "
            f"Received: {name} of shape {x.shape}"
        )
    return x


def check_numbers(name, x):
    """Returns `x` as an array of finite floats of any shape.

    Args:
        name: String, the argument's name in the message.
        x: Array of numbers.

    Returns:
        Array: float32 and float64 stay as they are, anything else becomes float64.

    Raises:
        ValueError: If `x` holds something else than finite numbers.
    """
    x = np.asarray(x)
    if x.dtype not in (np.float32, np.float64):
        try:
            x = x.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"`{name}` must hold numbers. Received: {name} of dtype {x.dtype}"
            ) from error
    bad = x.size - np.count_nonzero(np.isfinite(x))
    if bad:
        raise ValueError(
            f"`{name}` must be finite. Received: {name} with {bad} NaN or infinite "
            f"of {x.size} values"
        )
    return x


def check_pair(real, fake, minimum=1, names=("real", "fake")):
    """Returns two matrices of features with one number of columns.

    Args:
        real: Array of shape `(num_real, num_features)`.
        fake: Array of shape `(num_fake, num_features)`.
        minimum: Integer, the fewest samples allowed in each.
        names: The arguments' names in the messages.

    Returns:
        The two arrays, as `check_features` returns them.

    Raises:
        ValueError: If one is not a matrix of features, or the widths differ.
    """
    real = check_features(names[0], real, minimum)
    fake = check_features(names[1], fake, minimum)
    check_same_width(names[1], real.shape[1], fake.shape[1])
    return real, fake


def check_same_width(name, expected, received):
    """Raises unless two sets have features of one dimension.

    Args:
        name: String, the second set's name in the message.
        expected: Integer, the first set's number of features.
        received: Integer, the second set's number of features.

    Raises:
        ValueError: If they differ.
    """
    if expected != received:
        raise ValueError(
            f"`{name}` must have {expected} features a sample, as the other set. "
            f"Received: {received}"
        )
