"""Binary images from grey ones, once and for all."""

import numpy as np
from numpy.typing import ArrayLike

from keras_genmod import checks


def binarize(x: ArrayLike, method: str, seed: int | None = None) -> np.ndarray:
    """Binarizes data in [0, 1].

    `"threshold"` gives `x >= 0.5`. `"static"` draws each value once from
    Bernoulli(x), always the same for the same seed. Log-likelihoods on the two,
    and on `DynamicBinarization`, are different numbers: never compare them.

    Args:
        x: Array of floats in [0, 1], of any shape.
        method: `"threshold"` or `"static"`.
        seed: Integer in [0, 2**32), the seed of the draw. Required by
            `"static"`, refused by `"threshold"`.

    Returns:
        float32 array of the shape of `x`, each value 0 or 1.

    Raises:
        ValueError: If an argument is out of its range, or `seed` does not go with
            `method`.

    Note:
        The static draw is not the fixed binarized MNIST file of Larochelle and
        Murray (AISTATS 2011), which came from another generator.

    References:
        - Salakhutdinov and Murray, "On the quantitative analysis of deep belief
          networks", ICML 2008.

    Example:
        ```python
        x, y = keras_genmod.data.load("digits", "train")
        binary = keras_genmod.data.binarize(x, "static", seed=0)
        ```
    """
    x = checks.unit_floats("x", x)
    if not isinstance(method, str) or method not in ("threshold", "static"):
        raise ValueError(
            '`method` must be "threshold" or "static" (for a fresh draw every epoch '
            f"use `DynamicBinarization`). Received: method={method!r}"
        )
    if method == "threshold":
        if seed is not None:
            raise ValueError(
                '`seed` must be None for method="threshold", which draws nothing. '
                f"Received: seed={seed!r}"
            )
        return (x >= 0.5).astype("float32")
    seed = checks.required_seed("seed", seed)
    # RandomState's stream is frozen across NumPy versions: the same file forever.
    uniform = np.random.RandomState(seed).random_sample(x.shape)
    return (uniform < x).astype("float32")
