"""Paths between latents."""

from typing import Any

import numpy as np

from keras_genmod import checks
from keras_genmod.latents.arrays import as_latents

KINDS = ("linear", "spherical")
_SMALLEST_ANGLE = 1e-6  # radians; nearer to 0 or pi the great circle is not defined


def interpolate(
    start: Any, stop: Any, num_steps: int, kind: str = "linear"
) -> np.ndarray:
    r"""Returns latents on paths from one set of latents to another.

    With t = 0, 1 / (num_steps - 1), ..., 1 and the angle w between a and b,

        linear:     (1 - t) a + t b
        spherical:  sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b

    A draw from N(0, I) of d dimensions lies close to the sphere of radius sqrt(d); a
    linear path between two of them leaves it, a spherical one stays: for equal norms
    the norm is constant.

    Args:
        start: Array of shape `(n, latent_dim)`.
        stop: Array of shape `(n, latent_dim)`.
        num_steps: Integer of at least 2, latents on a path, both ends included.
        kind: "linear" or "spherical".

    Returns:
        Float32 array of shape `(n, num_steps, latent_dim)`; the ends are `start` and
        `stop`.

    Raises:
        ValueError: If a shape, a value or a name is not as above.

    References:
        White, 2016, "Sampling generative networks", arXiv:1609.04468.

    Note:
        Where a and b are parallel, or one of them is zero, the spherical path is the
        linear one. So it is where they are opposite: no great circle is the shortest
        there, and the linear path through zero is taken.

    Example:
        ```python
        first, last = keras_genmod.latents.encode(model, x[:8]).reshape(2, 4, -1)
        path = keras_genmod.latents.interpolate(first, last, 10, kind="spherical")
        images = keras_genmod.latents.decode(model, path)  # (4, 10, 28, 28, 1)
        ```
    """
    start, stop = as_latents("start", start), as_latents("stop", stop)
    if start.shape != stop.shape:
        raise ValueError(
            "`start` and `stop` must have the same shape. Received: "
            f"start.shape={start.shape}, stop.shape={stop.shape}"
        )
    num_steps = checks.integer("num_steps", num_steps, 2)
    checks.choice("kind", kind, KINDS)
    t = np.linspace(0.0, 1.0, num_steps)[:, None]  # (num_steps, 1)
    if kind == "spherical":
        first, last = _spherical_weights(start, stop, t)
    else:
        first, last = np.broadcast_to(1 - t, (len(start), num_steps, 1)), t
    path = first * start[:, None] + last * stop[:, None]
    return path.astype("float32")


def _spherical_weights(
    start: np.ndarray, stop: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the weights of both ends, each `(n, num_steps, 1)`."""
    a, b = _directions(start), _directions(stop)
    # Exact at all angles, where the arc cosine is not.
    angle = 2 * np.arctan2(_norms(a - b), _norms(a + b))  # (n, 1)
    is_zero = (_norms(a) == 0) | (_norms(b) == 0)
    is_line = is_zero | (np.sin(angle) < _SMALLEST_ANGLE)
    angle, is_line = np.where(is_line, 1.0, angle)[..., None], is_line[..., None]
    first, last = (np.sin(s * angle) / np.sin(angle) for s in (1 - t, t))
    return np.where(is_line, 1 - t, first), np.where(is_line, t, last)


def _norms(z: np.ndarray) -> np.ndarray:
    return np.linalg.norm(z, axis=1, keepdims=True)


def _directions(z: np.ndarray) -> np.ndarray:
    norms = _norms(z)
    return z / np.where(norms == 0, 1, norms)
