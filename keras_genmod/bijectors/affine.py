"""A scale and a shift of every value."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import same_for_all


@keras.saving.register_keras_serializable("keras_genmod")
class Affine(Bijector):
    """f(z) = exp(s) z + b, element by element, with learnable s and b.

    log|det df/dz| = sum_i s_i. It starts as the identity.

    Args:
        event_shape: Tuple of positive ints, the shape of an event; `(d,)` for vectors.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `event_shape` is no shape.

    Example:
    ```python
    flow = Chain([Planar(2), Affine((2,))])
    ```
    """

    def __init__(self, event_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(event_shape, **kwargs)
        self.log_scale, self.shift = (
            self.add_weight(
                shape=self.event_shape,
                initializer="zeros",
                dtype="float32",
                autocast=False,
                name=name,
            )
            for name in ("log_scale", "shift")
        )
        self.built = True

    def _forward_and_log_det(self, z, condition):
        log_scale, shift = map(ops.convert_to_tensor, (self.log_scale, self.shift))
        x = ops.exp(log_scale) * z + shift
        return x, same_for_all(ops.sum(log_scale), z)

    def _inverse_and_log_det(self, x, condition):
        log_scale, shift = map(ops.convert_to_tensor, (self.log_scale, self.shift))
        z = (x - shift) * ops.exp(-log_scale)
        return z, same_for_all(-ops.sum(log_scale), x)

    def get_config(self):
        return {**super().get_config(), "event_shape": self.event_shape}
