"""The variational bound of DDPM's steps, in nats.

-log p(x_0) <= KL(q(x_T | x_0), p(x_T)) + sum of KL(q(x_s | x_t, x_0), p(x_s | x_t))
               - log p(x_0 | x_1)
"""

import math

import numpy as np
from keras import ops

from keras_genmod.models.diffusion import samplers
from keras_genmod.models.diffusion.discretized_normal import log_level_prob
from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule
from keras_genmod.models.diffusion.time_grid import (
    TimeGrid,
    grid_of,
    make_grid,
    whole,
)

# Columns: what the network is asked at; the squared error's weight in 2 KL with the
# posterior's variance; the log variance of the smallest choice, and from there to the
# largest; whether it is the step to the data.
TIME, ALPHA, SIGMA, WEIGHT, LOG_SMALL, SPAN = range(6)

_DEVIATIONS = 2.0  # of the noise at the last look, in half the distance of levels


def last_time(schedule: NoiseSchedule, num_levels: int | None) -> float:
    """Returns the time from which the last step of a bound leads to the data.

    Levels are told apart from there: to go on by steps of normal distributions that
    know of no levels would cost bits and tell nothing new.

    Args:
        schedule: `NoiseSchedule`.
        num_levels: Int, or `None` for densities, which go on to the schedule's end.
    """
    if num_levels is None:
        return schedule.first_time
    log_snr = 2 * math.log(_DEVIATIONS * (num_levels - 1))
    time = float(schedule.time_of(np.array(log_snr)))
    if schedule.num_steps is not None:
        time = round(time * schedule.num_steps) / schedule.num_steps
    return max(time, schedule.first_time)


def make_bound_grid(
    schedule: NoiseSchedule, num_steps: int, num_levels: int | None
) -> TimeGrid:
    """Returns the grid of a bound: of levels denser near the data, where bits are."""
    if num_levels is None:
        return make_grid(schedule, num_steps)
    last, total = last_time(schedule, num_levels), schedule.num_steps
    roots = np.linspace(1, 0, num_steps) if num_steps > 1 else np.ones(1)
    times = last + (1 - last) * roots**2
    if total is not None:
        times = whole(times * total) / total
    return grid_of(schedule, [*times, 0.0])


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
