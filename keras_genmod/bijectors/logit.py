"""From an interval to all numbers."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.sigmoid import (
    check_margin,
    logit_and_log_det,
    sigmoid_and_log_det,
    unit_domain,
)


@keras.saving.register_keras_serializable("keras_genmod")
class Logit(Bijector):
    """f(z) = logit(margin + (1 - 2 margin) z): `Sigmoid` the other way round.

    Its latents lie in an interval, `latent_domain`, its data anywhere. Flows of images
    need the other direction: end them with a `Sigmoid`.

    Args:
        event_shape: Tuple of positive ints, the shape of an event; `(d,)` for vectors.
        margin: Float in [0, 0.5), as in `Sigmoid`.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP, 2016,
        arXiv:1605.08803, section 4.1.

    Example:
    ```python
    z, log_det = Logit((2,), margin=0.05).inverse_and_log_det(ops.zeros((5, 2)))
    ```
    """

    def __init__(
        self, event_shape: Sequence[int], margin: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(event_shape, **kwargs)
        self.margin = check_margin(margin)
        self.latent_domain = unit_domain(self.margin)
        self.built = True

    def _forward_and_log_det(self, z, condition):
        return logit_and_log_det(z, self.margin)

    def _inverse_and_log_det(self, x, condition):
        return sigmoid_and_log_det(x, self.margin)

    def get_config(self):
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "margin": self.margin,
        }
