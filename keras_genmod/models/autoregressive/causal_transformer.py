"""A transformer over the values of a grid, in raster order.

Vaswani et al., Attention is all you need, 2017, arXiv:1706.03762; as a prior over the
codes of images: Esser, Rombach and Ommer, 2021, arXiv:2012.09841.

Departures: normalization comes before attention and feed-forward network (pre-norm, as
in GPT-2), positions are learned, and a class label adds a vector at every position.
"""

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.autoregressive.incremental_transformer import (
    EPSILON,
    IncrementalTransformer,
    attention,
)


@keras.saving.register_keras_serializable("keras_genmod")
class CausalTransformer(AutoregressiveModel):
    """Exact likelihoods of token grids, from attention to all earlier tokens.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)), in raster order, inside a pixel
    channel by channel. Token k of K is the value k / (K - 1), as a pixel of an image
    is: a grid of discrete codes `(height, width)` has `image_shape` `(height, width,
    1)`. Sampling keeps the keys and values of earlier tokens.

    Args:
        image_shape: `(height, width, channels)`.
        num_levels: Int of at least 2, the number of tokens. Values are
            k / (num_levels - 1).
        model_dim: Positive int, a multiple of `num_heads`.
        num_heads: Positive int.
        num_blocks: Positive int, pairs of attention and feed-forward network; the
            latter has `4 * model_dim` units.
        num_classes: Int for a class-conditional model, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Vaswani et al., Attention is all you need, 2017, arXiv:1706.03762.
        - Esser, Rombach and Ommer, Taming transformers for high-resolution image
          synthesis, 2021, arXiv:2012.09841.

    Example:
    ```python
    model = CausalTransformer((7, 7, 1), num_levels=512)
    model.compile("adam")
    model.fit(codes[..., None] / 511, epochs=10)
    codes = model.sample(16, seed=0)[..., 0] * 511
    ```
    """

    def __init__(
        self,
        image_shape,
        num_levels=2,
        model_dim=128,
        num_heads=4,
        num_blocks=4,
        num_classes=None,
        **kwargs,
    ):
        model_dim = checks.positive_int("model_dim", model_dim)
        num_heads = checks.positive_int("num_heads", num_heads)
        num_blocks = checks.positive_int("num_blocks", num_blocks)
        if model_dim % num_heads:
            raise ValueError(
                "`model_dim` must be a multiple of `num_heads`. "
                f"Received: model_dim={model_dim}, num_heads={num_heads}"
            )
        super().__init__(image_shape, num_levels, num_classes=num_classes, **kwargs)
        self.model_dim = model_dim
        self.num_heads = num_heads
        self.num_blocks = num_blocks
        self.num_tokens = self.image_shape[0] * self.image_shape[1] * image_shape[2]
        self.tokens = self._table("tokens", num_levels + 1)  # the last one: the start
        self.positions = self._table("positions", self.num_tokens)
        self.label_bias = None
        if num_classes is not None:
            self.label_bias = self._dense(num_classes, model_dim, use_bias=False)
        self.blocks = [
            [
                self._normalization(),
                # Without bias: that of the keys would change nothing.
                self._dense(model_dim, 3 * model_dim, use_bias=False),
                self._dense(model_dim, model_dim),
                self._normalization(),
                self._dense(model_dim, 4 * model_dim),
                self._dense(4 * model_dim, model_dim),
            ]
            for _ in range(num_blocks)
        ]
        self.last = self._normalization()
        self.head = self._dense(model_dim, 1 if num_levels == 2 else num_levels)
        self.finish_construction()

    def _table(self, name, size):
        shape = (size, self.model_dim)
        initializer = keras.initializers.RandomNormal(0.02)
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def _dense(self, inputs, outputs, use_bias=True):
        layer = keras.layers.Dense(outputs, use_bias=use_bias)
        layer.build((None, inputs))
        return layer

    def _normalization(self):
        layer = keras.layers.LayerNormalization(epsilon=EPSILON)
        layer.build((None, self.model_dim))
        return layer

    def network_on(self, x, apply, attend):
        """The network on all tokens, or on one.

        Args:
            x: Embedded tokens, `(batch, tokens, model_dim)`.
            apply: Function `(layer, x)` for layers that see one token.
            attend: Function `(i, query, key, value)` for the attention of block `i`,
                as `attention` takes them.
        """
        num_tokens = x.shape[1]
        head_dim = self.model_dim // self.num_heads

        def heads(x):  # (batch, heads, tokens, head_dim)
            x = ops.reshape(x, (-1, num_tokens, self.num_heads, head_dim))
            return ops.swapaxes(x, 1, 2)

        for i, (norm_1, qkv, out, norm_2, up, down) in enumerate(self.blocks):
            y = apply(qkv, apply(norm_1, x))
            query, key, value = (heads(part) for part in ops.split(y, 3, axis=-1))
            y = attend(i, query, ops.swapaxes(key, -1, -2), value)
            y = ops.reshape(ops.swapaxes(y, 1, 2), (-1, num_tokens, self.model_dim))
            x = x + apply(out, y)
            x = x + apply(down, ops.gelu(apply(up, apply(norm_2, x))))
        return apply(self.head, apply(self.last, x))

    def levels_of(self, values):
        """Returns the int32 tokens of values k / (num_levels - 1)."""
        levels = ops.round(ops.nan_to_num(values) * (self.num_levels - 1))
        # No table is read beyond its end; off the levels the loss is NaN.
        return ops.cast(ops.clip(levels, 0, self.num_levels - 1), "int32")

    def outputs(self, x, condition, training=False):
        tokens = ops.reshape(self.levels_of(x), (-1, self.num_tokens))
        start = ops.full_like(tokens[:, :1], self.num_levels)
        tokens = ops.concatenate([start, tokens[:, :-1]], axis=1)
        table = ops.convert_to_tensor(self.tokens)
        x = ops.take(table, tokens, axis=0) + ops.convert_to_tensor(self.positions)
        if condition is not None:
            x = x + ops.cast(self.label_bias(condition)[:, None], x.dtype)
        x = ops.cast(x, self.head.compute_dtype)
        order = ops.arange(self.num_tokens)
        mask = order[:, None] >= order

        def attend(i, query, key, value):
            return attention(query, key, value, mask)

        x = self.network_on(x, lambda layer, x: layer(x), attend)
        height, width, channels = self.image_shape
        return ops.reshape(x, (-1, height, width, channels * x.shape[-1]))

    @property
    def raster_shape(self):
        height, width, channels = self.image_shape
        return height, width * channels, 1

    def incremental(self, num_samples, condition):
        return IncrementalTransformer(self, num_samples, condition)

    def get_config(self):
        return {
            **super().get_config(),
            "model_dim": self.model_dim,
            "num_heads": self.num_heads,
            "num_blocks": self.num_blocks,
        }
