"""Differentiable changes of images in [0, 1], each with draws for every image.

Factors are of shape `(batch, 1, 1, 1)`; the images' middle, grey, is 0.5.
"""

import math

from keras import ops

GREY = 0.5


def saturated(x, factor):
    """Scales the distance of each pixel's channels from their mean."""
    mean = ops.mean(x, axis=-1, keepdims=True)
    return mean + factor * (x - mean)


def contrasted(x, factor):
    """Scales the distance of an image from its mean."""
    mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
    return mean + factor * (x - mean)


def luma_flipped(x):
    """Mirrors the mean of each pixel's channels at grey; keeps their differences."""
    return x - 2.0 * (ops.mean(x, axis=-1, keepdims=True) - GREY)


def hue_rotated(x, angle):
    """Turns the colours of RGB images about the grey axis, by radians."""
    mean = ops.mean(x, axis=-1, keepdims=True)
    # The cross product of (1, 1, 1) / sqrt(3) and the pixel
    crossed = (ops.roll(x, 1, axis=-1) - ops.roll(x, -1, axis=-1)) / math.sqrt(3.0)
    return mean + ops.cos(angle) * (x - mean) + ops.sin(angle) * crossed


def shifted(x, down, right, limit):
    """Moves images by whole pixels; grey comes in at the borders.

    Args:
        x: Images `(batch, height, width, channels)`.
        down: Integer tensor `(batch,)` in [-limit[0], limit[0]].
        right: Integer tensor `(batch,)` in [-limit[1], limit[1]].
        limit: Pair of ints.
    """
    _, height, width, _ = x.shape
    both = [(size, size) for size in limit]
    x = ops.pad(x, ((0, 0), *both, (0, 0)), constant_values=GREY)
    rows = ops.arange(height, dtype="int32") + limit[0] - ops.reshape(down, (-1, 1))
    columns = ops.arange(width, dtype="int32") + limit[1] - ops.reshape(right, (-1, 1))
    x = ops.take_along_axis(x, ops.reshape(rows, (-1, height, 1, 1)), axis=1)
    return ops.take_along_axis(x, ops.reshape(columns, (-1, 1, width, 1)), axis=2)


def cut_out(x, row, column, sides):
    """Makes a rectangle grey, cut off where it leaves the image.

    Args:
        x: Images `(batch, height, width, channels)`.
        row: Integer tensor `(batch,)`, the first row; may be negative.
        column: The same of columns.
        sides: Pair of ints, its height and width.
    """
    inside = True
    for axis, start in ((1, row), (2, column)):
        shape = [1, 1, 1, 1]
        shape[axis] = x.shape[axis]
        place = ops.reshape(ops.arange(x.shape[axis], dtype="int32"), shape)
        start = ops.reshape(start, (-1, 1, 1, 1))
        within = ops.logical_and(place >= start, place < start + sides[axis - 1])
        inside = within if inside is True else ops.logical_and(inside, within)
    return ops.where(inside, ops.cast(GREY, x.dtype), x)


def affinely_warped(x, matrix, offset):
    """Reads images at affinely moved places, bilinearly, mirrored at the borders.

    Args:
        x: Images `(batch, height, width, channels)`.
        matrix: Tensor `(batch, 2, 2)`, from places in the result to places in `x`, as
            (row, column) in pixels from the middle.
        offset: Tensor `(batch, 2)`, added to the latter, in pixels.
    """
    _, height, width, channels = x.shape
    middle = ops.reshape(
        ops.convert_to_tensor([(height - 1) / 2.0, (width - 1) / 2.0]), (1, 1, 2)
    )
    rows, columns = ops.meshgrid(
        ops.arange(height, dtype="float32"),
        ops.arange(width, dtype="float32"),
        indexing="ij",
    )
    places = ops.reshape(ops.stack([rows, columns], axis=-1), (1, -1, 2)) - middle
    moved = ops.matmul(places, ops.transpose(matrix, (0, 2, 1)))
    moved = moved + ops.expand_dims(offset, 1) + middle  # (batch, pixels, 2)
    corner = ops.floor(moved)
    share = moved - corner
    flat = ops.reshape(x, (-1, height * width, channels))
    total = 0.0
    for down in (0, 1):
        for right in (0, 1):
            row = _mirrored(ops.cast(corner[..., 0], "int32") + down, height)
            column = _mirrored(ops.cast(corner[..., 1], "int32") + right, width)
            index = ops.expand_dims(row * width + column, -1)
            weight = (share[..., 0] if down else 1.0 - share[..., 0]) * (
                share[..., 1] if right else 1.0 - share[..., 1]
            )
            value = ops.take_along_axis(flat, index, axis=1)
            total = total + ops.expand_dims(weight, -1) * value
    return ops.reshape(total, (-1, height, width, channels))


def _mirrored(index, size):
    if size == 1:
        return ops.zeros_like(index)
    index = ops.mod(index, 2 * size - 2)
    return ops.minimum(index, 2 * size - 2 - index)
