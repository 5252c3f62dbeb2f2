"""Checks of features, which several metrics share."""

from typing import Any

import numpy as np

from keras_genmod import checks


def check_features(name: str, x: Any, minimum: int = 1) -> np.ndarray:
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
    x = checks.real_numbers(name, x)
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


def check_pair(
    real: Any, fake: Any, minimum: int = 1, names: tuple[str, str] = ("real", "fake")
) -> tuple[np.ndarray, np.ndarray]:
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
    check_same_width(names[1], real.shape[1], fake.shape[1], f"`{names[0]}`")
    return real, fake


def check_same_width(
    name: str, expected: int, received: int, other: str = "the other set"
) -> None:
    """Raises unless two sets have features of one dimension.

    Args:
        name: String, the second set's name in the message.
        expected: Integer, the first set's number of features.
        received: Integer, the second set's number of features.
        other: String, what the first set is called.

    Raises:
        ValueError: If they differ.
    """
    if expected != received:
        raise ValueError(
            f"`{name}` must have {expected} features a sample, as {other}. "
            f"Received: {received}"
        )
