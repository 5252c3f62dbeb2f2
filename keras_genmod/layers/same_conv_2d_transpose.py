"""Transposed convolution to enlarged maps, without copies of them on torch."""

from typing import Any

import keras
from keras import ops

from keras_genmod.engine.backend import transposed_convolution


@keras.saving.register_keras_serializable("keras_genmod")
class SameConv2DTranspose(keras.layers.Conv2DTranspose):
    """2-D transposed convolution to maps of `strides` times the size.

    What `keras.layers.Conv2DTranspose(..., padding="same")` is; on torch Keras makes
    larger maps first and cuts them, and copies them to another layout and back, which
    this does where a kernel is as long as its strides or longer by an even number.

    Args:
        filters: Positive int.
        kernel_size: Positive int, or two.
        strides: Positive int, or two.
        **kwargs: Further arguments of `keras.layers.Conv2DTranspose` but `padding`,
            `output_padding`, `dilation_rate` and `data_format`, which are fixed.

    Example:
    ```python
    SameConv2DTranspose(16, 4, 2)(ops.ones((1, 8, 8, 1))).shape  # (1, 16, 16, 16)
    ```
    """

    def __init__(
        self, filters: int, kernel_size: Any, strides: Any, **kwargs: Any
    ) -> None:
        fixed = {
            "padding": "same",
            "output_padding": None,
            "dilation_rate": 1,
            "data_format": "channels_last",
        }
        super().__init__(filters, kernel_size, strides, **{**kwargs, **fixed})

    def call(self, inputs):
        cuts = [
            size - stride
            for size, stride in zip(self.kernel_size, self.strides, strict=True)
        ]
        if transposed_convolution is None or any(cut < 0 or cut % 2 for cut in cuts):
            return super().call(inputs)
        bias = None if self.bias is None else ops.convert_to_tensor(self.bias)
        kernel = ops.convert_to_tensor(self.kernel)
        return self.activation(
            transposed_convolution(inputs, kernel, bias, self.strides)
        )
