"""From all numbers to an interval."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import sum_event
from keras_genmod.engine import clip

_ABOVE_0 = float(np.finfo("float32").tiny)
_BELOW_1 = 1.0 - 2.0**-24


@keras.saving.register_keras_serializable("keras_genmod")
class Sigmoid(Bijector):
    """f(z) = (sigmoid(z) - margin) / (1 - 2 margin), element by element.

    log|det df/dz| = -sum_i (softplus(z_i) + softplus(-z_i)) - d log(1 - 2 margin).

    As the last bijector of a flow of images it is the field's preprocessing: data x in
    [0, 1] become logit(margin + (1 - 2 margin) x), at most log(1 / margin - 1) in size,
    and the log-determinant counts. The images of f reach beyond [0, 1] by
    margin / (1 - 2 margin); `domain` holds them. Without a margin, 0 and 1 are no
    images: their latents would be infinite.

    Args:
        event_shape: Tuple of positive ints, the shape of an event; `(d,)` for vectors.
        margin: Float in [0, 0.5), the distance of the images of 0 and 1 from the
            ends. Published: 0.05 (RealNVP), 1e-6 for MNIST and 0.05 for CIFAR-10 (MAF).
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Dinh, Sohl-Dickstein and Bengio, Density estimation using Real NVP, 2016,
          arXiv:1605.08803, section 4.1.
        - Papamakarios, Pavlakou and Murray, Masked autoregressive flow for density
          estimation, 2017, arXiv:1705.07057, appendix D.

    Example:
    ```python
    flow = Chain([Planar(784), Sigmoid((784,), margin=1e-6)])
    ```
    """

    def __init__(
        self, event_shape: Sequence[int], margin: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(event_shape, **kwargs)
        self.margin = check_margin(margin)
        self.domain = unit_domain(self.margin)
        self.built = True

    def _forward_and_log_det(self, z, condition):
        return sigmoid_and_log_det(z, self.margin)

    def _inverse_and_log_det(self, x, condition):
        return logit_and_log_det(x, self.margin)

    def get_config(self):
        return {
            **super().get_config(),
            "event_shape": self.event_shape,
            "margin": self.margin,
        }


def check_margin(margin) -> float:
    """Returns the margin; raises a `ValueError` unless it is in [0, 0.5)."""
    if not checks.fraction("margin", margin) < 0.5:
        raise ValueError(f"`margin` must be in [0, 0.5). Received: margin={margin}")
    return float(margin)


def unit_domain(margin) -> tuple[float, float]:
    """Returns the smallest and the largest float32 image of a sigmoid."""
    if margin == 0:
        return _ABOVE_0, _BELOW_1
    beyond = float(np.float32(margin / (1.0 - 2.0 * margin)))
    return -beyond, 1.0 + beyond


def sigmoid_and_log_det(z, margin):
    """Maps numbers to the interval.

    Args:
        z: Float32 tensor of shape `(batch, *event)`.
        margin: Float in [0, 0.5).

    Returns:
        The images, and log|det| in nats, `(batch,)`.
    """
    width = 1.0 - 2.0 * margin
    x = clip((ops.sigmoid(z) - margin) / width, *unit_domain(margin))
    slopes = -ops.softplus(z) - ops.softplus(-z)  # log sigmoid'(z)
    return x, sum_event(slopes - math.log(width))


def logit_and_log_det(x, margin):
    """Maps the interval to numbers: the inverse of `sigmoid_and_log_det`.

    Values outside the interval give NaN rather than the number of its end.
    """
    width = 1.0 - 2.0 * margin
    # Images of a sigmoid that is 0 or 1 in float32 have finite latents still.
    nearest = _ABOVE_0 if margin == 0 else 1.0 - _BELOW_1
    y = ops.clip(margin + width * x, nearest, _BELOW_1)
    low, high = unit_domain(margin)
    y = ops.where((x < low) | (x > high), float("nan"), y)
    log_y, log_rest = ops.log(y), ops.log1p(-y)
    log_det = sum_event(math.log(width) - log_y - log_rest)
    return log_y - log_rest, log_det
