"""How many nats a general compressor needs for an image."""

import io
import math
from typing import Any

import numpy as np
from PIL import Image

from keras_genmod import checks


def input_complexity(images: Any, num_levels: int = 256) -> np.ndarray:
    """Length of each image as a PNG file, in nats: L(x) = 8 ln(2) bytes.

    PNG is lossless: line filters and zlib's deflate, here at the highest setting. Two
    levels are stored in one bit a pixel, more in eight. The length holds the file's
    header, the same for all images of one shape. It is deterministic for one build of
    Pillow and zlib.

    Args:
        images: Array of shape `(n, height, width)` or `(n, height, width, channels)`
            with 1 or 3 channels, values k / (num_levels - 1) in [0, 1].
        num_levels: Integer in 2 to 256; 2 for binary images.

    Returns:
        float64 array of shape `(n,)`, in nats.

    Raises:
        ValueError: If `images` are none, or do not lie on the levels.

    References:
        Serra et al., "Input complexity and out-of-distribution detection with
        likelihood-based generative models", 2019, arXiv:1909.11480.

    Example:
        ```python
        evaluation.input_complexity(np.zeros((1, 28, 28)), num_levels=2)
        ```
    """
    num_levels = checks.integer("num_levels", num_levels, 2, 256, "one byte a value")
    images = checks.real_numbers("images", images)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 and not (images.ndim == 4 and images.shape[-1] == 3):
        raise ValueError(
            "`images` must have shape (n, height, width) or (n, height, width, "
            f"channels) with 1 or 3 channels. Received: shape {images.shape}"
        )
    checks.levels("images", images, num_levels)
    sizes = [_png_bytes(np.rint(x * (num_levels - 1)), num_levels) for x in images]
    return np.array(sizes) * 8 * math.log(2)


def _png_bytes(levels: np.ndarray, num_levels: int) -> int:
    buffer = io.BytesIO()
    if num_levels == 2 and levels.ndim == 2:
        picture = Image.fromarray(levels.astype(bool))
    else:
        picture = Image.fromarray(levels.astype("uint8"))
    picture.save(buffer, format="PNG", optimize=True)
    return len(buffer.getvalue())
