"""Checks of numbers, shapes, choices and all else that is no array."""

import math
import numbers
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

LARGEST_INT = 2**31 - 1  # of sizes, counts and steps, which backends keep in int32
LARGEST_SEED = 2**32 - 1
_LARGEST_ARRAY_INT = 2**63 - 1

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
    return None if value is None else required_seed(name, value)


def required_seed(name: str, value: Any) -> int:
    """Returns a seed as an `int`; raises a `ValueError` for all else."""
    return integer(name, value, 0, LARGEST_SEED, "32 bits")


def non_negative(name: str, value: Any) -> float:
    """Returns a finite number; raises a `ValueError` unless it is at least 0."""
    if not _is_finite_number(value) or value < 0:
        raise ValueError(
            f"`{name}` must be a number of at least 0. Received: {name}={value!r}"
        )
    return _number(value)


def positive(name: str, value: Any) -> float:
    """Returns a finite number; raises a `ValueError` unless it is above 0."""
    if not _is_finite_number(value) or value <= 0:
        raise ValueError(
            f"`{name}` must be a finite number above 0. Received: {name}={value!r}"
        )
    return _number(value)


def fraction(name: str, value: Any) -> float:
    """Returns a number; raises a `ValueError` unless it lies in [0, 1]."""
    if not _is_finite_number(value) or not 0 <= value <= 1:
        raise ValueError(
            f"`{name}` must be a number in [0, 1]. Received: {name}={value!r}"
        )
    return value


def _number(value: Any) -> Any:
    # Arrays keep larger ints as objects, which nothing can be computed with.
    is_int = isinstance(value, numbers.Integral)
    return float(value) if is_int and abs(int(value)) > _LARGEST_ARRAY_INT else value


def _is_finite_number(value: Any) -> bool:
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    try:
        return is_number and math.isfinite(value)
    except OverflowError:  # an int beyond all floats
        return False


# What is no number.


def boolean(name: str, value: Any) -> bool:
    """Returns a `bool`; raises a `ValueError` unless it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"`{name}` must be True or False. Received: {name}={value!r}")
    return bool(value)


def text(name: str, value: Any) -> str:
    """Returns `value`; raises a `ValueError` unless it is a string."""
    if not isinstance(value, str):
        raise ValueError(f"`{name}` must be a string. Received: {name}={value!r}")
    return value


def path(name: str, value: Any) -> str:
    """Returns a path as a string; raises a `ValueError` for all that is none."""
    if not isinstance(value, (str, os.PathLike)):
        raise ValueError(f"`{name}` must be a path. Received: {name}={value!r}")
    return os.fspath(value)


def items(name: str, value: Any) -> list:
    """Returns the items of a sequence; raises a `ValueError` for what has none."""
    try:
        if isinstance(value, Mapping):
            raise TypeError
        return list(value)
    except TypeError as error:  # a 0-d array says so late
        raise ValueError(
            f"`{name}` must be a sequence. Received: {name}={value!r}"
        ) from error


def function(name: str, value: Any) -> Callable:
    """Returns `value`; raises a `ValueError` unless it can be called."""
    if not callable(value):
        raise ValueError(f"`{name}` must be a function. Received: {name}={value!r}")
    return value


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
