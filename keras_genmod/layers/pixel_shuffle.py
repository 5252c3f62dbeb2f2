"""Pixels from channels: the upsampling of sub-pixel convolutions."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks


@keras.saving.register_keras_serializable("keras_genmod")
class PixelShuffle(keras.layers.Layer):
    """Makes a square of factor x factor pixels of the channels of each pixel.

    y[h f + i, w f + j, c] = x[h, w, c f^2 + i f + j]

    with f the factor, in any data format of Keras' and on any backend: channels of one
    output channel lie side by side, as `torch.nn.PixelShuffle` has them.
    `layers.ICNR` starts the convolution before it.

    Args:
        factor: Int of at least 1.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor `(batch, height, width, channels factor^2)`.

    Returns:
        Tensor `(batch, height factor, width factor, channels)`.

    Raises:
        ValueError: If `factor` is not positive, or its square does not divide the
            channels.

    References:
        Shi et al., Real-time single image and video super-resolution using an efficient
        sub-pixel convolutional neural network, 2016, arXiv:1609.05158.

    Example:
    ```python
    x = keras.layers.Conv2D(256, 3, padding="same", kernel_initializer=ICNR(2))(x)
    x = PixelShuffle(2)(x)  # 64 channels, sides doubled
    ```
    """

    def __init__(self, factor: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = checks.positive_int("factor", factor)
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        if input_shape[-1] % self.factor**2:
            raise ValueError(
                f"`factor` must have a square, {self.factor**2}, that divides the "
                f"channels. Received: factor={self.factor}, inputs of shape "
                f"{input_shape}"
            )
        super().build(input_shape)

    def call(self, inputs):
        f = self.factor
        _, height, width, channels = ops.shape(inputs)
        channels = channels // f**2
        x = ops.reshape(inputs, (-1, height, width, channels, f, f))
        x = ops.transpose(x, (0, 1, 4, 2, 5, 3))  # (batch, height, f, width, f, c)
        return ops.reshape(x, (-1, height * f, width * f, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height = None if height is None else height * self.factor
        width = None if width is None else width * self.factor
        return (batch, height, width, channels // self.factor**2)

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
