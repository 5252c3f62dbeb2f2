"""The noise levels of consistency models, and how often each is looked at."""

import math
from typing import Any

from keras import ops

from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule, library

_RHO = 7.0
_LOG_MEAN, _LOG_STD = -1.1, 2.0  # of the normal distribution of log sigma


class ConsistencyLevels(NoiseSchedule):
    """alpha = 1 and sigma even in its 7th root, from sigma_min at t = 0 to sigma_max.

    Unlike other schedules it ends at some noise, which does not matter to the data.

    Args:
        sigma_min: Positive float.
        sigma_max: Float above it.
    """

    def __init__(self, sigma_min: float, sigma_max: float):
        self.sigma_min, self.sigma_max = sigma_min, sigma_max
        self._low, self._high = (s ** (1 / _RHO) for s in (sigma_min, sigma_max))

    def alpha(self, t: Any) -> Any:
        return 1.0 + 0.0 * t

    def sigma(self, t: Any) -> Any:
        return (self._low + t * (self._high - self._low)) ** _RHO

    def excess(self, t: Any) -> Any:
        """Returns sigma(t) - sigma_min, which is exactly 0 at t = 0."""
        xp = library(t)
        return xp.where(t > 0, self.sigma(t) - self.sigma_min, 0.0 * t)

    def draw(self, coin: Any) -> Any:
        """Returns times of levels drawn from the normal distribution of log sigma.

        Args:
            coin: Tensor of numbers drawn evenly from [0, 1).
        """
        ends = (math.log(self.sigma_min), math.log(self.sigma_max))
        low, high = (math.erf((end - _LOG_MEAN) / _LOG_STD / 2**0.5) for end in ends)
        # Off the ends, where erfinv is infinite.
        place = ops.clip(low + (high - low) * coin, -1 + 1e-6, 1 - 1e-6)
        log_sigma = _LOG_MEAN + _LOG_STD * 2**0.5 * ops.erfinv(place)
        root = ops.exp(log_sigma / _RHO)
        return ops.clip((root - self._low) / (self._high - self._low), 0.0, 1.0)
