"""A fixed low-pass filter, that also doubles or halves images."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks


@keras.saving.register_keras_serializable("keras_genmod")
class Blur(keras.layers.Layer):
    """Filters images by (1, 3, 3, 1) along each side; can double or halve them.

    With `up=2` zeros come between pixels first, and the filter is four times as large,
    so that constants keep their value if every second tap sums to as much as the
    others; with `down=2` every second pixel is kept after it. Outside of the images are
    zeros.

    Args:
        taps: Tuple of positive ints, the filter along one side: one at least, two where
            `up` or `down` is 2.
        up: 1 or 2.
        down: 1 or 2; 1 where `up` is 2.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Zhang, Making convolutional networks shift-invariant again, 2019,
        arXiv:1904.11486; Karras et al., 2019, arXiv:1912.04958.

    Example:
    ```python
    Blur(up=2)(keras.ops.ones((1, 4, 4, 3))).shape  # (1, 8, 8, 3)
    ```
    """

    def __init__(
        self,
        taps: Sequence[int] = (1, 3, 3, 1),
        up: int = 1,
        down: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.taps = checks.sizes("taps", taps)
        self.up = int(checks.choice("up", up, (1, 2)))
        self.down = int(checks.choice("down", down, (1, 2)))
        if self.up == self.down == 2:
            raise ValueError(
                "`down` must be 1 where `up` is 2: images would only move by a part of "
                f"a pixel. Received: down={down}, up={up}"
            )
        change = max(self.up, self.down)
        if len(self.taps) < change:
            raise ValueError(
                f"`taps` must be {change} or more, or pixels fall between them. "
                f"Received: taps={taps}, up={up}, down={down}"
            )
        self.input_spec = keras.layers.InputSpec(ndim=4)
        side = np.array(self.taps, "float32")
        side = self.up * side / side.sum()
        self._filter = side[:, None] * side[None, :]
        # As the authors' code: the filter's middle stands on the pixel.
        rest = len(self.taps) - change
        self._padding = ((rest + 1) // 2 + self.up - 1, rest // 2)

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        x = inputs
        if self.up == 2:
            x = ops.reshape(x, (-1, height, 1, width, 1, channels))
            x = ops.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0), (0, 1), (0, 0)))
            x = ops.reshape(x, (-1, 2 * height, 2 * width, channels))
        x = ops.pad(x, ((0, 0), self._padding, self._padding, (0, 0)))
        kernel = np.tile(self._filter[:, :, None, None], (1, 1, channels, 1))
        return ops.depthwise_conv(
            x,
            ops.cast(kernel, x.dtype),
            strides=(self.down, self.down),
            padding="valid",
            data_format="channels_last",
        )

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [
            None
            if side is None
            else (side * self.up + sum(self._padding) - len(self.taps)) // self.down + 1
            for side in sides
        ]
        return (batch, *sides, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "taps": list(self.taps),
            "up": self.up,
            "down": self.down,
        }
