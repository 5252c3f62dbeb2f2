"""Normalization of each image whose gain and bias follow a style."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.equalized_dense import EqualizedDense
from keras_genmod.layers.input_lists import listed

_INPUTS = ("images (batch, height, width, channels)", "latents (batch, style_dim)")


@keras.saving.register_keras_serializable("keras_genmod")
class AdaptiveInstanceNormalization(keras.layers.Layer):
    """y = (1 + A w) (x - mean) / sqrt(variance + epsilon) + B w, per image and channel.

    A and B are equalized dense layers with biases from 0. Statistics are float32 under
    any policy.

    Args:
        epsilon: Positive number.
        **kwargs: As in `keras.layers.Layer`.

    Call arguments:
        inputs: List of images `(batch, height, width, channels)` and latents w
            `(batch, style_dim)`.

    Returns:
        Tensor of the shape of the images.

    Raises:
        ValueError: If `epsilon` is not positive, or the inputs are no such list.

    References:
        Huang and Belongie, Arbitrary style transfer in real-time, 2017,
        arXiv:1703.06868; Karras et al., 2019, arXiv:1812.04948.

    Example:
    ```python
    features = AdaptiveInstanceNormalization()([features, w])
    ```
    """

    def __init__(self, epsilon: float = 1e-8, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = float(checks.positive("epsilon", epsilon))

    def build(self, input_shape):
        images, latents = listed(input_shape, *_INPUTS)
        self.style = EqualizedDense(2 * images[-1], gain=1.0, dtype=self.dtype_policy)
        self.style.build(latents)

    def call(self, inputs):
        x, latents = listed(inputs, *_INPUTS)
        style = ops.reshape(self.style(latents), (-1, 1, 1, 2 * x.shape[-1]))
        gain, bias = ops.split(ops.cast(style, "float32"), 2, axis=-1)
        features = ops.cast(x, "float32")
        mean, variance = ops.moments(features, axes=(1, 2), keepdims=True)
        normalized = (features - mean) * ops.rsqrt(variance + self.epsilon)
        return ops.cast((1.0 + gain) * normalized + bias, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
