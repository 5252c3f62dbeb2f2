"""Normalised channels, from data once and by training after."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod.bijectors.bijector import Bijector
from keras_genmod.bijectors.events import same_for_all

_SMALLEST_DEVIATION = 1e-5  # of a channel that varies, relative to 1 + |mean|


@keras.saving.register_keras_serializable("keras_genmod")
class ActNorm(Bijector):
    """f(z) = exp(s) z + b, with one s and b a channel, the last axis.

    log|det df/dz| = H W sum_c s_c for events (H, W, C).

    `initialize` sets both so that the latents of the data it is given have mean 0 and
    standard deviation 1 in each channel; then they train like any weight. Channels
    that do not vary there keep a scale of 1, and those that hold other than finite
    numbers also a bias of 0.

    Args:
        event_shape: Tuple of positive ints, the shape of an event; `(d,)` for vectors,
            each value a channel.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `event_shape` is no shape.

    References:
        Kingma and Dhariwal, Glow, 2018, arXiv:1807.03039, section 3.1.

    Note:
        The paper scales on the way to the latents, z = s (x + b). This is the same
        family of maps, with the scale as exp(s), which cannot become 0.

    Example:
    ```python
    norm = ActNorm((8, 8, 4))
    z = norm.initialize(images)  # mean 0, standard deviation 1 of each channel
    ```
    """

    def __init__(self, event_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(event_shape, **kwargs)
        self.log_scale, self.bias = (
            self.add_weight(
                shape=self.event_shape[-1:],
                initializer="zeros",
                dtype="float32",
                autocast=False,
                name=name,
            )
            for name in ("log_scale", "bias")
        )
        self._initialized = self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="float32",
            autocast=False,
            trainable=False,
            name="initialized",
        )
        self._positions = int(np.prod(self.event_shape[:-1]))
        self.built = True

    def _log_det(self, log_scale, x):
        return same_for_all(self._positions * ops.sum(log_scale), x)

    def _forward_and_log_det(self, z, condition):
        log_scale, bias = map(ops.convert_to_tensor, (self.log_scale, self.bias))
        return ops.exp(log_scale) * z + bias, self._log_det(log_scale, z)

    def _inverse_and_log_det(self, x, condition):
        log_scale, bias = map(ops.convert_to_tensor, (self.log_scale, self.bias))
        return (x - bias) * ops.exp(-log_scale), self._log_det(-log_scale, x)

    @property
    def is_initialized(self) -> bool:
        """Whether `initialize` was called."""
        return bool(ops.convert_to_numpy(self._initialized) != 0)

    def initialize(self, x: Any, condition: Any = None) -> Any:
        mean, log_deviation = _statistics(x)
        self._start(log_deviation, mean)
        return self.inverse(x)

    def initialize_forward(self, z: Any, condition: Any = None) -> Any:
        # exp(s) z + b with s = -log deviation and b = -mean / deviation
        mean, log_deviation = _statistics(z)
        self._start(-log_deviation, -mean * np.exp(-log_deviation))
        return self.forward(z)

    def _start(self, log_scale, bias):
        self.log_scale.assign(log_scale)
        self.bias.assign(bias)
        self._initialized.assign(1.0)

    def get_config(self):
        return {**super().get_config(), "event_shape": self.event_shape}


def _statistics(x):
    """Returns mean and log deviation of each channel, 0 where there is none."""
    x = ops.convert_to_numpy(ops.cast(x, "float32")).astype("float64")
    if not x.size:
        raise ValueError(
            "ActNorm starts from data: it needs one example or more. "
            f"Received: shape {x.shape}"
        )
    x = x.reshape(-1, x.shape[-1])
    x = np.where(np.isfinite(x).all(axis=0), x, 0.0)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    varies = deviation > _SMALLEST_DEVIATION * (1.0 + np.abs(mean))
    return mean, np.log(np.where(varies, deviation, 1.0))
