"""A kink at zero."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import sum_event


@keras.saving.register_keras_serializable("keras_genmod")
class LeakyReLU(Bijector):
    """f(z) = z where z >= 0, else slope z, element by element.

    log|det df/dz| = log(slope) times the number of negative values. Between linear
    bijectors it makes a flow of piecewise linear maps.

    Args:
        event_shape: Tuple of positive ints, the shape of an event; `(d,)` for vectors.
        slope: Positive float, the slope of the negative side; 1 is the identity.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        Maas, Hannun and Ng, Rectifier nonlinearities improve neural network acoustic
        models, 2013, for the function.

    Example:
    ```python
    flow = Chain([InvertibleLinear(2), LeakyReLU((2,)), InvertibleLinear(2)])
    ```
    """

    def __init__(
        self, event_shape: Sequence[int], slope: float = 0.2, **kwargs: Any
    ) -> None:
        super().__init__(event_shape, **kwargs)
        self.slope = float(checks.positive("slope", slope))
        self.built = True

    def _forward_and_log_det(self, z, condition):
        return _kinked(z, self.slope)

    def _inverse_and_log_det(self, x, condition):
        return _kinked(x, 1.0 / self.slope)

    def get_config(self):
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "slope": self.slope,
        }


def _kinked(x, slope):
    negative = x < 0
    log_slopes = math.log(slope) * ops.cast(negative, x.dtype)
    return ops.where(negative, slope * x, x), sum_event(log_slopes)
