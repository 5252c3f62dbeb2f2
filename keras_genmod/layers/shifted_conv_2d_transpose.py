"""The way back from a coarse image, without sight of later rows or pixels."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import affine, read


@keras.saving.register_keras_serializable("keras_genmod")
class ShiftedConv2DTranspose(keras.layers.Layer):
    """Transposed 2-D convolution of stride 2 that sees only earlier rows, or pixels.

    Each output sees the coarse pixel that it lies in; with direction "down" (kernel
    2x3) one in an odd column sees the coarse pixel to its right, too. The kernel of
    "down_right" is 2x2.

    Args:
        filters: Positive int, number of output features.
        direction: "down" or "down_right".
        use_bias: Whether a bias is added.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `direction` is not as above.

    References:
        Salimans, Karpathy, Chen and Kingma, PixelCNN++, 2017, arXiv:1701.05517.

    Example:
    ```python
    layer = ShiftedConv2DTranspose(16, "down_right")
    fine = layer(ops.zeros((1, 14, 14, 8)))  # (1, 28, 28, 16)
    ```
    """

    def __init__(
        self, filters: int, direction: str, use_bias: bool = True, **kwargs: Any
    ) -> None:
        filters = checks.positive_int("filters", filters)
        direction = checks.choice("direction", direction, ("down", "down_right"))
        super().__init__(**kwargs)
        self.filters = filters
        self.direction = direction
        self.use_bias = checks.boolean("use_bias", use_bias)

    def build(self, input_shape):
        width = 3 if self.direction == "down" else 2
        self.kernel = self.add_weight(
            shape=(2, width, input_shape[-1], self.filters), name="kernel"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer="zeros", name="bias"
            )

    def call(self, inputs):
        return self.convolve(inputs, self.kernel, self.bias)

    def convolve(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        """Returns what the layer makes of `x` with other weights.

        Args:
            x: Coarse images `(batch, height, width, inputs)`.
            kernel: Tensor `(rows, 2 or 3, inputs, filters)`; with one row of taps the
                image gets wider only.
            bias: Tensor `(filters,)` or `None`.
        """
        if self.direction == "down":
            # Tap 0 is what an odd column takes of the coarse pixel to its right.
            right = ops.pad(x[:, :, 1:], ((0, 0), (0, 0), (0, 1), (0, 0)))
            x = ops.concatenate([x, right], axis=-1)
            odd = kernel[:, :1]
            odd = ops.concatenate([ops.zeros_like(odd), odd], axis=1)
            kernel = ops.concatenate([kernel[:, 1:], odd], axis=2)
        rows, _, inputs, filters = kernel.shape
        _, height, width, _ = x.shape
        kernel = ops.reshape(ops.transpose(kernel, (2, 0, 1, 3)), (inputs, -1))
        # TensorFlow's product of four axes and two crashes for some small sizes.
        y = ops.reshape(x, (-1, inputs)) @ kernel
        y = ops.reshape(y, (-1, height, width, rows, 2, filters))
        y = ops.transpose(y, (0, 1, 3, 2, 4, 5))
        y = ops.reshape(y, (-1, height * rows, width * 2, filters))
        return y if bias is None else y + bias

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        sides = (side and 2 * side for side in (height, width))
        return (batch, *sides, self.filters)

    def incremental(
        self, batch_size: int, width: int, kernel: Any = None, bias: Any = None
    ) -> Any:
        """Returns the layer's other form, which goes step by step.

        Args:
            batch_size: Positive int, the number of images; without effect.
            width: Positive int, of the input in pixels; without effect.
            kernel: Instead of the layer's own.
            bias: Instead of the layer's own.

        Returns:
            An `IncrementalShiftedTranspose`, one row at a time for "down", one pixel
            at a time for "down_right". It holds the weights as they are now.
        """
        del batch_size, width  # It has no cache.
        kernel = self.kernel if kernel is None else kernel
        bias = self.bias if bias is None else bias
        kernel = ops.cast(kernel, self.compute_dtype)
        if bias is None:
            bias = ops.zeros((self.filters,))
        bias = ops.cast(bias, self.compute_dtype)
        return IncrementalShiftedTranspose(self, kernel, bias)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "direction": self.direction,
            "use_bias": self.use_bias,
        }


class IncrementalShiftedTranspose:
    """What a transposed convolution gives for one row, or pixel, of its output.

    It needs no cache: only the coarse row, or pixel, that the output lies in.

    Args:
        layer: Built `ShiftedConv2DTranspose`.
        kernel: Tensor of the compute dtype.
        bias: Tensor `(filters,)` of the compute dtype.
    """

    def __init__(self, layer, kernel, bias):
        self._layer, self._kernel, self._bias = layer, kernel, bias
        self._pixels = None
        if layer.direction == "down_right":
            self._pixels = ops.reshape(kernel, (4, *kernel.shape[2:]))

    def init_cache(self):
        """Returns the cache: there is nothing in it."""
        return ()

    def prefill(self, cache):
        """Returns the cache before a row's first pixel."""
        return cache

    def step_row(self, x, row):
        """Returns the output's row `(batch, 1, 2 width, filters)` of index `row`.

        Args:
            x: The coarse row that it lies in, `(batch, 1, width, inputs)`.
            row: Int or traced integer.
        """
        kernel = read(self._kernel, row % 2, 1, axis=0)
        return self._layer.convolve(x, kernel, self._bias)

    def step_pixel(self, x, row, column):
        """Returns the output's pixel `(batch, filters)` at `(row, column)`.

        Args:
            x: The coarse pixel that it lies in, `(batch, inputs)`.
            row: Int or traced integer.
            column: Int or traced integer.
        """
        kernel = read(self._pixels, row % 2 * 2 + column % 2, 1, axis=0)[0]
        return affine(x, kernel, self._bias)
