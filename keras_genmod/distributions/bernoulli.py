"""Independent binary variables."""

from typing import Any

from keras import ops

from keras_genmod.distributions.distribution import (
    Distribution,
    flat_events,
    parameters,
)
from keras_genmod.engine import binary_log_prob, uniform


def draw_binary(means, noise):
    """Returns the values in {0, 1} that numbers of U[0, 1) stand for; no gradient.

    Args:
        means: Float32 tensor, p(x = 1) in [0, 1].
        noise: Float32 tensor of that shape, or one that broadcasts to it.

    Returns:
        Float32 tensor: 1 where the noise is below the mean, NaN where that is NaN.
    """
    # In (-1, 1), negative where the noise is below the mean. A comparison would draw
    # zeros, which look like data, from NaN, and takes some six times the time on torch.
    return 0.0 - ops.floor(noise - ops.stop_gradient(means))


class Bernoulli(Distribution):
    """Independent values in {0, 1}: p(x = 1) = sigmoid(logits).

    Args:
        logits: Float tensor of shape `(batch, ...)`.

    Example:
    ```python
    Bernoulli(ops.zeros((2, 3))).log_prob(ops.ones((2, 3)))  # 2 times 3 log(1 / 2)
    ```
    """

    def __init__(self, logits: Any) -> None:
        self.logits = parameters("logits", logits)

    def log_prob(self, value: Any) -> Any:
        value = flat_events(ops.cast(value, "float32"))
        logits = flat_events(self.logits)
        return ops.sum(binary_log_prob(value, logits), axis=1)

    def sample(self, seed: Any) -> Any:
        return self.from_noise(uniform(ops.shape(self.logits), seed))

    def from_noise(self, noise: Any) -> Any:
        """Returns the draw that numbers of U[0, 1), of the logits' shape, stand for."""
        return draw_binary(self.mean(), noise)

    def mean(self) -> Any:
        return ops.sigmoid(self.logits)
