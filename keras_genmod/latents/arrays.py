"""Latents as arrays on the host."""

from typing import Any

import numpy as np
from keras import ops

from keras_genmod.metrics.features import check_features


def as_latents(name: str, z: Any) -> np.ndarray:
    """Returns latents as a float64 matrix, or says what is wrong with them.

    Args:
        name: String, the argument's name in the message.
        z: Array or tensor of shape `(n, latent_dim)`.

    Returns:
        float64 array of shape `(n, latent_dim)`.

    Raises:
        ValueError: If the shape is another one, or a value is not finite.
    """
    z = ops.convert_to_numpy(z) if ops.is_tensor(z) else z
    return check_features(name, z).astype(np.float64)
