"""The variational bound of DDPM's steps, in nats.

-log p(x_0) <= KL(q(x_T | x_0), p(x_T)) + sum of KL(q(x_s | x_t, x_0), p(x_s | x_t))
               - log p(x_0 | x_1)
"""

import math

import numpy as np
from keras import ops

from keras_genmod.models.diffusion import samplers
from keras_genmod.models.diffusion.discretized_normal import log_level_prob
from keras_genmod.models.diffusion.time_grid import TimeGrid

# Columns: what the network is asked at; the squared error's weight in 2 KL with the
# posterior's variance; the log variance of the smallest choice, and from there to the
# largest; whether it is the step to the data.
TIME, ALPHA, SIGMA, WEIGHT, LOG_SMALL, SPAN = range(6)


def steps(grid: TimeGrid) -> np.ndarray:
    """Returns what the bound needs of each step, float64 `(num_steps, 6)`.

    The last step, to the data, has the weight 0.
    """
    small, large = samplers.log_variances(grid)
    rows = np.zeros((len(small), 6))
    rows[:, TIME], rows[:, ALPHA] = grid.times[:-1], grid.alphas[:-1]
    rows[:, SIGMA] = grid.sigmas[:-1]
    of_data = samplers.coefficients(grid, "ddpm", 1.0)[:-1, samplers.OF_DATA]
    rows[:-1, WEIGHT] = of_data**2 / np.exp(small[:-1])
    rows[:, LOG_SMALL], rows[:, SPAN] = small, large - small
    return rows


def divergences(error, fraction, weight, span):
    """Returns KL(q(x_s | x_t, x_0), p(x_s | x_t)) of each value.

    Args:
        error: What the network says of the data, less the data.
        fraction: How much of the larger variance is taken, a tensor or a number.
        weight: Column `WEIGHT`.
        span: Column `SPAN`.
    """
    squares = weight * ops.square(error)
    excess = fraction * span  # log of p's variance over q's
    return 0.5 * (excess + ops.expm1(-excess) + ops.exp(-excess) * squares)


def log_of_data(x, data, fraction, log_small, span, num_levels):
    """Returns log p(x_0 | x_1) of each value, in units inside.

    Args:
        x: Data, inside.
        data: What the network says of them.
        fraction: As in `divergences`.
        log_small: Column `LOG_SMALL`.
        span: Column `SPAN`.
        num_levels: Int, levels of [-1, 1] that have a probability, or `None` for a
            density.
    """
    log_var = log_small + fraction * span
    if num_levels is not None:
        return log_level_prob(x, data, log_var, num_levels)
    squares = ops.square(x - data) * ops.exp(-log_var)
    return -0.5 * (squares + log_var + math.log(2 * math.pi))


def prior_divergence(x, grid: TimeGrid, prior_std: float):
    """Returns KL(q(x_T | x_0), N(0, prior_std^2)) of each value."""
    alpha, variance = grid.alphas[0] / prior_std, (grid.sigmas[0] / prior_std) ** 2
    rest = variance - 1 - math.log(variance)
    return 0.5 * (float(alpha**2) * ops.square(x) + float(rest))
