"""A convolution whose weights all learn at one speed."""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import convolution


@keras.saving.register_keras_serializable("keras_genmod")
class EqualizedConv2D(keras.layers.Conv2D):
    """Convolution with weights from N(0, 1) that are scaled where they are used.

    The kernel is c W, c = gain / sqrt(height width inputs), W from N(0, 1); see
    `EqualizedDense`. Images are NHWC and keep their size by default.

    Args:
        filters: Positive int.
        kernel_size: Positive int, or `(height, width)`.
        gain: Positive number, sqrt(2) in front of a (leaky) ReLU, 1 for outputs.
        padding: "same" or "valid".
        **kwargs: Further arguments of `keras.layers.Conv2D`, but `kernel_initializer`,
            `groups` and `data_format`.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        Karras et al., Progressive growing of GANs, 2018, arXiv:1710.10196.

    Example:
    ```python
    EqualizedConv2D(16, 3)(keras.ops.ones((1, 8, 8, 3))).shape  # (1, 8, 8, 16)
    ```
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        gain: float = math.sqrt(2.0),
        padding: str = "same",
        **kwargs: Any,
    ) -> None:
        filters = checks.positive_int("filters", filters)
        if not isinstance(kernel_size, (tuple, list)):
            kernel_size = (checks.positive_int("kernel_size", kernel_size),) * 2
        kernel_size = checks.sizes("kernel_size", kernel_size, rank=2)
        self.gain = float(checks.positive("gain", gain))
        super().__init__(
            filters,
            kernel_size,
            padding=checks.choice("padding", padding, ("same", "valid")),
            data_format="channels_last",
            kernel_initializer=keras.initializers.RandomNormal(stddev=1.0),
            **kwargs,
        )

    @property
    def kernel(self) -> Any:
        kernel = ops.convert_to_tensor(super().kernel)
        return kernel * (self.gain / math.sqrt(math.prod(kernel.shape[:-1])))

    def call(self, inputs):
        is_odd = all(size % 2 for size in self.kernel_size)
        steps = {*self.strides, *self.dilation_rate}
        if self.padding != "same" or steps != {1} or not is_odd:
            return super().call(inputs)
        bias = None if self.bias is None else ops.convert_to_tensor(self.bias)
        return self.activation(convolution(inputs, self.kernel, bias))

    def save_own_variables(self, store):
        # Keras' own would store `kernel`, which is scaled already.
        keras.layers.Layer.save_own_variables(self, store)

    def get_config(self):
        config = super().get_config()
        for fixed in ("kernel_initializer", "data_format", "groups"):
            del config[fixed]
        return {**config, "gain": self.gain}
