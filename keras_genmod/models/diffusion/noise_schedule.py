"""How much signal and noise there is at each time."""

from typing import Any

import keras
import numpy as np
from keras import ops

_BISECTIONS = 80


def library(t: Any) -> Any:
    """Returns `keras.ops` for tensors, NumPy for all else: they share names."""
    return ops if ops.is_tensor(t) or keras.backend.is_keras_tensor(t) else np


class NoiseSchedule:
    """x_t = alpha(t) x_0 + sigma(t) noise for t from 0, data, to 1, noise.

    The base of all schedules. A subclass defines `alpha` and `sigma`, whose quotient
    falls with t, in operations that NumPy and `keras.ops` both have (`library(t)` is
    the one to take): training hands over float32 tensors; grids of samplers are made
    on the host, in float64. A schedule of a saved model is registered, by
    `keras.saving.register_keras_serializable`, and has `get_config`.

    References:
        - Kingma et al., Variational diffusion models, 2021, arXiv:2107.00630.

    Example:
    ```python
    @keras.saving.register_keras_serializable("mine")
    class Straight(NoiseSchedule):
        def alpha(self, t):
            return 1 - t

        def sigma(self, t):
            return t
    ```
    """

    #: Noise levels that training draws, t = 1 / num_steps, 2 / num_steps, ..., 1;
    #: `None` for times anywhere between `first_time` and 1.
    num_steps: int | None = None

    #: The smallest time of training; that of a schedule of steps is 1 / num_steps.
    first_time: float = 1e-5

    def alpha(self, t: Any) -> Any:
        """Returns the signal's factor, at least 0.

        Args:
            t: Float tensor, array or number in [0, 1].
        """
        raise NotImplementedError

    def sigma(self, t: Any) -> Any:
        """Returns the noise's standard deviation, 0 at t = 0.

        Args:
            t: Float tensor, array or number in [0, 1].
        """
        raise NotImplementedError

    def log_snr(self, t: Any) -> Any:
        """Returns log(alpha(t)^2 / sigma(t)^2), infinite where one of them is 0.

        Args:
            t: Float tensor, array or number in [0, 1].
        """
        xp = library(t)
        with np.errstate(divide="ignore"):
            return 2 * (xp.log(self.alpha(t)) - xp.log(self.sigma(t)))

    @property
    def prior_std(self) -> float:
        """Standard deviation of the noise that samplers start from, at t = 1."""
        return float(self.sigma(np.float64(1.0)))

    @property
    def has_zero_snr(self) -> bool:
        """Whether nothing of the data is left at t = 1."""
        return float(self.alpha(np.float64(1.0))) == 0.0

    def time_of(self, log_snr: np.ndarray) -> np.ndarray:
        """Returns the times, float64, at which `log_snr(t)` has some values.

        Values beyond those of [0, 1] give its ends.

        Args:
            log_snr: Array of numbers.
        """
        low, high = np.zeros(np.shape(log_snr)), np.ones(np.shape(log_snr))
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            is_early = self.log_snr(middle) > log_snr
            low, high = (
                np.where(is_early, middle, low),
                np.where(is_early, high, middle),
            )
        return high

    def get_config(self) -> dict:
        """Returns the constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "NoiseSchedule":
        """Returns the schedule of a config."""
        return cls(**config)


def standardize_schedule(schedule: Any, named: dict[str, type]) -> NoiseSchedule:
    """Returns a schedule, of a name with its defaults.

    Raises:
        ValueError: If it is neither one of the names nor a `NoiseSchedule`.
    """
    if isinstance(schedule, str) and schedule in named:
        return named[schedule]()
    if not isinstance(schedule, NoiseSchedule):
        names = ", ".join(f'"{name}"' for name in named)
        raise ValueError(
            f"`schedule` must be {names} or a "
            "`keras_genmod.models.NoiseSchedule`. "
            f"Received: schedule={schedule!r}"
        )
    return schedule


def serialized(schedule: NoiseSchedule) -> dict:
    """Returns what `get_config` of a model holds of its schedule."""
    return keras.saving.serialize_keras_object(schedule)
