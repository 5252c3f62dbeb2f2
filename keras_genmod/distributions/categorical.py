"""Independent variables with several levels."""

from keras import ops

from keras_genmod.distributions.distribution import Distribution, sum_over_events
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

    def __init__(self, logits):
        self.logits = ops.cast(logits, "float32")

    def log_prob(self, value):
        value = ops.cast(value, "int32")
        chosen = ops.take_along_axis(self.logits, value[..., None], axis=-1)[..., 0]
        return sum_over_events(chosen - ops.logsumexp(self.logits, axis=-1))

    def sample(self, seed):
        # The Gumbel-max trick: argmax(logits - log(-log u)) has these probabilities.
        noise = uniform(ops.shape(self.logits), seed)
        gumbel = -ops.log(-ops.log(noise + 1e-20) + 1e-20)
        return ops.cast(ops.argmax(self.logits + gumbel, axis=-1), "int32")

    def mean(self):
        levels = ops.arange(self.logits.shape[-1], dtype="float32")
        return ops.sum(ops.softmax(self.logits, axis=-1) * levels, axis=-1)
