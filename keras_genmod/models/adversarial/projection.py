"""Images to the styles that a generator would make them of, by optimization."""

import math

from keras import ops

from keras_genmod.engine import fori_loop, input_gradient

_WARM_UP, _COOL_DOWN = 0.05, 0.25  # of the steps
_BETAS, _EPSILON = (0.9, 0.999), 1e-8


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

    def step(i, state):
        w, mean, square = state
        gradient = input_gradient(
            lambda w: distance((decode(w), images)), w, differentiable=False
        )
        number = ops.cast(i, "float32") + 1.0
        mean = _BETAS[0] * mean + (1.0 - _BETAS[0]) * gradient
        square = _BETAS[1] * square + (1.0 - _BETAS[1]) * ops.square(gradient)
        mean_of_all = mean / (1.0 - _BETAS[0] ** number)
        square_of_all = square / (1.0 - _BETAS[1] ** number)
        length = rate * _ramp(number / num_steps)
        w = w - length * mean_of_all / (ops.sqrt(square_of_all) + _EPSILON)
        return w, mean, square

    start = ops.convert_to_tensor(start)
    zeros = ops.zeros_like(start)
    return fori_loop(num_steps, step, (start, zeros, zeros))[0]


def _ramp(done):
    """Returns the share of the rate after so much of the steps."""
    falling = 0.5 - 0.5 * ops.cos(math.pi * ops.minimum(1.0, (1.0 - done) / _COOL_DOWN))
    return falling * ops.minimum(1.0, done / _WARM_UP)


def _mean_squared_error(pair):
    x, y = pair
    return ops.mean(ops.square(x - y), axis=(1, 2, 3))
