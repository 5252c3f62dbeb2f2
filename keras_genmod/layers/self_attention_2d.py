"""Attention of the pixels of a feature map to one another."""

import math
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.layers.group_normalization import GroupNormalization
from keras_genmod.layers.projection_head import INITIALIZERS
from keras_genmod.layers.spectral_normalization import SpectralNormalization

_EPSILON = 1e-6  # of the normalization


@keras.saving.register_keras_serializable("keras_genmod")
class SelfAttention2D(keras.layers.Layer):
    """Adds to each pixel what it finds at the others; at first that is nothing.

    y = x + output(softmax(q k^T) v), with q, k and v linear in each pixel's features:
    where a pixel stands does not matter. There are two forms.

    - Of diffusion models: `groups` for a normalization in front, q k^T divided by
      sqrt(key_dim), and an output whose weights start at 0.
    - Of SAGAN, `gated=True`: q k^T as it is, and an output times one learned number
      that starts at 0. The paper has `key_dim=channels // 8`,
      `value_dim=channels // 2` and `pool_size=2`.

    Args:
        num_heads: Integer, how many attentions run side by side, each with features of
            its own.
        key_dim: Integer, the features of q and k in each head; `None` for
            `channels // num_heads`.
        value_dim: Integer, the features of v in each head; `None` as `key_dim`.
        pool_size: Integer; k and v are the maxima of blocks of so many pixels a side,
            at most the sides of the maps.
        groups: Integer, the groups of a group normalization in front, or `None` for
            none.
        gated: Boolean, see above.
        spectral: Boolean, whether all kernels have spectral norm 1 and there are no
            biases, as in SAGAN; only with `gated`, since the others start at 0.
        kernel_initializer: "glorot_uniform" or "orthogonal", how all kernels start but
            the output's without `gated`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        inputs: Tensor of shape `(batch, height, width, channels)`.

    Returns:
        Tensor of the shape of `inputs`.

    Raises:
        ValueError: If an argument is out of its range, the channels cannot be divided
            among heads or groups, or a map is smaller than `pool_size`.

    References:
        - Zhang et al., "Self-attention generative adversarial networks", 2019,
          arXiv:1805.08318.
        - Ho, Jain and Abbeel, "Denoising diffusion probabilistic models", 2020,
          arXiv:2006.11239.

    Note:
        The softmax is computed in float32 under any policy.

    Example:
        ```python
        layer = SelfAttention2D(num_heads=4, groups=8)
        layer(keras.ops.ones((1, 8, 8, 16))).shape  # (1, 8, 8, 16)
        ```
    """

    def __init__(
        self,
        num_heads: int = 1,
        key_dim: int | None = None,
        value_dim: int | None = None,
        pool_size: int = 1,
        groups: int | None = None,
        gated: bool = False,
        spectral: bool = False,
        kernel_initializer: str = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_heads = checks.positive_int("num_heads", num_heads)
        self.key_dim = key_dim
        if key_dim is not None:
            self.key_dim = checks.positive_int("key_dim", key_dim)
        self.value_dim = value_dim
        if value_dim is not None:
            self.value_dim = checks.positive_int("value_dim", value_dim)
        self.pool_size = checks.positive_int("pool_size", pool_size)
        self.groups = groups
        if groups is not None:
            self.groups = checks.positive_int("groups", groups)
        self.gated = checks.boolean("gated", gated)
        self.spectral = checks.boolean("spectral", spectral)
        if self.spectral and not gated:
            raise ValueError(
                "`spectral` must be False unless `gated`, since the projection starts "
                f"at 0. Received: spectral={spectral!r}, gated={gated!r}"
            )
        self.kernel_initializer = checks.choice(
            "kernel_initializer", kernel_initializer, INITIALIZERS
        )
        self.input_spec = keras.layers.InputSpec(ndim=4)

    def build(self, input_shape):
        channels = input_shape[-1]
        if any(side and side < self.pool_size for side in input_shape[1:3]):
            raise ValueError(
                "`pool_size` must be at most the sides of the maps. "
                f"Received: pool_size={self.pool_size}, inputs of shape {input_shape}"
            )
        self._check_divides("groups", self.groups or 1, channels)
        if self.key_dim is None or self.value_dim is None:
            self._check_divides("num_heads", self.num_heads, channels)
        self._key_dim = self.key_dim or channels // self.num_heads
        self._value_dim = self.value_dim or channels // self.num_heads
        self.normalization = None
        if self.groups is not None:
            self.normalization = GroupNormalization(
                self.groups, epsilon=_EPSILON, dtype=self.dtype_policy
            )
            self.normalization.build(input_shape)
        self.query = self._projection(channels, self.num_heads * self._key_dim)
        self.key = self._projection(channels, self.num_heads * self._key_dim)
        self.value = self._projection(channels, self.num_heads * self._value_dim)
        start = self.kernel_initializer if self.gated else "zeros"
        inside = self.num_heads * self._value_dim
        self.projection = self._projection(inside, channels, start)
        self.gate = None
        if self.gated:
            self.gate = self.add_weight(shape=(), initializer="zeros", name="gate")
        super().build(input_shape)

    def _projection(self, inputs, units, initializer=None):
        layer = keras.layers.Dense(
            units,
            use_bias=not self.spectral,
            kernel_initializer=initializer or self.kernel_initializer,
            dtype=self.dtype_policy,
        )
        if self.spectral:
            layer = SpectralNormalization(layer, dtype=self.dtype_policy)
        layer.build((None, inputs))
        return layer

    def _check_divides(self, name, parts, channels):
        if channels % parts:
            raise ValueError(
                f"`{name}` must divide the {channels} channels. "
                f"Received: {name}={parts}"
            )

    def call(self, inputs):
        x = inputs if self.normalization is None else self.normalization(inputs)
        query = self._heads(self.query(x), self._key_dim)  # (batch, heads, q, key_dim)
        key = self._heads(self._pooled(self.key(x)), self._key_dim)
        value = self._heads(self._pooled(self.value(x)), self._value_dim)
        logits = ops.matmul(query, ops.swapaxes(key, 2, 3))
        logits = ops.cast(logits, "float32")  # (batch, heads, q, k)
        if not self.gated:
            logits = logits / math.sqrt(self._key_dim)
        weights = ops.cast(ops.softmax(logits), self.compute_dtype)
        found = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        shape = (-1, *inputs.shape[1:3], self.num_heads * self._value_dim)
        found = self.projection(ops.reshape(found, shape))
        return inputs + (self.gate * found if self.gated else found)

    def _heads(self, x, dim):
        x = ops.reshape(x, (-1, math.prod(x.shape[1:3]), self.num_heads, dim))
        return ops.transpose(x, (0, 2, 1, 3))

    def _pooled(self, x):
        if self.pool_size == 1:
            return x
        sides = (self.pool_size, self.pool_size)  # JAX takes no single number
        return ops.max_pool(x, sides, sides, data_format="channels_last")

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "pool_size": self.pool_size,
            "groups": self.groups,
            "gated": self.gated,
            "spectral": self.spectral,
            "kernel_initializer": self.kernel_initializer,
        }
