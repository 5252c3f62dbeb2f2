"""Sweeps along single latents."""

import numbers
from collections.abc import Iterable
from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.latents.arrays import as_latents


def traverse(z: Any, dimensions: int | Iterable[int], values: Any) -> np.ndarray:
    """Returns latents of which one dimension at a time takes given values.

    `result[i, j, k]` is `z[i]` with `values[k]` in place of its entry `dimensions[j]`.

    Args:
        z: Array of shape `(n, latent_dim)`, where the sweeps start.
        dimensions: Sequence of integers in [0, latent_dim), or one integer.
        values: Array of shape `(num_values,)`, in units of the latents: from -3 to 3
            under a prior N(0, I).

    Returns:
        Float32 array of shape `(n, num_dimensions, num_values, latent_dim)`.

    Raises:
        ValueError: If a shape, a dimension or a value is not as above.

    References:
        Higgins et al., 2017, "beta-VAE: learning basic visual concepts with a
        constrained variational framework", ICLR.

    Example:
        ```python
        z = keras_genmod.latents.encode(model, x[:1])
        sweeps = keras_genmod.latents.traverse(z, range(4), np.linspace(-3, 3, 9))
        images = keras_genmod.latents.decode(model, sweeps)  # (1, 4, 9, 28, 28, 1)
        ```
    """
    z = as_latents("z", z)
    dimensions = check_dimensions(dimensions, z.shape[1])
    values = check_values(values)
    shape = (len(z), len(dimensions), len(values), z.shape[1])
    result = np.broadcast_to(z[:, None, None], shape).astype("float32")
    for row, dimension in enumerate(dimensions):
        result[:, row, :, dimension] = values
    return result


def check_values(values: Any) -> np.ndarray:
    """Returns the values of a sweep; raises a `ValueError` for all else."""
    values = checks.real_numbers("values", values)
    if values.ndim != 1 or not len(values):
        raise ValueError(
            "`values` must have the shape (num_values,). "
            f"Received: values.shape={values.shape}"
        )
    return values


def check_dimensions(
    dimensions: int | Iterable[int], latent_dim: int | None = None
) -> np.ndarray:
    """Returns what `traverse` takes as an array of integers.

    Args:
        dimensions: As `traverse` takes them.
        latent_dim: Positive integer, or `None` where nobody knows it yet.

    Raises:
        ValueError: If they are something else.
    """
    if isinstance(dimensions, numbers.Integral):
        dimensions = [int(dimensions)]
    found = checks.numeric("dimensions", checks.items("dimensions", dimensions))
    is_integer = found.ndim == 1 and found.dtype.kind in "iu"
    largest = checks.LARGEST_INT if latent_dim is None else latent_dim - 1
    if not is_integer or found.min(initial=0) < 0 or found.max(initial=0) > largest:
        raise ValueError(
            f"`dimensions` must be integers from 0 to {largest}. "
            f"Received: dimensions={found.tolist()}"
        )
    return found
