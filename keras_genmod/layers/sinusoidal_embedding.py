"""Numbers as waves of many lengths."""

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_genmod import checks


@keras.saving.register_keras_serializable("keras_genmod")
class SinusoidalEmbedding(keras.layers.Layer):
    """Maps each number t to cos(f_i t) and sin(f_i t) for many frequencies f_i.

    f_i = scale longest^(-i / n) for i = 0, 1, ..., n - 1 and n = dim / 2, from `scale`
    down to almost `scale / longest`. The cosines come first.

    Args:
        dim: Even integer of at least 2.
        scale: Positive float, the highest frequency in radians: 1,000 for times in
            [0, 1] that stand for 1,000 steps.
        longest: Float above 1, how many times as long as the shortest wave the longest
            ones are.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch,)`.

    Returns:
        Tensor of shape `(batch, dim)`. The waves are computed in float32 under any
        policy: in float16 neighbouring times are the same.

    Raises:
        ValueError: If an argument is out of its range.

    References:
        - Vaswani et al., "Attention is all you need", 2017, arXiv:1706.03762.
        - Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020,
          arXiv:2006.11239.

    Example:
        ```python
        layer = SinusoidalEmbedding(32)
        layer(keras.ops.linspace(0.0, 1.0, 5)).shape  # (5, 32)
        ```
    """

    def __init__(
        self, dim: int, scale: float = 1000.0, longest: float = 10_000.0, **kwargs: Any
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        dim = checks.integer("dim", dim, 2)
        if dim % 2:
            raise ValueError(f"`dim` must be even. Received: dim={dim}")
        longest = checks.positive("longest", longest)
        if longest <= 1:
            raise ValueError(f"`longest` must be above 1. Received: longest={longest}")
        self.dim = dim
        self.scale = checks.positive("scale", scale)
        self.longest = longest
        self.input_spec = keras.layers.InputSpec(ndim=1)

    def call(self, inputs):
        exponents = np.arange(self.dim // 2) / (self.dim // 2)
        frequencies = self.scale * np.exp(-math.log(self.longest) * exponents)
        frequencies = ops.convert_to_tensor(frequencies.astype("float32"))
        angles = ops.cast(inputs, "float32")[:, None] * frequencies  # (batch, dim / 2)
        waves = ops.concatenate([ops.cos(angles), ops.sin(angles)], axis=1)
        return ops.cast(waves, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.dim)

    def get_config(self):
        return {
            **super().get_config(),
            "dim": self.dim,
            "scale": self.scale,
            "longest": self.longest,
        }
