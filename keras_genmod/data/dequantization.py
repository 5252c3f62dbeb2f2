"""Continuous data from discrete levels."""

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks


def dequantize(
    x: ArrayLike, num_levels: int = 256, seed: int | None = None
) -> np.ndarray:
    """Adds uniform noise inside each level, so that a density is well defined.

    A discrete value `x = k / (num_levels - 1)` becomes

    `(k + u) / num_levels`, `u ~ Uniform[0, 1)`.

    A log-density of the result, in nats per example, minus
    `dimensions * log(num_levels)` is a lower bound of the discrete log-likelihood.

    Args:
        x: Array of floats in [0, 1], each one of the levels
            `k / (num_levels - 1)`, of any shape.
        num_levels: Integer of at least 2, the number of levels.
        seed: Integer of at least 0, or None for fresh noise at each call.

    Returns:
        float32 array of the shape of `x`, in [0, 1).

    Raises:
        ValueError: If an argument is out of its range, or `x` does not lie on the
            levels.

    References:
        - Theis, van den Oord and Bethge, "A note on the evaluation of generative
          models", 2016, arXiv:1511.01844.

    Example:
        ```python
        x, _ = keras_genmod.data.load("digits", "train")  # 17 grey levels
        x = keras_genmod.data.dequantize(x, num_levels=17, seed=0)
        ```
    """
    x = checks.unit_floats("x", x)
    num_levels = checks.integer("num_levels", num_levels, minimum=2)
    if seed is not None:
        seed = checks.integer("seed", seed, minimum=0)
    checks.levels("x", x, num_levels)
    k = np.rint(x * np.float32(num_levels - 1))
    noise = np.random.default_rng(seed).random(x.shape, dtype="float32")
    levels_count = np.float32(num_levels)
    # Rounding may not carry a value into the next level, nor to 1.
    ceiling = np.nextafter((k + 1) / levels_count, np.float32(0))
    return np.minimum((k + noise) / levels_count, ceiling)
