"""A fixed low-pass filter, that also doubles or halves images."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks

# Up to these sides products with matrices take less time than convolutions, on a CPU:
# XLA is slow at those of each channel for itself, and at their gradients most of all.
_LARGEST = {"jax": 256, "torch": 128, "tensorflow": 16}


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
        self._side = self.up * side / side.sum()
        # As the authors' code: the filter's middle stands on the pixel.
        rest = len(self.taps) - change
        self._padding = ((rest + 1) // 2 + self.up - 1, rest // 2)

    def call(self, inputs):
        sides = inputs.shape[1:3]
        largest = _LARGEST[keras.backend.backend()]
        if all(side is not None and side <= largest for side in sides):
            return self._multiplied(inputs)
        return self._convolved(inputs)

    def _multiplied(self, x):
        height, width, channels = x.shape[1:]
        down, across = (
            ops.cast(self._matrix(side), x.dtype) for side in (height, width)
        )
        x = ops.matmul(down, ops.reshape(x, (-1, height, width * channels)))
        x = ops.matmul(across, ops.reshape(x, (-1, width, channels)))
        return ops.reshape(x, (-1, down.shape[0], across.shape[0], channels))

    def _matrix(self, side):
        """Returns what takes a column of pixels to one of the result, `(new, old)`."""
        new, old = np.ogrid[: self._new_side(side), :side]
        tap = self._padding[0] + self.up * old - self.down * new
        is_tap = (tap >= 0) & (tap < len(self.taps))
        return np.where(is_tap, self._side[tap.clip(0, len(self.taps) - 1)], 0.0)

    def _convolved(self, x):
        height, width, channels = x.shape[1:]
        if self.up == 2:
            x = ops.reshape(x, (-1, height, 1, width, 1, channels))
            x = ops.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0), (0, 1), (0, 0)))
            x = ops.reshape(x, (-1, 2 * height, 2 * width, channels))
        x = ops.pad(x, ((0, 0), self._padding, self._padding, (0, 0)))
        kernel = self._side[:, None, None, None] * self._side[:, None, None]
        return ops.depthwise_conv(
            x,
            ops.cast(np.tile(kernel, (1, 1, channels, 1)), x.dtype),
            strides=(self.down, self.down),
            padding="valid",
            data_format="channels_last",
        )

    def _new_side(self, side):
        rest = sum(self._padding) - len(self.taps)
        return (side * self.up + rest) // self.down + 1

    def compute_output_shape(self, input_shape):
        batch, *sides, channels = input_shape
        sides = [None if side is None else self._new_side(side) for side in sides]
        return (batch, *sides, channels)

    def get_config(self):
        return {
            **super().get_config(),
            "taps": list(self.taps),
            "up": self.up,
            "down": self.down,
        }
