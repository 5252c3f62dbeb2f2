"""Probabilities of levels under a normal distribution."""

import math

from keras import ops

# log erfc(z) = log t - z^2 + polynomial(t), t = 1 / (1 + z / 2), for z >= 0, to 1.2e-7:
# Press et al., Numerical Recipes, 2nd edition, 6.2.
_POLYNOMIAL = (
    -1.26551223,
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
)
_TAIL = -1.0  # below it differences are taken of logs


def log_level_prob(x, mean, log_var, num_levels: int):
    """Returns the log-probability that N(mean, exp(log_var)) falls on a level.

    A level takes what lies nearer to it than to the next one; the two outermost take
    the tails, so that all probabilities sum to 1.

    Args:
        x: Levels from -1 to 1, even, a float32 tensor.
        mean: Tensor of the shape of `x`.
        log_var: Number or tensor.
        num_levels: Int of at least 2.

    References:
        - Ho, Jain and Abbeel, 2020, arXiv:2006.11239, equation 13.

    Note:
        The distribution function is exact; official code takes an approximation by
        tanh that is off by up to 1.8e-4, and cuts at 1e-12.
    """
    half = 1.0 / (num_levels - 1)
    rate = ops.exp(-0.5 * log_var) + 0.0 * x
    # Mirrored, so that the level lies on the left of the mean.
    side = 1.0 - 2.0 * ops.cast(x > mean, x.dtype)
    centre = side * (x - mean)
    upper, lower = (centre + half) * rate, (centre - half) * rate
    inner = _log_difference(upper, lower)
    is_first, is_last = x < -1 + half, x > 1 - half
    low_tail = _log_cdf((x + half - mean) * rate)
    high_tail = _log_cdf((mean - x + half) * rate)
    return ops.where(is_first, low_tail, ops.where(is_last, high_tail, inner))


def _log_difference(upper, lower):
    """Returns log(cdf(upper) - cdf(lower)), where upper + lower <= 0."""
    in_tail = upper < _TAIL
    # Each form gets arguments that it can take: the other's gradient must be no NaN.
    near = [ops.where(in_tail, value, z) for z, value in ((upper, 0.0), (lower, -1.0))]
    direct = 0.5 * (ops.erf(near[0] / math.sqrt(2)) - ops.erf(near[1] / math.sqrt(2)))
    far = [ops.where(in_tail, z, value) for z, value in ((upper, -1.0), (lower, -2.0))]
    log_upper, log_lower = map(_log_left_tail, far)
    gap = ops.minimum(log_lower - log_upper, -1e-7)
    of_logs = log_upper + ops.log(-ops.expm1(gap))
    return ops.where(in_tail, of_logs, ops.log(ops.maximum(direct, 1e-30)))


def _log_cdf(z):
    left = _log_left_tail(-ops.abs(z))
    right = ops.log1p(-ops.exp(left))
    return ops.where(z < 0, left, right)


def _log_left_tail(z):
    """Returns the log of the distribution function, for z <= 0."""
    z = -z / math.sqrt(2)
    t = 1 / (1 + 0.5 * z)
    polynomial = 0.0 * t
    for coefficient in reversed(_POLYNOMIAL):
        polynomial = polynomial * t + coefficient
    return ops.log(0.5 * t) - z * z + polynomial
