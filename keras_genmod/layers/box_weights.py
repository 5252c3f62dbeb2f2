"""Linear weights between the pixels of an image and those of a box in it.

Boxes are parallel to the axes, so that reading and painting are products of one matrix
an axis: the same on every backend, without gathers, with gradients for the boxes.
"""

from typing import Any

from keras import ops

_SMALLEST = 1e-4  # width of a box, of the image, that positions are divided by


def reading_weights(low: Any, high: Any, size: int, length: int) -> Any:
    """Returns what each of `size` pixels of a box takes of an axis of an image.

    Pixel k reads at low + (k + 1/2) (high - low) / size, linearly between the two
    nearest centres of pixels of the image, at the border the outermost one.

    Args:
        low: Float32 tensor `(...)`, where the box begins, in [0, 1] of the axis.
        high: The same, where it ends.
        size: Int, pixels of the box.
        length: Int, pixels of the image.

    Returns:
        Float32 tensor `(..., size, length)`; rows sum to 1.
    """
    places = (ops.arange(size, dtype="float32") + 0.5) / size
    at = low[..., None] + places * (high - low)[..., None]  # (..., size)
    return _hats(at * length - 0.5, length)


def painting_weights(low: Any, high: Any, length: int, size: int) -> Any:
    """Returns what each of `length` pixels of an image gets of an axis of a box.

    A pixel gets the share of it that the box covers, times the box's content at the
    pixel's centre, linearly between pixels of the box: the columns of a box of ones sum
    to `length * (high - low)`, whatever pixels it cuts.

    Args:
        low: Float32 tensor `(...)`, where the box begins, in [0, 1] of the axis.
        high: The same, where it ends.
        length: Int, pixels of the image.
        size: Int, pixels of the box.

    Returns:
        Float32 tensor `(..., length, size)`.
    """
    pixels = ops.arange(length, dtype="float32")
    low, high = low[..., None] * length, high[..., None] * length
    covered = ops.minimum(high, pixels + 1) - ops.maximum(low, pixels)
    covered = ops.clip(covered, 0.0, 1.0)  # (..., length)
    width = ops.maximum(high - low, _SMALLEST * length)
    at = (pixels + 0.5 - low) / width * size - 0.5
    return covered[..., None] * _hats(at, size)


def _hats(at, length):
    """Returns weights of linear interpolation at positions `(..., n)`."""
    at = ops.clip(at, 0.0, length - 1.0)[..., None]
    distance = ops.abs(at - ops.arange(length, dtype="float32"))
    return ops.maximum(1.0 - distance, 0.0)  # (..., n, length)
