"""Causal convolutions that shift the image instead of masking the kernel."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.incremental_conv_2d import IncrementalConv2D


@keras.saving.register_keras_serializable("keras_genmod")
class ShiftedConv2D(keras.layers.Layer):
    """2-D convolution that sees only earlier rows, or earlier pixels.

    With direction "down" an output sees its own row and `height - 1` above, and as many
    columns left as right; with "down_right" its own row and those above, its own column
    and `width - 1` left of it. Mask "A", for the first layer, moves the window up by
    one row ("down") or left by one column ("down_right"), so that the own row or pixel
    stays unseen. No tap is masked: all of the kernel is used.

    y[r, c] = sum_ij x[s r - height + 1 + i, s c + j - left] kernel[i, j] + bias

    Args:
        filters: Positive int, number of output features.
        kernel_size: `(height, width)` of positive ints; for "down" an odd width.
        direction: "down" or "down_right".
        mask: "A" or "B".
        strides: Positive int `s`; sides of the input are multiples of it. 1 for mask
            "A".
        use_bias: Whether a bias is added.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is not as above.

    References:
        Salimans, Karpathy, Chen and Kingma, PixelCNN++, 2017, arXiv:1701.05517.

    Example:
    ```python
    layer = ShiftedConv2D(16, (2, 3), "down", mask="A")
    rows_above = layer(ops.zeros((1, 28, 28, 1)))  # (1, 28, 28, 16)
    ```
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        direction: str,
        mask: str = "B",
        strides: int = 1,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        filters = checks.positive_int("filters", filters)
        direction = checks.choice("direction", direction, ("down", "down_right"))
        mask = checks.choice("mask", mask, ("A", "B"))
        height, width = checks.sizes("kernel_size", kernel_size, 2)
        if direction == "down" and width % 2 == 0:
            raise ValueError(
                '`kernel_size` must be of odd width for "down". '
                f"Received: kernel_size={kernel_size}"
            )
        strides = checks.positive_int("strides", strides)
        if mask == "A" and strides > 1:
            raise ValueError(
                f'`strides` must be 1 for mask "A". Received: strides={strides}'
            )
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = (height, width)
        self.direction = direction
        self.mask = mask
        self.strides = strides
        self.use_bias = checks.boolean("use_bias", use_bias)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, input_shape[-1], self.filters), name="kernel"
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer="zeros", name="bias"
            )

    @property
    def padding(self) -> Any:
        """Zeros above, left of and right of the image, `(above, left, right)`."""
        height, width = self.kernel_size
        if self.direction == "down":
            return height - 1 + (self.mask == "A"), width // 2, width // 2
        return height - 1, width - 1 + (self.mask == "A"), 0

    def call(self, inputs):
        return self.convolve(inputs, self.kernel, self.bias)

    def convolve(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        """Returns what the layer makes of `x` with other weights."""
        above, left, right = self.padding
        if above or left or right:
            x = ops.pad(x, ((0, 0), (above, 0), (left, right), (0, 0)))
        if self.mask == "A":  # The last row or column is seen by no output.
            x = x[:, :-1] if self.direction == "down" else x[:, :, :-1]
        return self.convolve_padded(x, kernel, bias)

    def convolve_padded(self, x: Any, kernel: Any, bias: Any = None) -> Any:
        """Returns the same of images that hold their padding already."""
        y = ops.conv(x, kernel, self.strides, "valid", data_format="channels_last")
        return y if bias is None else y + bias

    def compute_output_shape(self, input_shape):
        batch, height, width, _ = input_shape
        sides = (side and -(-side // self.strides) for side in (height, width))
        return (batch, *sides, self.filters)

    def incremental(
        self, batch_size: int, width: int, kernel: Any = None, bias: Any = None
    ) -> Any:
        """Returns the layer's other form, which goes step by step.

        Args:
            batch_size: Positive int, the number of images.
            width: Positive int, of the layer's input in pixels.
            kernel: Instead of the layer's own.
            bias: Instead of the layer's own.

        Returns:
            An `IncrementalShiftedRows` for "down", one row at a time, or an
            `IncrementalConv2D`, one pixel at a time. It holds the weights as they are
            now.
        """
        kernel = ops.cast(self.kernel if kernel is None else kernel, self.compute_dtype)
        bias = self.bias if bias is None else bias
        if bias is None:
            bias = ops.zeros((self.filters,))
        bias = ops.cast(bias, self.compute_dtype)
        if self.direction == "down":
            return IncrementalShiftedRows(self, batch_size, width, kernel, bias)
        return IncrementalConv2D(
            kernel[:-1],
            kernel[-1],
            bias,
            batch_size,
            width,
            left=self.padding[1],
            strides=self.strides,
            sees_itself=self.mask == "B",
        )

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "direction": self.direction,
            "mask": self.mask,
            "strides": self.strides,
            "use_bias": self.use_bias,
        }


class IncrementalShiftedRows:
    """What a down-shifted convolution gives for the next row of its input.

    The cache holds the `height - 1` rows before, `(batch, height - 1, width, inputs)`.
    For mask "A" the row that is put in is the one above the output's.

    Args:
        layer: Built `ShiftedConv2D` of direction "down".
        batch_size: Positive int, the number of images.
        width: Positive int, of the input in pixels.
        kernel: Tensor of the compute dtype.
        bias: Tensor `(filters,)` of the compute dtype.
    """

    def __init__(self, layer, batch_size, width, kernel, bias):
        self._layer, self._kernel, self._bias = layer, kernel, bias
        self._shape = (batch_size, layer.kernel_size[0] - 1, width, kernel.shape[2])

    def init_cache(self):
        """Returns the cache above the first row: zeros, as outside of the image."""
        return ops.zeros(self._shape, self._kernel.dtype)

    def step(self, x, cache):
        """Returns the output's row `(batch, 1, width, filters)`.

        Args:
            x: The input's row, `(batch, 1, width, inputs)`.
            cache: The rows before.
        """
        _, left, right = self._layer.padding
        if self._shape[1]:
            x = ops.concatenate([cache, x], axis=1)
        if left or right:
            x = ops.pad(x, ((0, 0), (0, 0), (left, right), (0, 0)))
        return self._layer.convolve_padded(x, self._kernel, self._bias)

    def put(self, x, cache):
        """Returns the cache with one more row."""
        if not self._shape[1]:
            return cache
        return ops.concatenate([cache[:, 1:], x], axis=1)
