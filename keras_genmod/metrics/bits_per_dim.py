"""Nats an example to bits a dimension."""

import math

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks


def bits_per_dim(nats: ArrayLike, num_dims: int) -> float | np.ndarray:
    r"""Converts nats an example to bits a dimension.

        bits_per_dim = nats / (num_dims ln 2)

    Args:
        nats: Float or array, *negative* log-likelihoods in nats (negate a `log_prob`),
            of data in the units that the number is quoted for. A density of images
            scaled from {0, ..., 255} to [0, 1] lies `num_dims ln 256` nats away from
            that of the unscaled ones.
        num_dims: Integer, dimensions of an example, such as 28 * 28 or 32 * 32 * 3.

    Returns:
        Float for a number, float64 array of the same shape for an array. Lower is
        better.

    Raises:
        ValueError: If `nats` is not finite or `num_dims` no positive integer.

    References:
        Theis, van den Oord and Bethge, 2016, "A note on the evaluation of generative
        models", arXiv:1511.01844.

    Example:
        ```python
        bits_per_dim(-model.log_prob(x_test), 28 * 28)
        ```
    """
    num_dims = checks.integer("num_dims", num_dims, 1)
    bits = checks.real_numbers("nats", nats).astype(np.float64) / (
        num_dims * math.log(2.0)
    )
    return float(bits) if bits.ndim == 0 else bits
