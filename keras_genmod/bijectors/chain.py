"""Several bijectors, one after the other."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_genmod.bijectors.bijector import Bijector


@keras.saving.register_keras_serializable("keras_genmod")
class Chain(Bijector):
    """f = f_K o ... o f_1: log-determinants add up.

    Args:
        bijectors: Non-empty list of bijectors in the order in which
            `forward_and_log_det` applies them, from latent to data; each one's events
            have the shape of the next one's latents. Those with a condition share it.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If the list is empty, shapes do not fit, or conditions differ.

    Example:
    ```python
    flow = Chain([Planar(2) for _ in range(8)])
    ```
    """

    def __init__(self, bijectors: Sequence[Bijector], **kwargs: Any) -> None:
        is_list = isinstance(bijectors, (list, tuple)) and len(bijectors) > 0
        if not is_list or not all(isinstance(b, Bijector) for b in bijectors):
            raise ValueError(
                "`bijectors` must be a non-empty list of bijectors. "
                f"Received: bijectors={bijectors!r}"
            )
        bijectors = list(bijectors)
        for before, after in zip(bijectors, bijectors[1:], strict=False):
            if before.event_shape != after.latent_shape:
                raise ValueError(
                    "`bijectors` must fit together: each takes latents of the shape "
                    f"of the events before it. Received a {type(before).__name__} of "
                    f"events {before.event_shape} before a {type(after).__name__} of "
                    f"latents {after.latent_shape}"
                )
        dims = (b.condition_dim for b in bijectors)
        conditions = {dim for dim in dims if dim is not None}
        if len(conditions) > 1:
            raise ValueError(
                "`bijectors` must share one condition. Received "
                f"condition_dim={sorted(conditions)}"
            )
        super().__init__(
            event_shape=bijectors[-1].event_shape,
            latent_shape=bijectors[0].latent_shape,
            condition_dim=conditions.pop() if conditions else None,
            **kwargs,
        )
        self.bijectors = bijectors
        self.only_moves_values = all(b.only_moves_values for b in bijectors)
        self.forward_is_a_loop = any(b.forward_is_a_loop for b in bijectors)
        self.inverse_is_a_loop = any(b.inverse_is_a_loop for b in bijectors)
        changing = [b for b in bijectors if not b.only_moves_values] or bijectors
        self.domain = changing[-1].domain
        self.latent_domain = changing[0].latent_domain
        self.built = True

    def _forward_and_log_det(self, z, condition):
        total = 0.0
        for bijector in self.bijectors:
            z, log_det = bijector.forward_and_log_det(z, condition)
            total = total + log_det
        return z, total

    def _inverse_and_log_det(self, x, condition):
        total = 0.0
        for bijector in reversed(self.bijectors):
            x, log_det = bijector.inverse_and_log_det(x, condition)
            total = total + log_det
        return x, total

    @property
    def is_initialized(self) -> bool:
        """Whether no member waits for data to start from."""
        return all(bijector.is_initialized for bijector in self.bijectors)

    def initialize(self, x: Any, condition: Any = None) -> Any:
        for bijector in reversed(self.bijectors):
            x = bijector.initialize(x, condition)
        return x

    def initialize_forward(self, z: Any, condition: Any = None) -> Any:
        for bijector in self.bijectors:
            z = bijector.initialize_forward(z, condition)
        return z

    def get_config(self):
        return {
            **super().get_config(),
            "bijectors": [
                keras.saving.serialize_keras_object(b) for b in self.bijectors
            ],
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **keras.saving.deserialize_keras_object(
                config, custom_objects=custom_objects
            )
        )
