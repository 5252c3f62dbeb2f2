"""Normalization of each pixel's features to unit mean square."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks


@keras.saving.register_keras_serializable("keras_genmod")
class PixelNormalization(keras.layers.Layer):
    """Divides the features of each pixel, or of each vector, by their root mean square.

    y = x / sqrt(mean_c x_c^2 + epsilon), over the last axis, in float32 under any
    policy.

    Args:
        epsilon: Positive number.
        **kwargs: As in `keras.layers.Layer`.

    Raises:
        ValueError: If `epsilon` is not positive.

    References:
        Karras et al., Progressive growing of GANs, 2018, arXiv:1710.10196.

    Example:
    ```python
    PixelNormalization()(keras.ops.array([[3.0, 4.0]]))  # [[0.849, 1.131]]
    ```
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = float(checks.positive("epsilon", epsilon))

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        mean_square = ops.mean(ops.square(x), axis=-1, keepdims=True)
        return ops.cast(x * ops.rsqrt(mean_square + self.epsilon), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
