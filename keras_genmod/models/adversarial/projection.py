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


def _ramp(done):
    """Returns the share of the rate after so much of the steps."""
    falling = 0.5 - 0.5 * ops.cos(math.pi * ops.minimum(1.0, (1.0 - done) / _COOL_DOWN))
    return falling * ops.minimum(1.0, done / _WARM_UP)


def _mean_squared_error(pair):
    x, y = pair
    return ops.mean(ops.square(x - y), axis=(1, 2, 3))
