"""From data to latents and back, for any model that has the way."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks


def encode(model: Any, x: Any, condition: Any = None) -> np.ndarray:
    """Returns the latents of data.

    Args:
        model: Model with `encode(x)`: `VAE`, `Autoencoder`, `NormalizingFlow`.
        x: Array of shape `(n, *data_shape)`.
        condition: Class labels `(n,)`, or one for all, of a conditional model.

    Returns:
        Float32 array of shape `(n, latent_dim)`, whatever the shape of the model's own
        latents.

    Raises:
        ValueError: If the model has no latents of data, or the data do not fit it.

    Example:
        ```python
        z = keras_genmod.latents.encode(model, x)
        ```
    """
    _check_way(model, "encode", condition, "an encoder: VAE, Autoencoder, a flow")
    condition = _for_each(condition, len(x), len(x))
    z = _call(model.encode, x, condition)
    return z.reshape(len(z), -1)  # those of a flow may have the shape of images


def decode(model: Any, z: Any, condition: Any = None) -> np.ndarray:
    """Returns the data of latents, of whatever `interpolate` or `traverse` returns.

    Args:
        model: Model with `decode(z)`: `VAE`, `Autoencoder`, `NormalizingFlow`, `GAN`,
            `WGAN`, `WGANGP`.
        z: Array of shape `(n, ..., latent_dim)`.
        condition: Class labels `(n,)`, or one for all, of a conditional model.

    Returns:
        Float32 array of shape `(n, ..., *data_shape)`.

    Raises:
        ValueError: If the model makes no data of latents, or the latents do not fit it
            or are not finite.

    Example:
        ```python
        path = keras_genmod.latents.interpolate(z[:4], z[4:8], 10)
        images = keras_genmod.latents.decode(model, path)  # (4, 10, 28, 28, 1)
        ```
    """
    _check_way(
        model, "decode", condition, "a decoder or generator: VAE, Autoencoder, GAN, ..."
    )
    z = checks.real_numbers("z", ops.convert_to_numpy(z) if ops.is_tensor(z) else z)
    if z.ndim < 2 or not z.size:
        raise ValueError(
            f"`z` must have the shape (n, ..., latent_dim). Received: z.shape={z.shape}"
        )
    rows = z.reshape(-1, z.shape[-1]).astype("float32")
    shape = getattr(model, "latent_shape", rows.shape[1:])
    if math.prod(shape) == rows.shape[1]:  # if not, the model says so
        rows = rows.reshape(-1, *shape)
    data = _call(model.decode, rows, _for_each(condition, len(z), len(rows)))
    return data.reshape(*z.shape[:-1], *data.shape[1:])


def _check_way(model: Any, method: str, condition: Any, needed: str) -> None:
    # An RBM encodes to hidden units, and nothing leads back from there but chance.
    if not (hasattr(model, method) and hasattr(model, "decode")):
        raise ValueError(
            f"`model` must have `{method}`, that is, {needed}. "
            f"Received: {type(model).__name__}"
        )
    if condition is not None and not getattr(model, "is_conditional", False):
        raise ValueError(
            f"`condition` must be None: this {type(model).__name__} is not "
            f"conditional. Received: condition={condition!r}"
        )


def _for_each(condition: Any, num_given: int, num_rows: int) -> np.ndarray | None:
    """Returns one label a row, from one for all or one for each of `num_given`."""
    if condition is None:
        return None
    condition = checks.as_numpy(condition, "condition")
    if condition.ndim == 0:
        return np.full(num_rows, condition)
    if len(condition) != num_given:
        raise ValueError(
            f"`condition` must be one label, or {num_given}, one for each row. "
            f"Received: condition.shape={condition.shape}"
        )
    return condition.reshape(num_given).repeat(num_rows // num_given)


def _call(method: Callable, x: Any, condition: np.ndarray | None) -> np.ndarray:
    result = method(x) if condition is None else method(x, condition)
    return np.asarray(ops.convert_to_numpy(result), "float32")
