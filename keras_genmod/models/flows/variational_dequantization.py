"""Noise inside each level from a flow of its own."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod.bijectors import Bijector
from keras_genmod.distributions import StandardNormal
from keras_genmod.models import network_checks
from keras_genmod.models.flows.dequantization import Dequantization


@keras.saving.register_keras_serializable("keras_genmod")
class VariationalDequantization(Dequantization):
    """v = (k + u) / num_levels with u = sigmoid(f(eps | x)), eps ~ N(0, I).

    log q(u | x) = log N(eps) - log|det df/deps| - sum log sigmoid'(f(eps | x)).

    It is trained with the density that it serves, on the same bound, which is tighter
    than with uniform noise: a density need not fill a level evenly.

    Args:
        num_levels: Int from 2 to 65,536; values are k / (num_levels - 1).
        bijector: `keras_genmod.bijectors.Bijector` to events of the data's shape; its
            `forward` direction is used alone. Its condition is what it knows of x; one
            without a condition makes noise that does not depend on x.
        network: Built Keras model from x to the condition, `(batch, condition_dim)`;
            with `None` the condition is x itself, flattened.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `num_levels` is another one, or the shapes do not fit.

    References:
        - Ho, Chen, Srinivas, Duan and Abbeel, Flow++, 2019, arXiv:1902.00275.

    Note:
        Weights of `bijector` that start from data (`ActNorm`) do not: they start at
        the identity.

    Example:
    ```python
    network = coupling_mlp(64, (128,), condition_dim=64)
    noise = AffineCoupling((64,), network, condition_dim=64)
    model = NormalizingFlow(
        flow, dequantization=VariationalDequantization(17, bijector=noise)
    )
    ```
    """

    def __init__(
        self,
        num_levels: int,
        bijector: Bijector,
        network: keras.Model | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(bijector, Bijector):
            raise ValueError(
                "`bijector` must be a keras_genmod.bijectors.Bijector. "
                f"Received: bijector={bijector!r}"
            )
        super().__init__(num_levels, **kwargs)
        size, condition_dim = math.prod(bijector.event_shape), bijector.condition_dim
        if network is not None:
            if condition_dim is None:
                raise ValueError(
                    "`network` must be None where `bijector` has no condition. "
                    f"Received: network={network!r}"
                )
            network_checks.maps(
                "network", network, bijector.event_shape, (condition_dim,)
            )
        elif condition_dim not in (None, size):
            raise ValueError(
                f"`bijector` must have condition_dim={size}, the size of the data, "
                f"without a `network`. Received: condition_dim={condition_dim}"
            )
        self.event_shape = bijector.event_shape
        self.bijector = bijector
        self.network = network
        self.base = StandardNormal(bijector.latent_shape)
        self.built = True

    def noise(self, x: Any, seed: int | None) -> Any:
        eps = self.base.sample(ops.shape(x)[0], seed)
        a, log_det = self.bijector.forward_and_log_det(eps, self._condition(x))
        flat = ops.reshape(a, (-1, math.prod(self.bijector.event_shape)))
        # log sigmoid'(a)
        log_slope = -ops.sum(ops.softplus(flat) + ops.softplus(-flat), axis=1)
        return ops.sigmoid(a), self.base.log_prob(eps) - log_det - log_slope

    def _condition(self, x):
        if self.bijector.condition_dim is None:
            return None
        if self.network is not None:
            return self.network(x)
        return ops.reshape(x, (-1, self.bijector.condition_dim))

    def get_config(self):
        return {
            **super().get_config(),
            "bijector": keras.saving.serialize_keras_object(self.bijector),
            "network": keras.saving.serialize_keras_object(self.network),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **keras.saving.deserialize_keras_object(
                config, custom_objects=custom_objects
            )
        )
