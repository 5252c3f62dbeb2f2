"""A model's numbers for each example, in batches of one size."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops, tree

from keras_genmod import checks
from keras_genmod.progress import shown


def examples(
    x: Any, condition: Any, data_shape: tuple[int, ...], name: str = "data"
) -> tuple[np.ndarray, Any]:
    """Returns data and condition as arrays, checked.

    Args:
        x: Array or tensor of shape `(n, *data_shape)`.
        condition: Array of `n` conditions, one condition for all, a dict of arrays
            with `n` rows, or `None`.
        data_shape: Tuple, the shape of one example.
        name: What the data are called in a message.

    Raises:
        ValueError: If there is no example, or a shape is another one.
    """
    if not hasattr(x, "shape"):
        raise ValueError(
            f"`{name}` must be an array of shape (n, *{tuple(data_shape)}); binarize "
            "or dequantize it once (keras_genmod.data), so that each model sees the "
            f"same examples. Received: {type(x).__name__}"
        )
    x = checks.as_numpy(x, name)
    if x.ndim == 0 or len(x) == 0 or x.shape[1:] != tuple(data_shape):
        raise ValueError(
            f"`{name}` must have shape (n, *{tuple(data_shape)}), n at least 1. "
            f"Received: shape {x.shape}"
        )
    if condition is None:
        return x, None
    if isinstance(condition, (list, tuple)):
        condition = checks.as_numpy(condition, "condition")
    return x, tree.map_structure(lambda c: one_each(c, len(x)), condition)


def one_each(condition: Any, num_examples: int) -> np.ndarray:
    """Returns a condition for each example; raises a `ValueError` for another number.

    Args:
        condition: Array of shape `(num_examples, ...)`, or a number for all.
        num_examples: Positive int.
    """
    condition = checks.as_numpy(condition, "condition")
    if condition.ndim == 0:
        condition = np.full(num_examples, condition)
    if len(condition) != num_examples:
        raise ValueError(
            f"`condition` must hold one condition for each of the {num_examples} "
            f"examples. Received: {len(condition)}"
        )
    return condition


def in_batches(
    function: Callable,
    x: np.ndarray,
    condition: Any,
    batch_size: int,
    verbose: int = 0,
) -> np.ndarray:
    """Applies a function to batches of one size, so that it is compiled once.

    Args:
        function: Callable of a batch of data, its conditions (or `None`) and the
            batch's number that returns a number for each example.
        x: Array of shape `(n, ...)`.
        condition: Array of shape `(n, ...)`, a dict of them, or `None`.
        batch_size: Positive int; the last batch is filled up with the last example.
        verbose: 0 shows nothing, 1 a bar, 2 a line at the end.

    Returns:
        float64 array of shape `(n,)`.
    """
    size = min(batch_size, len(x))
    found = []
    for number, start in enumerate(shown(range(0, len(x), size), verbose)):
        rows = np.minimum(np.arange(start, start + size), len(x) - 1)
        given = tree.map_structure(functools.partial(rows_of, rows), condition)
        values = ops.convert_to_numpy(function(x[rows], given, number))
        found.append(values.astype("float64")[: len(x) - start])
    return np.concatenate(found)


def rows_of(rows: np.ndarray, x: np.ndarray | None) -> np.ndarray | None:
    """Returns these rows of an array, and `None` for `None`."""
    return None if x is None else x[rows]
