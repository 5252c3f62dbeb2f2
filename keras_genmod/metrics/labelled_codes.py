"""Codes with the factors that made their data, for metrics of disentanglement."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks


def check_codes(codes: ArrayLike, factors: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns codes as float64 `(n, latents)` and factors as ints `(n, factors)`.

    Values of each factor are numbered from 0.

    Raises:
        ValueError: If shapes do not fit, a code is not finite, or a factor is not whole
            or has one value only.
    """
    codes = checks.real_numbers("codes", codes).astype("float64")
    found = checks.numeric("factors", factors)
    if codes.ndim != 2 or found.ndim != 2 or len(codes) != len(found):
        raise ValueError(
            "`codes` and `factors` must have shapes (n, num_latents) and "
            f"(n, num_factors). Received: {codes.shape} and {found.shape}"
        )
    if not np.all(found == np.round(found)):
        raise ValueError(
            "`factors` must be whole numbers, which name the values of each factor. "
            f"Received values such as {found[found != np.round(found)][0]}"
        )
    numbered = [np.unique(column, return_inverse=True)[1] for column in found.T]
    for k, column in enumerate(numbered):
        if len(column) == 0 or column.max() == 0:
            raise ValueError(
                "`factors` must each take two values or more: leave out a constant "
                f"one. Received: factor {k} with one value"
            )
    return codes, np.stack(numbered, axis=1).astype("int64")


def classifiers() -> Any:
    """Imports scikit-learn, whose classifiers some metrics train.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        import sklearn.ensemble
        import sklearn.linear_model
    except ImportError as error:
        raise ImportError(
            "This metric trains classifiers of scikit-learn: pip install scikit-learn"
        ) from error
    return sklearn


def halves(number: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns indices of two halves at random: to train on, and to test."""
    order = np.random.RandomState(seed).permutation(number)
    return order[: number // 2], order[number // 2 :]


def partners(values: np.ndarray, first: np.ndarray, generator: Any) -> np.ndarray:
    """Returns for each index another one, at random, of the same value.

    Args:
        values: Ints `(n,)`, one factor of all examples.
        first: Indices `(m,)` of examples.
        generator: `numpy.random.RandomState`.
    """
    order = np.argsort(values, kind="stable")
    starts = np.searchsorted(values[order], np.arange(values.max() + 2))
    low, high = starts[values[first]], starts[values[first] + 1]
    return order[low + (generator.random_sample(len(first)) * (high - low)).astype(int)]
