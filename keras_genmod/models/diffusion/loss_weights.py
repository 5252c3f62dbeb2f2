"""How much each noise level counts in training, as weights of errors of the data."""

import math

import numpy as np

from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule, library
from keras_genmod.models.diffusion.predictions import PREDICTIONS

LOSS_WEIGHTS = ("constant", "min_snr", "likelihood")
_GAMMA = 5.0


def loss_weight(name: str, prediction: str, schedule: NoiseSchedule, t):
    """Returns the weight of the squared error of a prediction, of the shape of `t`.

    Args:
        name: One of `LOSS_WEIGHTS`.
        prediction: One of `PREDICTIONS`.
        schedule: `NoiseSchedule`.
        t: Times, a tensor or an array.
    """
    xp = library(t)
    alpha, sigma = schedule.alpha(t), schedule.sigma(t)
    if name == "constant":
        return 1.0 + 0.0 * alpha
    factor = PREDICTIONS[prediction].factor(alpha, sigma)
    if name == "min_snr":
        return xp.minimum((alpha / sigma) ** 2, _GAMMA) * factor**2
    return _likelihood(schedule, t, alpha, sigma) * factor**2


def _likelihood(schedule, t, alpha, sigma):
    """Returns the weight of the data's error in the bound, of one time drawn."""
    xp = library(t)
    if schedule.num_steps is None:
        # 1/2 d(alpha^2 / sigma^2) / dt by differences, where they are exact enough.
        width = 1e-3
        early = xp.maximum(t * (1 - width), 0.0)
        late = xp.minimum(t * (1 + width), 1.0)
        change = _snr(schedule, early) - _snr(schedule, late)
        return 0.5 * change / (late - early)
    step = 1.0 / schedule.num_steps
    early = xp.maximum(t - step, step)
    change = _snr(schedule, early) - _snr(schedule, t)
    # The last step's data have the variance sigma^2: 1 / (2 sigma^2).
    change = xp.where(t < 1.5 * step, 1.0 / sigma**2, change)
    return 0.5 * schedule.num_steps * change


def _snr(schedule, t):
    return (schedule.alpha(t) / schedule.sigma(t)) ** 2


def vanishes_at_the_start(name: str, prediction: str, schedule: NoiseSchedule) -> bool:
    """Whether the weight is 0 or not finite at t = 1, where samplers begin."""
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = loss_weight(name, prediction, schedule, np.array([1.0]))[0]
    return not weight > 0 or not math.isfinite(weight)
