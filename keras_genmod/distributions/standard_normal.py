"""The distribution that latent-variable models and flows start from."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions.normal import Normal
from keras_genmod.engine import normal


@keras.saving.register_keras_serializable("keras_genmod")
class StandardNormal:
    """N(0, I) over one event shape, as a prior or base distribution.

    A base distribution has no batch of parameters, so it is no `Distribution`: its
    `sample` takes the number of draws; any other class with these methods,
    `event_shape` and `get_config` can stand in its place.

    Args:
        event_shape: Shape of one draw, such as `(latent_dim,)`.

    Example:
    ```python
    StandardNormal((2,)).sample(5, seed=0)  # (5, 2)
    ```
    """

    def __init__(self, event_shape: Sequence[int]) -> None:
        self.event_shape = checks.sizes("event_shape", event_shape, may_be_empty=True)

    def log_prob(self, value: Any) -> Any:
        """Returns the log-density in nats, shape `(batch,)`."""
        return Normal(ops.zeros_like(value), 0.0).log_prob(value)

    def sample(self, num_samples: int, seed: Any) -> Any:
        """Returns float32 draws of shape `(num_samples, *event_shape)`."""
        shape = (num_samples, *self.event_shape)
        return normal(shape, seed)

    def mean(self) -> Any:
        """Returns zeros of the event shape."""
        return ops.zeros(self.event_shape, "float32")

    def get_config(self):
        return {"event_shape": self.event_shape}

    @classmethod
    def from_config(cls, config):
        return cls(**config)
