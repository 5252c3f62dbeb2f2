"""Several bijectors, one after the other."""

import keras

from keras_genmod.bijectors.bijector import Bijector


@keras.saving.register_keras_serializable("keras_genmod")
class Chain(Bijector):
    """f = f_K o ... o f_1: log-determinants add up.

    Args:
        bijectors: Non-empty list of bijectors of one event shape, in the order in
            which `forward_and_log_det` applies them, from latent to data.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If the list is empty or event shapes differ.

    Example:
    ```python
    flow = Chain([Planar(2) for _ in range(8)])
    ```
    """

    def __init__(self, bijectors, **kwargs):
        bijectors = list(bijectors)
        shapes = {tuple(bijector.event_shape) for bijector in bijectors}
        if len(shapes) != 1:
            raise ValueError(
                "`bijectors` must be a non-empty list of bijectors of one event "
                f"shape. Received event shapes {sorted(shapes)}"
            )
        super().__init__(event_shape=shapes.pop(), **kwargs)
        self.bijectors = bijectors
        self.built = True

    def forward_and_log_det(self, z):
        total = 0.0
        for bijector in self.bijectors:
            z, log_det = bijector.forward_and_log_det(z)
            total = total + log_det
        return z, total

    def inverse_and_log_det(self, x):
        total = 0.0
        for bijector in reversed(self.bijectors):
            x, log_det = bijector.inverse_and_log_det(x)
            total = total + log_det
        return x, total

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
