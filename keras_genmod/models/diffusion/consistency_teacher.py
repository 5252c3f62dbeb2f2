"""What leads a consistency model: a trained model's probability-flow equation."""

import math

import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.models.diffusion.consistency_levels import ConsistencyLevels
from keras_genmod.models.diffusion.denoising_model import DenoisingModel

_SIGMA_MIN, _SIGMA_MAX = 0.002, 80.0  # of Karras et al.
_TABLE = 4096  # times of levels; between them the teacher's time is all but linear


class ProbabilityFlowStep:
    """Heun's step of dx / dsigma = (x - E[x_0 | x]) / sigma, from level to level.

    x = x_0 + sigma noise: a model of another schedule sees alpha x at the time when
    its sigma / alpha is this sigma.

    Args:
        teacher: Model of `_denoise`, of noisy data.
        levels: `ConsistencyLevels`.
        guidance: Number, of the teacher's labels.
    """

    def __init__(self, teacher, levels: ConsistencyLevels, guidance: float):
        self.teacher, self.levels, self.guidance = teacher, levels, guidance
        sigmas = levels.sigma(np.linspace(0, 1, _TABLE + 1))
        times = teacher.schedule.time_of(-2 * np.log(sigmas))
        self._times = times.astype("float32")

    def __call__(self, x, t, after, condition):
        """Returns where data are at times `after`, `(batch,)`, from times `t`."""
        sigma, end = self._sigma(t, x), self._sigma(after, x)
        slope = (x - self._data(x, t, condition)) / sigma
        there = x + (end - sigma) * slope
        slope_there = (there - self._data(there, after, condition)) / end
        return x + (end - sigma) * (slope + slope_there) / 2

    def _sigma(self, t, x):
        return ops.reshape(self.levels.sigma(t), (-1, *(1,) * (len(x.shape) - 1)))

    def _data(self, x, t, condition):
        place = ops.clip(t, 0.0, 1.0) * _TABLE
        below = ops.clip(ops.floor(place), 0, _TABLE - 1)
        index, table = ops.cast(below, "int32"), ops.convert_to_tensor(self._times)
        start, stop = ops.take(table, index), ops.take(table, index + 1)
        time = start + (place - below) * (stop - start)
        alpha, sigma = self.teacher._levels(time)
        guidance = None if self.guidance == 1 else self.guidance
        return self.teacher._denoise(
            alpha * x, (time, alpha, sigma), condition, guidance
        )[0]


def noise_levels(sigma_min, sigma_max, teacher) -> tuple[float, float]:
    """Returns the least and the most noise of a model, with their defaults.

    Raises:
        ValueError: If they are out of range, or the teacher is none.
    """
    if teacher is not None and not isinstance(teacher, DenoisingModel):
        raise ValueError(
            "`teacher` must be a trained `DiffusionModel`, `FlowMatching` or "
            f"`ScoreModel`, or None. Received: teacher={teacher!r}"
        )
    least, most = 0.0, math.inf
    if teacher is not None:
        least, most = _known_to(teacher.schedule)
    if sigma_min is None:
        sigma_min = max(_SIGMA_MIN, least)
    if sigma_max is None:
        sigma_max = min(_SIGMA_MAX, most)
    checks.positive("sigma_min", sigma_min)
    checks.positive("sigma_max", sigma_max)
    if not (1 - 1e-6) * least <= sigma_min < sigma_max <= (1 + 1e-6) * most:
        raise ValueError(
            "`sigma_min` must be below `sigma_max`, both within the noise that the "
            f"teacher knows, {least:.3g} to {most:.3g}. "
            f"Received: sigma_min={sigma_min}, sigma_max={sigma_max}"
        )
    return float(sigma_min), float(sigma_max)


def _known_to(schedule):
    with np.errstate(over="ignore"):
        ends = (schedule.log_snr(np.float64(t)) for t in (schedule.first_time, 1.0))
        return tuple(float(np.exp(-0.5 * log_snr)) for log_snr in ends)


def check(model, teacher) -> None:
    """Raises a `ValueError` unless a teacher fits to a model, or is `None`."""
    guided = model.guidance != 1
    if teacher is None:
        if guided:
            raise ValueError(
                "`guidance` must be 1 without a teacher, who is led by it. "
                f"Received: guidance={model.guidance}, teacher=None"
            )
        return
    for name in ("data_shape", "num_classes", "embedding_dim"):
        own, its = getattr(model, name), getattr(teacher, name)
        if own != its:
            raise ValueError(
                f"`teacher` must be a model of the same `{name}`. "
                f"Received: {name}={own}, of the teacher {its}"
            )
    if guided and (not model.is_conditional or float(teacher.drop_rate) == 0):
        raise ValueError(
            "`guidance` must be 1: it needs a teacher of `num_classes` that has "
            "learned without conditions, too: train it with `drop_rate=0.1`. "
            f"Received: guidance={model.guidance}, num_classes={model.num_classes}, "
            f"drop_rate={float(teacher.drop_rate):g} of the teacher"
        )
