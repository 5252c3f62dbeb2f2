"""Images to the styles that a generator would make them of, by optimization."""

import math

from keras import ops

from keras_genmod.models.descent import descend

_WARM_UP, _COOL_DOWN = 0.05, 0.25  # of the steps


def nearest_styles(decode, images, start, rate, num_steps, distance=None):
    """Returns styles w that minimise the distance of decode(w) to images, by Adam.

    Args:
        decode: Function from styles `(batch, style_dim)` to images.
        images: Float32 tensor `(batch, height, width, channels)`.
        start: Float32 tensor `(batch, style_dim)`.
        rate: Scalar tensor, the largest learning rate.
        num_steps: Positive int.
        distance: Callable from a pair of images to `(batch,)`; `None` for mean squared
            error.
    """
    distance = _mean_squared_error if distance is None else distance
    return descend(
        lambda w: distance((decode(w), images)),
        start,
        lambda done: rate * _ramp(done),
        num_steps,
    )


def check_distance(distance, images):
    """Raises a `ValueError` unless a distance takes a pair and is one of each image.

    Args:
        distance: What `nearest_styles` is to get; it is called once.
        images: Float32 tensor `(batch, height, width, channels)`.
    """
    if not callable(distance):
        raise _wrong(repr(distance))
    try:
        found = distance((images, images))
    except TypeError as error:
        raise _wrong(f"{distance!r}, which raises: {error}") from error
    shape, size = tuple(getattr(found, "shape", ())), images.shape[0]
    if shape != (size,):
        raise _wrong(f"{distance!r}, which returns shape {shape} for {size} images")


def _wrong(distance):
    return ValueError(
        "`distance` must be a callable that takes one pair `(x, y)` of images and "
        f"returns their distances `(batch,)`, or None. Received: distance={distance}"
    )


def _ramp(done):
    """Returns the share of the rate after so much of the steps."""
    falling = 0.5 - 0.5 * ops.cos(math.pi * ops.minimum(1.0, (1.0 - done) / _COOL_DOWN))
    return falling * ops.minimum(1.0, done / _WARM_UP)


def _mean_squared_error(pair):
    x, y = pair
    return ops.mean(ops.square(x - y), axis=(1, 2, 3))
