"""Independent normal variables."""

import math
from typing import Any

from keras import ops

from keras_genmod import checks
from keras_genmod.distributions.distribution import (
    Distribution,
    parameters,
    sum_over_events,
)
from keras_genmod.engine import normal


def log_density(value: Any, mean: Any, log_var: Any) -> Any:
    """Returns log N(value; mean, exp(log_var)) of each value, in nats."""
    squared = ops.square(value - mean)
    terms = squared * ops.exp(-log_var) + log_var + math.log(2 * math.pi)
    return -0.5 * terms


class Normal(Distribution):
    """Independent real values: N(mean, exp(log_var)).

    Args:
        mean: Float tensor of shape `(batch, ...)`.
        log_var: Float tensor that broadcasts to the shape of `mean`.

    Example:
    ```python
    Normal(ops.zeros((2, 3)), 0.0).log_prob(ops.zeros((2, 3)))  # 3 * -0.919 each
    ```
    """

    def __init__(self, mean: Any, log_var: Any) -> None:
        self.location = parameters("mean", mean)
        self.log_var = checks.float32("log_var", log_var)

    def log_prob(self, value: Any) -> Any:
        value = ops.cast(value, "float32")
        return sum_over_events(log_density(value, self.location, self.log_var))

    def sample(self, seed: Any) -> Any:
        noise = normal(ops.shape(self.location), seed)
        return self.location + ops.exp(0.5 * self.log_var) * noise

    def mean(self) -> Any:
        return self.location
