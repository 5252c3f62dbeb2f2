"""Convolution to maps of the same size, without copies between layouts on torch."""

from typing import Any

import keras
from keras import ops

from keras_genmod.engine import convolution


@keras.saving.register_keras_serializable("keras_genmod")
class SameConv2D(keras.layers.Conv2D):
    """2-D convolution of stride 1 with an odd kernel, padded by zeros.

    What `keras.layers.Conv2D(..., padding="same")` is; on torch Keras copies the
    features to another layout and back.

    Args:
        filters: Positive int.
        kernel_size: Odd int.
        **kwargs: Further arguments of `keras.layers.Conv2D`; padding is fixed, and the
            data format is channels last.

    Raises:
        ValueError: If the kernel is even, or there are strides, dilation or groups.

    Example:
    ```python
    SameConv2D(16, 3)(ops.ones((1, 8, 8, 1))).shape  # (1, 8, 8, 16)
    ```
    """

    def __init__(self, filters: int, kernel_size: int, **kwargs: Any) -> None:
        fixed = {"padding": "same", "data_format": "channels_last"}
        super().__init__(filters, kernel_size, **{**kwargs, **fixed})
        is_plain = {*self.strides, *self.dilation_rate, self.groups} == {1}
        if not is_plain or any(size % 2 == 0 for size in self.kernel_size):
            raise ValueError(
                "`SameConv2D` must have an odd `kernel_size`, and no strides, dilation "
                f"or groups. Received: kernel_size={self.kernel_size}, strides="
                f"{self.strides}, dilation_rate={self.dilation_rate}, "
                f"groups={self.groups}"
            )

    def call(self, inputs):
        bias = None if self.bias is None else ops.convert_to_tensor(self.bias)
        kernel = ops.convert_to_tensor(self.kernel)
        return self.activation(convolution(inputs, kernel, bias))
