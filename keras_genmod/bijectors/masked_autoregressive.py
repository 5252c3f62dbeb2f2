"""The masked autoregressive flow."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.conditioner import check_network, log_scale
from keras_genmod.bijectors.value_by_value import value_by_value
from keras_genmod.engine import fori_loop


@keras.saving.register_keras_serializable("keras_genmod")
class MaskedAutoregressive(Bijector):
    """x_i = z_i exp(s_i) + m_i, with s_i and m_i from the values x before i.

    Data to latents, z_i = (x_i - m_i) exp(-s_i), is one pass of the network, and
    log|det dz/dx| = -sum of s_i. Latents to data is a compiled loop over the values. In
    a network of `networks.made` each value computes its own units alone, from sums that
    are kept, so that the loop costs about one pass in arithmetic; another network takes
    a whole pass a value. `Invert` makes the inverse autoregressive flow of it, which
    draws in one pass. A network whose last layer is zero makes the identity.

    In a chain, put `Permutation` between members, to reverse the order of the values.

    Args:
        event_dim: Positive int, the length of an event.
        network: Built Keras model from `(batch, event_dim)` to `(batch, event_dim, 2)`,
            m and raw s on the last axis, where value i sees the inputs before i only;
            with `condition_dim`, from the list `[event, condition]`. See
            `networks.made`. s = 5 tanh(raw / 5) is bounded.
        condition_dim: Positive int, the length of the condition, or `None`.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `event_dim` is out of range or the network does not fit.

    References:
        - Papamakarios, Pavlakou and Murray, Masked autoregressive flow for density
          estimation, 2017, arXiv:1705.07057.
        - Kingma et al., Improved variational inference with inverse autoregressive
          flow, 2016, arXiv:1606.04934.

    Note:
        The papers do not bound s. That of MAF puts batch normalization between layers;
        `ActNorm` takes its place here. `Invert` makes an inverse autoregressive flow of
        this affine form, not the gated one of Kingma et al., 2016, arXiv:1606.04934.

    Example:
    ```python
    flow = MaskedAutoregressive(4, keras_genmod.networks.made(4))
    z, log_det = flow.inverse_and_log_det(ops.ones((5, 4)))
    ```
    """

    def __init__(
        self,
        event_dim: int,
        network: keras.Model,
        condition_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        event_dim = checks.positive_int("event_dim", event_dim)
        super().__init__((event_dim,), condition_dim=condition_dim, **kwargs)
        check_network(network, (event_dim,), [(event_dim, 2)], condition_dim)
        self.event_dim = event_dim
        self.network = network
        self._by_value = value_by_value(network, event_dim, condition_dim)
        self.forward_is_a_loop = self._by_value is not None
        self.built = True

    def _shift_and_log_scale(self, x, condition):
        """Returns m and s of every value, `(batch, event_dim)`."""
        inputs = x if condition is None else [x, condition]
        return _shift_and_log_scale(self.network(inputs))

    def _inverse_and_log_det(self, x, condition):
        m, s = self._shift_and_log_scale(x, condition)
        return (x - m) * ops.exp(-s), -ops.sum(s, axis=-1)

    def _forward_and_log_det(self, z, condition):
        if self._by_value is None:
            return self._in_whole_passes(z, condition)

        def value_of(z, outputs):
            m, s = _shift_and_log_scale(outputs[:, None])
            return z * ops.exp(s) + m

        outputs = self._by_value.outputs(z, condition, value_of)
        m, s = _shift_and_log_scale(outputs)
        return z * ops.exp(s) + m, ops.sum(s, axis=-1)

    def _in_whole_passes(self, z, condition):
        """Maps latents to data by a pass of the network for each value."""
        positions = ops.arange(self.event_dim, dtype="int32")

        def find_value(i, carry):
            x, log_det = carry  # the values before i are known, the others are 0
            m, s = self._shift_and_log_scale(x, condition)
            is_next = positions == i
            x = ops.where(is_next, z * ops.exp(s) + m, x)
            return x, log_det + ops.sum(ops.where(is_next, s, 0.0), axis=-1)

        start = (ops.zeros_like(z), ops.zeros_like(z[:, 0]))
        return fori_loop(self.event_dim, find_value, start)

    def get_config(self):
        return {
            **super().get_config(),
            "event_dim": self.event_dim,
            "network": keras.saving.serialize_keras_object(self.network),
            "condition_dim": self.condition_dim,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **keras.saving.deserialize_keras_object(
                config, custom_objects=custom_objects
            )
        )


def _shift_and_log_scale(outputs):
    """Returns m and s of a network's outputs, `(..., 2)`."""
    outputs = ops.cast(outputs, "float32")
    return outputs[..., 0], log_scale(outputs[..., 1])
