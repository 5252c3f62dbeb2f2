"""Independent variables with several levels."""

from typing import Any

from keras import ops

from keras_genmod.distributions.distribution import (
    Distribution,
    nan_where_nan,
    parameters,
    sum_over_events,
)
from keras_genmod.engine import uniform


class Categorical(Distribution):
    """Independent values in 0, ..., levels - 1: p(x = k) = softmax(logits)[k].

    Args:
        logits: Float tensor of shape `(batch, ..., levels)`.

    Example:
    ```python
    Categorical(ops.zeros((2, 3, 4))).log_prob(ops.ones((2, 3)))  # 2 times 3 log(1/4)
    ```
    """

    def __init__(self, logits: Any) -> None:
        self.logits = parameters("logits", logits, 2)

    def log_prob(self, value: Any) -> Any:
        """Returns the log-probability in nats, shape `(batch,)`.

        Args:
            value: Levels `(batch, ...)`, ints or whole floats; a level that there is
                not makes it NaN.
        """
        value = ops.cast(value, "float32")
        last = self.logits.shape[-1] - 1
        exists = (value >= 0) & (value <= last)  # false for NaN
        # No row is read beyond its end: TensorFlow would die of it in the middle.
        index = ops.cast(ops.where(exists, value, 0.0), "int32")
        chosen = ops.take_along_axis(self.logits, index[..., None], axis=-1)[..., 0]
        terms = chosen - ops.logsumexp(self.logits, axis=-1)
        return sum_over_events(ops.where(exists, terms, float("nan")))

    def sample(self, seed: Any) -> Any:
        return self.from_noise(uniform(ops.shape(self.logits)[:-1], seed))

    def from_noise(self, noise: Any) -> Any:
        """Returns the draw that numbers of U[0, 1) stand for, one a variable.

        Args:
            noise: Float tensor of shape `(batch, ...)`, without the levels.

        Returns:
            Float32 levels of the shape of `noise`: the inverse of the cumulative
            distribution at `noise`; NaN where a logit is.
        """
        chances = ops.exp(self.logits - ops.max(self.logits, axis=-1, keepdims=True))
        cumulative = ops.cumsum(chances, axis=-1)
        passed = cumulative <= noise[..., None] * cumulative[..., -1:]
        level = ops.sum(ops.cast(passed, "float32"), axis=-1)
        level = ops.minimum(level, self.logits.shape[-1] - 1.0)
        return nan_where_nan(cumulative[..., -1], level)

    def mean(self) -> Any:
        levels = ops.arange(self.logits.shape[-1], dtype="float32")
        return ops.sum(ops.softmax(self.logits, axis=-1) * levels, axis=-1)
