"""Images of one size from images of another."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from keras_genmod import checks

_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def resize(
    x: ArrayLike, size: int | tuple[int, int], method: str = "bilinear"
) -> np.ndarray:
    """Resizes images by interpolation with antialiasing.

    When an image shrinks, the filter widens with the scale, so that each output pixel
    averages all the input pixels it covers. Values stay floats: no rounding to 8 bits
    on the way.

    Args:
        x: Array of floats of shape `(num_images, height, width, channels)`.
        size: Integer, or pair of integers `(height, width)`.
        method: "bilinear", or "bicubic" with a = -0.5, by which papers on
            super-resolution make small images and a floor for large ones.

    Returns:
        float32 array of shape `(num_images, *size, channels)`, with values between
        the smallest and the largest of `x`.

    Raises:
        ValueError: If `x` is no such array, `size` is not positive, or there is no such
            method.

    Example:
        ```python
        x, y = keras_genmod.data.load("digits", "train")
        x = keras_genmod.data.resize(x, 16)  # (1437, 16, 16, 1)
        ```
    """
    x = checks.numeric("x", x)
    if x.ndim != 4 or x.size == 0 or not np.issubdtype(x.dtype, np.floating):
        raise ValueError(
            "`x` must be floats of shape (num_images, height, width, channels). "
            f"Received: x of shape {x.shape} and dtype {x.dtype}"
        )
    height, width = _height_and_width(size)
    chosen = _FILTERS[checks.choice("method", method, _FILTERS)]
    num_images, _, _, channels = x.shape
    resized = np.empty((num_images, height, width, channels), "float32")
    for i in range(num_images):
        for channel in range(channels):
            plane = Image.fromarray(np.float32(x[i, :, :, channel]))  # PIL's mode F
            plane = plane.resize((width, height), chosen)
            resized[i, :, :, channel] = np.asarray(plane)
    # The weights sum to 1 up to rounding only; bicubic ones are negative in part.
    return np.clip(resized, np.float32(x.min()), np.float32(x.max()))


def _height_and_width(size: Any) -> tuple[int, int]:
    pair = (size, size) if not isinstance(size, (tuple, list)) else tuple(size)
    if len(pair) != 2:
        raise ValueError(
            "`size` must be an integer or a pair (height, width). "
            f"Received: size={size!r}"
        )
    height, width = (checks.positive_int("size", side) for side in pair)
    return height, width
