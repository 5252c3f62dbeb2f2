"""Half of the channels leave a multi-scale flow."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import sum_event

_LARGEST_LOG_SCALE = 7.0


@keras.saving.register_keras_serializable("keras_genmod")
class Split(Bijector):
    """The first half of the channels are latents at once; a bijector maps the rest.

    x = (a, b) along the last axis; b = g(w) for the bijector g and latents w; and

        a = u, or, with a network of the prior, a = mean(b) + exp(log_scale(b)) u.

    The latent is flat, (u, w) one after the other. The network makes the prior of a
    given b the learned N(mean(b), exp(log_scale(b))^2) of Glow; written as a map of
    u, it leaves the base N(0, I). log|det df/dz| = log|det dg/dw| + sum log_scale(b).

    Where g holds another `Split`, the flow has as many scales.

    Args:
        event_shape: Tuple of positive ints whose last, the channels, is even.
        bijector: Bijector of events `(..., channels / 2)`.
        prior_network: `None`, or a built Keras network from `(..., channels / 2)` to
            `(..., channels)`: means, then raw log-scales r, of which come
            log_scale = 7 tanh(r / 7). Start its last layer at zero to start from
            N(0, I).
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If the channels are odd, or shapes do not fit.

    References:
        - Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP, 2016,
          arXiv:1605.08803, section 3.6.
        - Kingma and Dhariwal, Glow, 2018, arXiv:1807.03039, and its code for the
          learned prior.

    Note:
        The bound on the log-scales is not in the papers: it keeps numbers finite.

    Example:
    ```python
    inner = Chain([ActNorm((4, 4, 2)), Invertible1x1Convolution((4, 4, 2))])
    flow = Chain([Split((4, 4, 4), inner), Squeeze((8, 8, 1))])
    ```
    """

    def __init__(
        self,
        event_shape: Sequence[int],
        bijector: Bijector,
        prior_network: keras.Model | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(bijector, Bijector):
            raise ValueError(
                f"`bijector` must be a bijector. Received: bijector={bijector!r}"
            )
        event_shape = checks.sizes("event_shape", event_shape)
        super().__init__(
            event_shape,
            latent_shape=(math.prod(event_shape),),
            condition_dim=bijector.condition_dim,
            **kwargs,
        )
        *positions, channels = self.event_shape
        half = (*positions, channels // 2)
        if channels % 2 or bijector.event_shape != half:
            raise ValueError(
                "`event_shape` must have an even number of channels, and `bijector` "
                f"events of half as many. Received: event_shape={event_shape} and a "
                f"bijector of events {bijector.event_shape}"
            )
        _check_network(prior_network, half, self.event_shape)
        self.bijector = bijector
        self.prior_network: Any = prior_network
        self.forward_is_a_loop = bijector.forward_is_a_loop
        self.inverse_is_a_loop = bijector.inverse_is_a_loop
        # Both halves of the data come from one source.
        self.domain = bijector.domain
        self.built = True

    def _prior(self, b):
        """Returns mean and log-scale of the first half given the second."""
        outputs = ops.cast(self.prior_network(b), "float32")
        mean, raw = ops.split(outputs, 2, axis=-1)
        return mean, _LARGEST_LOG_SCALE * ops.tanh(raw / _LARGEST_LOG_SCALE)

    def _split_latents(self, z):
        """Returns u and w in their shapes."""
        u, w = ops.split(z, 2, axis=-1)
        u = ops.reshape(u, (-1, *self.bijector.event_shape))
        return u, ops.reshape(w, (-1, *self.bijector.latent_shape))

    def _join_latents(self, u, w):
        half = self.latent_shape[0] // 2
        halves = [ops.reshape(part, (-1, half)) for part in (u, w)]
        return ops.concatenate(halves, axis=-1)

    def _from_first(self, u, b):
        """Returns a and log|det da/du|."""
        if self.prior_network is None:
            return u, ops.zeros_like(sum_event(u))
        mean, log_scale = self._prior(b)
        return mean + ops.exp(log_scale) * u, sum_event(log_scale)

    def _to_first(self, a, b):
        """Returns u and log|det du/da|."""
        if self.prior_network is None:
            return a, ops.zeros_like(sum_event(a))
        mean, log_scale = self._prior(b)
        return (a - mean) * ops.exp(-log_scale), -sum_event(log_scale)

    def _forward_and_log_det(self, z, condition):
        u, w = self._split_latents(z)
        b, log_det = self.bijector.forward_and_log_det(w, condition)
        a, first_log_det = self._from_first(u, b)
        return ops.concatenate([a, b], axis=-1), log_det + first_log_det

    def _inverse_and_log_det(self, x, condition):
        a, b = ops.split(x, 2, axis=-1)
        w, log_det = self.bijector.inverse_and_log_det(b, condition)
        u, first_log_det = self._to_first(a, b)
        return self._join_latents(u, w), log_det + first_log_det

    @property
    def is_initialized(self) -> bool:
        """Whether the bijector does not wait for data to start from."""
        return self.bijector.is_initialized

    def initialize(self, x: Any, condition: Any = None) -> Any:
        a, b = ops.split(ops.cast(x, "float32"), 2, axis=-1)
        w = self.bijector.initialize(b, condition)
        return self._join_latents(self._to_first(a, b)[0], w)

    def initialize_forward(self, z: Any, condition: Any = None) -> Any:
        u, w = self._split_latents(ops.cast(z, "float32"))
        b = self.bijector.initialize_forward(w, condition)
        return ops.concatenate([self._from_first(u, b)[0], b], axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "bijector": keras.saving.serialize_keras_object(self.bijector),
            "prior_network": keras.saving.serialize_keras_object(self.prior_network),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **keras.saving.deserialize_keras_object(
                config, custom_objects=custom_objects
            )
        )


def _check_network(network, inputs, outputs):
    """Raises a `ValueError` unless there is no network or it has these shapes."""
    if network is None:
        return
    expected = (None, *inputs), (None, *outputs)
    shapes = tuple(
        getattr(network, f"{side}_shape", None) for side in ("input", "output")
    )
    if shapes != expected:
        raise ValueError(
            f"`prior_network` must be a built Keras network from {inputs} to {outputs}"
            f". Received: {network!r} of shapes {shapes}"
        )
