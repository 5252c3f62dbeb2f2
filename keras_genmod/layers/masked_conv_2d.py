"""The masked convolution of autoregressive models."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import convolution
from keras_genmod.layers.incremental_conv_2d import IncrementalConv2D
from keras_genmod.layers.wavefront_conv_2d import WavefrontConv2D


@keras.saving.register_keras_serializable("keras_genmod")
class MaskedConv2D(keras.layers.Conv2D):
    """2-D convolution that sees only earlier pixels, and earlier channels.

    Pixels are ordered row by row; inside a pixel red comes before green before blue.
    The features of every layer are divided into `num_channels` groups in that order.
    Mask "A", for the first layer, shows group `g` the groups before `g` at the centre
    pixel; mask "B", for all others, also group `g` itself.

    Masked taps start at zero, are multiplied by zero wherever `kernel` is read, and
    have zero gradient, so they stay zero in memory and in files.

    Args:
        filters: Positive int, number of output features, at least `num_channels`.
        kernel_size: Odd int or pair of odd ints.
        mask: "A" or "B".
        num_channels: Positive int, number of image channels; 1 for grey images.
        **kwargs: Further arguments of `keras.layers.Conv2D`. `padding` is "same",
            strides and groups are 1, the data format is channels last.

    Raises:
        ValueError: If an argument is not as above.

    References:
        van den Oord, Kalchbrenner and Kavukcuoglu, Pixel recurrent neural networks,
        2016, arXiv:1601.06759.

    Example:
    ```python
    features = MaskedConv2D(16, 7, mask="A")(ops.zeros((1, 28, 28, 1)))
    ```
    """

    kernel_initializer: Any

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        mask: str,
        num_channels: int = 1,
        **kwargs: Any,
    ) -> None:
        mask = checks.choice("mask", mask, ("A", "B"))
        num_channels = checks.positive_int("num_channels", num_channels)
        filters = checks.positive_int("filters", filters)
        if filters < num_channels:
            raise ValueError(
                "`filters` must be at least `num_channels`, so that every channel "
                f"has features. Received: filters={filters}, "
                f"num_channels={num_channels}"
            )
        fixed = {
            "padding": "same",
            "strides": (1, 1),
            "groups": 1,  # Keras' groups would cut those of the mask in two.
            "data_format": "channels_last",
        }
        for name, value in fixed.items():
            given = kwargs.pop(name, value)
            given = tuple(given) if isinstance(given, list) else given
            if given != value and (name != "strides" or given != 1):
                raise ValueError(
                    f"`{name}` must be {value!r} in a masked convolution. "
                    f"Received: {name}={given!r}"
                )
        super().__init__(filters, kernel_size, **fixed, **kwargs)
        if any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(
                "`kernel_size` must be odd, so that it has a centre. "
                f"Received: kernel_size={kernel_size}"
            )
        self.mask = mask
        self.num_channels = num_channels

    def build(self, input_shape):
        self._kernel_mask = self._make_mask(input_shape[-1])
        initializer = self.kernel_initializer
        self.kernel_initializer = lambda shape, dtype=None: ops.multiply(
            initializer(shape, dtype=dtype), ops.cast(self._kernel_mask, dtype)
        )
        super().build(input_shape)
        self.kernel_initializer = initializer

    def _make_mask(self, num_inputs):
        """Returns the mask `(height, width, num_inputs, filters)` of zeros and ones."""
        height, width = self.kernel_size
        mask = np.zeros((height, width, num_inputs, self.filters), "float32")
        mask[: height // 2] = 1.0
        mask[height // 2, : width // 2] = 1.0
        group_in = np.arange(num_inputs) * self.num_channels // num_inputs
        group_out = np.arange(self.filters) * self.num_channels // self.filters
        shown = group_in[:, None] + (self.mask == "A") <= group_out
        mask[height // 2, width // 2] = shown
        return mask

    @property
    def kernel(self) -> Any:
        kernel = super().kernel
        if self._kernel_mask.all():
            return kernel
        kernel = ops.convert_to_tensor(kernel)
        return kernel * ops.cast(self._kernel_mask, kernel.dtype)

    def call(self, inputs):
        if self.dilation_rate != (1, 1):
            return super().call(inputs)
        kernel = ops.convert_to_tensor(self.kernel)
        bias = ops.convert_to_tensor(self.bias) if self.use_bias else None
        return self.activation(convolution(inputs, kernel, bias))

    def incremental(self, batch_size: int, width: int) -> IncrementalConv2D:
        """Returns the layer's other form, which takes one pixel at a time.

        Args:
            batch_size: Positive int, the number of images.
            width: Positive int, of the images in pixels.

        Returns:
            An `IncrementalConv2D`. It holds the weights as they are now.

        Raises:
            ValueError: If the layer has a `dilation_rate` other than 1.
        """
        above, own, bias = self._taps()
        left = own.shape[0] - 1
        return IncrementalConv2D(
            above,
            own,
            bias,
            batch_size,
            width,
            left,
            right=left,
            activation=self.activation,
        )

    def wavefront(
        self, batch_size: int, num_lanes: int, stride: int
    ) -> WavefrontConv2D:
        """Returns the layer's other form, which takes a pixel of several rows at once.

        Args:
            batch_size: Positive int, the number of images.
            num_lanes: Positive int, of how many rows.
            stride: Positive int, columns from one of these pixels to the one in the row
                above; more than half of the kernel's width, where there are two lanes
                or more.

        Returns:
            A `WavefrontConv2D`. It holds the weights as they are now.

        Raises:
            ValueError: If the layer has a `dilation_rate` other than 1, or would see
                pixels that are not done.
        """
        reach = self.kernel_size[1] // 2
        if num_lanes > 1 and stride <= reach:
            raise ValueError(
                f"`stride` must be more than {reach}, as far as the kernel sees to the "
                f"right in the row above. Received: stride={stride}"
            )
        above, own, bias = self._taps()
        return WavefrontConv2D(
            above,
            own,
            bias,
            batch_size,
            num_lanes,
            stride,
            activation=self.activation,
        )

    def _taps(self):
        """Returns the kernels of the rows above and of the own one, and the bias.

        Raises:
            ValueError: If the layer has a `dilation_rate` other than 1.
        """
        if self.dilation_rate != (1, 1):
            raise ValueError(
                "`dilation_rate` must be 1 in a layer that takes one pixel at a time; "
                "call the layer on whole images. "
                f"Received: dilation_rate={self.dilation_rate}"
            )
        kernel = ops.cast(self.kernel, self.compute_dtype)
        middle, left = (size // 2 for size in self.kernel_size)
        bias = ops.zeros((self.filters,), kernel.dtype)
        if self.use_bias:
            bias = ops.cast(self.bias, kernel.dtype)
        return kernel[:middle], kernel[middle, : left + 1], bias

    def get_config(self):
        return {
            **super().get_config(),
            "mask": self.mask,
            "num_channels": self.num_channels,
        }
