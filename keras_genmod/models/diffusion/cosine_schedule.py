"""The cosine schedule."""

import math
from typing import Any

import keras
import numpy as np

from keras_genmod import checks
from keras_genmod.models.diffusion.noise_schedule import library
from keras_genmod.models.diffusion.step_schedule import StepSchedule

_LARGEST_BETA = 0.999


@keras.saving.register_keras_serializable("keras_genmod")
class CosineSchedule(StepSchedule):
    """alpha(t)^2 = f(t) / f(0), f(t) = cos^2((t + offset) / (1 + offset) pi / 2).

    In steps, beta_i = 1 - alpha(i / T)^2 / alpha((i - 1) / T)^2 is at most 0.999. In
    continuous time nothing of the data is left at t = 1 ("zero signal-to-noise
    ratio"), where noise says nothing of them: such a model predicts "v" or "data".

    Args:
        num_steps: Positive int, steps T of discrete time, or `None` for continuous.
        offset: Number in [0, 1], which keeps the first steps from being too small.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Nichol and Dhariwal, Improved denoising diffusion probabilistic models, 2021,
          arXiv:2102.09672.

    Example:
    ```python
    model = DiffusionModel(network, (28, 28, 1), CosineSchedule(num_steps=None))
    ```
    """

    def __init__(self, num_steps: int | None = 1000, offset: float = 0.008) -> None:
        if num_steps is not None:
            num_steps = checks.positive_int("num_steps", num_steps)
        self.offset = checks.fraction("offset", offset)
        self.num_steps = num_steps
        if num_steps is not None:
            logs = 2 * self._continuous(np.linspace(0, 1, num_steps + 1))
            self._set_betas(np.minimum(-np.expm1(np.diff(logs)), _LARGEST_BETA))

    def log_alpha(self, t: Any) -> Any:
        return self._continuous(t) if self.num_steps is None else super().log_alpha(t)

    def _continuous(self, t):
        xp = library(t)
        scale = math.pi / 2 / (1 + self.offset)
        angle, start = (t + self.offset) * scale, self.offset * scale
        # Each form of log cos is exact on its side.
        small = 0.5 * xp.log1p(-xp.square(xp.sin(xp.minimum(angle, 0.8))))
        large = xp.log(xp.maximum(xp.cos(angle), 1e-30))
        large = xp.where(t >= 1, 0 * t - 100.0, large)
        logs = xp.where(angle < 0.8, small, large)
        return logs - 0.5 * math.log1p(-(math.sin(start) ** 2))

    def get_config(self):
        return {"num_steps": self.num_steps, "offset": self.offset}
