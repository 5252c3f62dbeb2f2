"""The linear schedule."""

from typing import Any

import keras
import numpy as np

from keras_genmod import checks
from keras_genmod.models.diffusion.step_schedule import StepSchedule

_STEPS = 1000  # which `first` and `last` are meant for


@keras.saving.register_keras_serializable("keras_genmod")
class LinearSchedule(StepSchedule):
    """beta_i goes up evenly from step to step, as if of 1,000 steps.

    Of T steps, beta_i goes from 1000 / T `first` to 1000 / T `last`. In continuous
    time, log alpha(t) = -1/2 int_0^t beta, with beta(t) from 1000 `first` to 1000
    `last`. Some of the data is left at t = 1: alpha is 0.0064 there.

    Args:
        num_steps: Positive int, steps T of discrete time, or `None` for continuous.
        first: Number above 0, the first beta of 1,000.
        last: Number above 0, the last beta of 1,000.

    Raises:
        ValueError: If an argument is out of range, or a beta would be 1 or more.

    References:
        - Ho, Jain and Abbeel, Denoising diffusion probabilistic models, 2020,
          arXiv:2006.11239.
        - Song et al., Score-based generative modeling through stochastic differential
          equations, 2021, arXiv:2011.13456 (continuous time).

    Example:
    ```python
    model = DiffusionModel(network, (2,), LinearSchedule(), prediction="noise")
    ```
    """

    def __init__(
        self, num_steps: int | None = 1000, first: float = 1e-4, last: float = 0.02
    ) -> None:
        if num_steps is not None:
            num_steps = checks.positive_int("num_steps", num_steps)
        self.first = checks.positive("first", first)
        self.last = checks.positive("last", last)
        self.num_steps = num_steps
        if num_steps is None:
            return
        betas = np.linspace(self.first, self.last, num_steps) * _STEPS / num_steps
        if betas.max() >= 1:
            raise ValueError(
                "`num_steps` must be larger, or `first` and `last` smaller: a step "
                f"would have a beta of {betas.max():.3g}. Received: "
                f"num_steps={num_steps}, first={first}, last={last}"
            )
        self._set_betas(betas)

    def log_alpha(self, t: Any) -> Any:
        if self.num_steps is not None:
            return super().log_alpha(t)
        first, last = _STEPS * self.first, _STEPS * self.last
        return -0.25 * t * t * (last - first) - 0.5 * t * first

    def get_config(self):
        return {"num_steps": self.num_steps, "first": self.first, "last": self.last}
