"""Lab's a and b in bins, of those that a screen shows."""

import functools
from typing import Any

import numpy as np
from keras import ops

from keras_genmod.colors import exact_lab

_STEPS = 256  # on each side of the cube of RGB colours: 8 bits


@functools.cache
def bin_centres(bin_size: float) -> np.ndarray:
    """Returns the centres (a, b) of all bins that hold a colour of sRGB.

    Centres are multiples of the size, and a colour is of the nearest one.

    Args:
        bin_size: Positive number, a bin's side in Lab.

    Returns:
        Float32 array `(num_bins, 2)`, ordered by a, then b.
    """
    # What lies within the cube has the a and b of something on its faces.
    ramp = np.linspace(0.0, 1.0, _STEPS)
    plane = np.stack(np.meshgrid(ramp, ramp), axis=-1).reshape(-1, 2)
    faces = [
        np.insert(plane, axis, end, axis=1) for axis in range(3) for end in (0.0, 1.0)
    ]
    # In float64: all backends must find the same bins.
    found = [np.round(exact_lab(face)[:, 1:] / bin_size) for face in faces]
    bins = np.unique(np.concatenate(found) + 0.0, axis=0)  # 0 instead of -0
    return (bins * bin_size).astype("float32")


def soft_encoding(ab: Any, centres: Any, num_neighbours: int, deviation: float) -> Any:
    """Returns weights of the nearest bins, by a normal density of their distance.

    Args:
        ab: Float32 tensor `(..., 2)`.
        centres: Float32 tensor `(num_bins, 2)`.
        num_neighbours: Int, bins that are not 0.
        deviation: Standard deviation, in the unit of Lab.

    Returns:
        Float32 tensor `(..., num_bins)` that sums to 1.
    """
    squares = ops.sum(ops.square(ab[..., None, :] - centres), axis=-1)
    nearest, places = ops.top_k(-squares, num_neighbours)  # (..., num_neighbours)
    # Keras' softmax warns of a single neighbour.
    weights = ops.exp((nearest - nearest[..., :1]) / (2.0 * deviation**2))
    weights = weights / ops.sum(weights, axis=-1, keepdims=True)
    encoded = ops.zeros_like(squares)
    for i in range(num_neighbours):
        row = ops.one_hot(places[..., i], centres.shape[0], dtype="float32")
        encoded = encoded + weights[..., i : i + 1] * row
    return encoded
