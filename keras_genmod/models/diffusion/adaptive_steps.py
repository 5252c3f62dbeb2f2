"""Runge-Kutta steps whose lengths each example finds for itself.

The pair of Dormand and Prince: a step of fifth order, and one of fourth order from the
same slopes, whose difference is the error's estimate.
"""

import numpy as np
from keras import ops

from keras_genmod.engine import while_loop

MAX_STEPS = 1000  # taken or not; who is not there by then gets NaN

# Of slopes 1 to 6, what the place of the next one is made of; the last row is the step
# of fifth order, at whose end the seventh slope is.
_PLACES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_TIMES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_OF_FOURTH_ORDER = (
    5179 / 57600,
    0.0,
    7571 / 16695,
    393 / 640,
    -92097 / 339200,
    187 / 2100,
    1 / 40,
)
_ERRORS = (*np.subtract((*_PLACES[-1], 0.0), _OF_FOURTH_ORDER),)
_CAUTION, _LEAST, _MOST = 0.9, 0.2, 5.0  # of a step's length, by the one before


def integrate(slope, z, start: float, end: float, tolerance: float):
    """Returns z, and the integral of a divergence beside it, at the end of a way.

    A step is taken if its error is at most `tolerance` (1 + |z|), root mean square over
    an example's values, and that of the integral at most `tolerance` (1 + its size).

    Args:
        slope: Function `(z, place)` that returns dz / dplace, of the shape of `z`, and
            the divergence `(batch,)`; `place` is `(batch,)`.
        z: Float32 tensor `(batch, ...)`.
        start: Positive number, also the length of the first step.
        end: Number above it.
        tolerance: Positive number.

    Returns:
        `(z, integral)`, NaN for examples that would take more than `MAX_STEPS`.

    References:
        - Dormand and Prince, A family of embedded Runge-Kutta formulae, 1980.
    """
    ones = ops.ones((ops.shape(z)[0],), "float32")
    last = float(np.float32(end))

    def along(values):  # to be multiplied with data
        return ops.reshape(values, (-1, *(1,) * (len(z.shape) - 1)))

    def is_on_the_way(z, total, place, length, v, d):
        return ops.any(place < last)

    def step(z, total, place, length, v, d):
        is_last = place + length >= last
        length = ops.where(is_last, last - place, length)
        slopes = [(v, d)]
        for shares, time in zip(_PLACES, _TIMES, strict=True):
            there = z + along(length) * _mixture(shares, slopes, 0)
            at = place + time * length
            if time == 1.0:  # exactly at the end, where the last step leads there
                at = ops.where(is_last, last, at)
            slopes.append(slope(there, at))
        sum_there = total + length * _mixture(_PLACES[-1], slopes, 1)
        error = along(length) * _mixture(_ERRORS, slopes, 0)
        size = ops.maximum(ops.abs(z), ops.abs(there))
        of_z = _root_mean_square(error / (tolerance * (1.0 + size)))
        size = ops.maximum(ops.abs(total), ops.abs(sum_there))
        of_sum = length * _mixture(_ERRORS, slopes, 1) / (tolerance * (1.0 + size))
        error = ops.maximum(of_z, ops.abs(of_sum))
        # Not `error > 1`, which takes what is NaN.
        is_taken = (error <= 1.0) & (place < last)
        factor = _CAUTION * ops.power(ops.maximum(error, 1e-10), -0.2)
        # After a NaN, too, the step is tried shorter.
        factor = ops.where(error >= 0.0, ops.clip(factor, _LEAST, _MOST), _LEAST)
        new = (there, sum_there, at, *slopes[-1])
        old = (z, total, place, v, d)
        z, total, place, v, d = (
            ops.where(along(is_taken) if a.shape == z.shape else is_taken, a, b)
            for a, b in zip(new, old, strict=True)
        )
        return z, total, place, length * factor, v, d

    place = float(np.float32(start)) * ones
    carry = (z, 0.0 * ones, place, 1.0 * place, *slope(z, place))
    z, total, place, *_ = while_loop(is_on_the_way, step, carry, MAX_STEPS)
    is_there = place >= last
    return ops.where(along(is_there), z, np.nan), ops.where(is_there, total, np.nan)


def _mixture(shares, slopes, which):
    """Returns a weighted sum of slopes, or of divergences."""
    parts = [
        float(share) * slope[which]
        for share, slope in zip(shares, slopes, strict=False)
        if share
    ]
    return sum(parts[1:], parts[0])


def _root_mean_square(values):
    squares = ops.square(ops.reshape(values, (ops.shape(values)[0], -1)))
    return ops.sqrt(ops.mean(squares, axis=1))
