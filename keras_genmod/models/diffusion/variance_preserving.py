"""Schedules that keep the variance of the data."""

from typing import Any

from keras_genmod.models.diffusion.noise_schedule import NoiseSchedule, library

_SMALLEST_LOG = -50.0  # below it a signal of exp(_SMALLEST_LOG) is none


class VariancePreserving(NoiseSchedule):
    """alpha^2 + sigma^2 = 1, so that data of variance 1 keep it.

    A subclass defines `log_alpha`, of which the rest follows without cancellation.
    """

    def log_alpha(self, t: Any) -> Any:
        """Returns log alpha(t), which falls from 0 at t = 0.

        Args:
            t: Float tensor, array or number in [0, 1].
        """
        raise NotImplementedError

    def alpha(self, t: Any) -> Any:
        xp, log_alpha = library(t), self.log_alpha(t)
        return xp.where(log_alpha > _SMALLEST_LOG, xp.exp(log_alpha), 0.0)

    def sigma(self, t: Any) -> Any:
        xp = library(t)
        return xp.sqrt(xp.abs(xp.expm1(2 * self.log_alpha(t))))

    @property
    def prior_std(self):
        return 1.0
