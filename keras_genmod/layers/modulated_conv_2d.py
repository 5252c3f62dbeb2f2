"""A convolution whose kernel follows a style."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import convolution
from keras_genmod.layers.equalized_dense import EqualizedDense
from keras_genmod.layers.input_lists import listed

_EPSILON = 1e-8
_INPUTS = ("images (batch, height, width, channels)", "latents (batch, style_dim)")


@keras.saving.register_keras_serializable("keras_genmod")
class ModulatedConv2D(keras.layers.Layer):
    """Convolution with a kernel for each image, scaled by its style.

    s = A w, with a bias that starts at 1; kernel_ijo = s_i W_ijo, and where
    `demodulate`, divided by sqrt(sum over i and pixels of its squares + 1e-8), so that
    white inputs give outputs of variance 1. W starts from N(0, 1). Where not, styles
    are multiplied by 1 / sqrt(height width inputs).

    It is computed as one convolution of all images, inputs scaled by s and outputs by
    the demodulation: no image's kernel is ever made.

    Args:
        filters: Positive int.
        kernel_size: Odd positive int, of both sides.
        demodulate: Boolean; `False` in the layers that make colours.
        use_bias: Boolean, whether a bias, from 0, is added.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: List of images `(batch, height, width, channels)` and latents w
            `(batch, style_dim)`.

    Returns:
        Tensor of shape `(batch, height, width, filters)`.

    Raises:
        ValueError: If an argument is out of its range, or the inputs are no such list.

    References:
        Karras et al., Analyzing and improving the image quality of StyleGAN, 2020,
        arXiv:1912.04958.

    Example:
    ```python
    features = ModulatedConv2D(16, 3)([features, w])
    ```
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        demodulate: bool = True,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = checks.positive_int("filters", filters)
        self.kernel_size = checks.positive_int("kernel_size", kernel_size)
        if self.kernel_size % 2 == 0:
            raise ValueError(
                "`kernel_size` must be odd, so that images keep their size. "
                f"Received: kernel_size={kernel_size}"
            )
        self.demodulate = checks.boolean("demodulate", demodulate)
        self.use_bias = checks.boolean("use_bias", use_bias)

    def build(self, input_shape):
        images, latents = listed(input_shape, *_INPUTS)
        sides = (self.kernel_size, self.kernel_size)
        self.kernel = self.add_weight(
            shape=(*sides, images[-1], self.filters),
            initializer=keras.initializers.RandomNormal(stddev=1.0),
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.filters,), initializer="zeros", name="bias"
            )
        self.style = EqualizedDense(
            images[-1], gain=1.0, bias_initializer="ones", dtype=self.dtype_policy
        )
        self.style.build(latents)

    def call(self, inputs):
        x, latents = listed(inputs, *_INPUTS)
        style = ops.cast(self.style(latents), "float32")  # (batch, inputs)
        kernel = ops.convert_to_tensor(self.kernel)
        if not self.demodulate:
            style = style / math.sqrt(math.prod(kernel.shape[:-1]))
        scale = ops.reshape(style, (-1, 1, 1, kernel.shape[2]))
        x = x * ops.cast(scale, x.dtype)
        outputs = convolution(x, ops.cast(kernel, x.dtype), None)
        if self.demodulate:
            squares = ops.sum(ops.square(ops.cast(kernel, "float32")), axis=(0, 1))
            length = ops.rsqrt(ops.matmul(ops.square(style), squares) + _EPSILON)
            length = ops.reshape(length, (-1, 1, 1, self.filters))
            outputs = outputs * ops.cast(length, outputs.dtype)
        return outputs if self.bias is None else outputs + self.bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[0][:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "demodulate": self.demodulate,
            "use_bias": self.use_bias,
        }
