"""Noise levels in geometric progression."""

import math
from typing import Any

import keras

from keras_genmod import checks
from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule, library


@keras.saving.register_keras_serializable("keras_genmod")
class GeometricSchedule(NoiseSchedule):
    """alpha = 1 and sigma(t)^2 = sigma_min^2 ((sigma_max / sigma_min)^(2t) - 1).

    The data stay as they are, and noise is added until they are lost in it (the
    variance explodes). But near the data, equal steps of t are equal factors of sigma.

    Args:
        sigma_min: Positive float, a noise that does not matter to the data.
        sigma_max: Float above `sigma_min`, about the largest distance of two data.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Song et al., Score-based generative modeling through stochastic differential
          equations, 2021, arXiv:2011.13456 (VE).

    Example:
    ```python
    schedule = GeometricSchedule(0.01, 10.0)
    model = DiffusionModel(network, (2,), schedule, prediction="noise")
    ```
    """

    first_time = 1e-3

    def __init__(self, sigma_min: float = 0.01, sigma_max: float = 50.0):
        self.sigma_min = checks.positive("sigma_min", sigma_min)
        self.sigma_max = checks.positive("sigma_max", sigma_max)
        if sigma_max <= sigma_min:
            raise ValueError(
                "`sigma_max` must be above `sigma_min`. "
                f"Received: sigma_max={sigma_max}, sigma_min={sigma_min}"
            )

    def alpha(self, t: Any) -> Any:
        return 1.0 + 0.0 * t

    def sigma(self, t: Any) -> Any:
        rate = 2 * math.log(self.sigma_max / self.sigma_min)
        xp = library(t)
        return self.sigma_min * xp.sqrt(xp.expm1(rate * t))

    def get_config(self) -> dict:
        return {"sigma_min": self.sigma_min, "sigma_max": self.sigma_max}
