"""A schedule of steps, each of which adds some noise."""

from collections.abc import Sequence

import keras
import numpy as np

from keras_genmod import checks
from keras_genmod.models.diffusion.step_schedule import StepSchedule


@keras.saving.register_keras_serializable("keras_genmod")
class DiscreteSchedule(StepSchedule):
    """Noise in steps, x_i = sqrt(1 - beta_i) x_{i-1} + sqrt(beta_i) noise.

    alpha(i / T)^2 is the product of 1 - beta_1 to 1 - beta_i and sigma^2 the rest to 1.

    Args:
        betas: Sequence of T numbers in (0, 1); the last may be 1, which leaves nothing
            of the data.

    Raises:
        ValueError: If `betas` are other ones.

    References:
        - Ho, Jain and Abbeel, Denoising diffusion probabilistic models, 2020,
          arXiv:2006.11239.

    Example:
    ```python
    schedule = DiscreteSchedule(np.linspace(1e-4, 0.02, 1000))
    ```
    """

    def __init__(self, betas: Sequence[float]):
        try:
            values = checks.real_numbers("betas", np.asarray(betas)).astype("float64")
        except (TypeError, ValueError):
            values = np.empty(0)
        inner = values[:-1] if values.ndim == 1 else values
        if (
            values.ndim != 1
            or not values.size
            or not np.all((inner > 0) & (inner < 1))
            or not 0 < values[-1] <= 1
        ):
            raise ValueError(
                "`betas` must be a sequence of numbers in (0, 1), of which the last "
                f"may be 1. Received: betas={betas!r}"
            )
        self.betas = values
        self._set_betas(values)

    def get_config(self):
        return {"betas": self.betas.tolist()}
