"""A bijector the other way round."""

from typing import Any

import keras

from keras_genmod.bijectors.bijector import Bijector


@keras.saving.register_keras_serializable("keras_genmod")
class Invert(Bijector):
    """f(z) = g^-1(z): latents and data of a bijector g change places.

    Args:
        bijector: The bijector g. Where it has no inverse, this one has no forward.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `bijector` is none.

    Example:
    ```python
    x, log_det = Invert(Planar(2)).forward_and_log_det(ops.ones((5, 2)))
    ```
    """

    def __init__(self, bijector: Bijector, **kwargs: Any) -> None:
        if not isinstance(bijector, Bijector):
            raise ValueError(
                f"`bijector` must be a bijector. Received: bijector={bijector!r}"
            )
        super().__init__(
            event_shape=bijector.latent_shape,
            latent_shape=bijector.event_shape,
            condition_dim=bijector.condition_dim,
            **kwargs,
        )
        self.bijector = bijector
        self.only_moves_values = bijector.only_moves_values
        self.forward_is_a_loop = bijector.inverse_is_a_loop
        self.inverse_is_a_loop = bijector.forward_is_a_loop
        self.domain = bijector.latent_domain
        self.latent_domain = bijector.domain
        self.built = True

    def _forward_and_log_det(self, z, condition):
        return self.bijector.inverse_and_log_det(z, condition)

    def _inverse_and_log_det(self, x, condition):
        return self.bijector.forward_and_log_det(x, condition)

    @property
    def is_initialized(self) -> bool:
        """Whether the bijector does not wait for data to start from."""
        return self.bijector.is_initialized

    def initialize(self, x: Any, condition: Any = None) -> Any:
        return self.bijector.initialize_forward(x, condition)

    def initialize_forward(self, z: Any, condition: Any = None) -> Any:
        return self.bijector.initialize(z, condition)

    def get_config(self):
        return {
            **super().get_config(),
            "bijector": keras.saving.serialize_keras_object(self.bijector),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(
            **keras.saving.deserialize_keras_object(
                config, custom_objects=custom_objects
            )
        )
