"""From data to latents and back, for any model that has the way."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from keras import ops

from keras_genmod import checks


def encode(model: Any, x: Any, condition: Any = None) -> np.ndarray:
    """Returns the latents of data.

    Args:
        model: Model with `encode(x)`: `VAE`, `Autoencoder`, `NormalizingFlow`.
        x: Array of shape `(n, *data_shape)`.
        condition: What a conditional model is told, `(n, ...)`, or one for all: class
            labels, vectors, captions, or a dict of arrays, each of them so.

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
    checks.array("x", x)
    if len(x.shape) == 0:
        raise ValueError(
            "`x` must have the shape (n, *data_shape). Received: x.shape=()"
        )
    condition = for_each(model, condition, len(x), len(x))
    z = _call(model.encode, x, condition)
    return z.reshape(len(z), -1)  # those of a flow may have the shape of images


def decode(model: Any, z: Any, condition: Any = None) -> np.ndarray:
    """Returns the data of latents, of whatever `interpolate` or `traverse` returns.

    Args:
        model: Model with `decode(z)`: `VAE`, `Autoencoder`, `NormalizingFlow`, `GAN`,
            `WGAN`, `WGANGP`, `TextGAN`.
        z: Array of shape `(n, ..., latent_dim)`.
        condition: What a conditional model is told, `(n, ...)`, or one for all: class
            labels, vectors, captions, or a dict of arrays, each of them so.

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
    condition = for_each(model, condition, len(z), len(rows))
    data = _call(model.decode, rows, condition)
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


def for_each(model: Any, condition: Any, num_given: int, num_rows: int) -> Any:
    """Returns a condition a row, from one for all or one for each of `num_given`.

    Args:
        model: Model that takes such conditions; its `condition_shape` is that of one.
        condition: As `decode` takes it.
        num_given: Int.
        num_rows: Int, a multiple of it; rows that belong together follow one another.

    Raises:
        ValueError: If it is neither one nor `num_given`.
    """
    if condition is None:
        return None
    shape = getattr(model, "condition_shape", ())
    if isinstance(condition, Mapping):
        shapes = shape if isinstance(shape, Mapping) else {}
        ranks = {name: len(one) for name, one in shapes.items()}
        return {  # the model names what it does not know
            name: _rows(values, ranks.get(name), num_given, num_rows)
            for name, values in condition.items()
        }
    rank = len(shape) if isinstance(shape, tuple) else 0
    return _rows(condition, rank, num_given, num_rows)


def _rows(values: Any, rank: int | None, num_given: int, num_rows: int) -> np.ndarray:
    """Returns `num_rows` conditions of `rank` axes each, or strings."""
    if isinstance(values, (str, list, tuple)):
        values = np.asarray(values)  # strings stay such
    values = checks.as_numpy(values, "condition")
    if values.ndim == (0 if values.dtype.kind == "U" else rank):
        return np.repeat(values[None], num_rows, axis=0)
    if values.ndim == 0 or len(values) != num_given:
        raise ValueError(
            f"`condition` must be one for all, or {num_given}, one for each row. "
            f"Received: condition.shape={values.shape}"
        )
    return np.repeat(values, num_rows // num_given, axis=0)


def _call(method: Callable, x: Any, condition: Any) -> np.ndarray:
    result = method(x) if condition is None else method(x, condition)
    return np.asarray(ops.convert_to_numpy(result), "float32")
