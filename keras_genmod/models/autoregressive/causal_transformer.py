"""A transformer over the values of a grid, in raster order.

Vaswani et al., Attention is all you need, 2017, arXiv:1706.03762; as a prior over the
codes of images: Esser, Rombach and Ommer, 2021, arXiv:2012.09841.

Departures from the first: a decoder alone, without attention to an encoder;
normalization comes before attention and feed-forward network (pre-norm, as in GPT-2);
the feed-forward network has GELU instead of ReLU; positions are learned; embeddings are
not scaled by sqrt(model_dim) and not shared with the head; there is no dropout. A class
label adds a vector at every position.
"""

import math
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import read, write
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.autoregressive.raster_sampling import (
    RasterNetwork,
    on_images,
)
from keras_genmod.models.low_rank import LowRank

_EPSILON = 1e-6  # of layer normalization


def attention(query, key, value, mask):
    """Returns the weighted mean of `value`, `(batch, heads, queries, head_dim)`.

    Scores are float32 under every policy. The query is scaled before the product,
    which would pass the largest float16 otherwise.

    Args:
        query: `(batch, heads, queries, head_dim)`.
        key: `(batch, heads, head_dim, keys)`.
        value: `(batch, heads, keys, head_dim)`.
        mask: True where a query may look, broadcasts to `(queries, keys)`.
    """
    query = query * query.shape[-1] ** -0.5
    scores = ops.where(mask, ops.cast(query @ key, "float32"), -1e9)
    return ops.cast(ops.softmax(scores, axis=-1), value.dtype) @ value


@keras.saving.register_keras_serializable("keras_genmod")
class CausalTransformer(LowRank, AutoregressiveModel):
    """Exact likelihoods of token grids, from attention to all earlier tokens.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)), in raster order, inside a pixel
    channel by channel. Token k of K is the value k / (K - 1), as a pixel of an image
    is: a grid of discrete codes `(height, width)` has `image_shape` `(height, width,
    1)`. Sampling keeps the keys and values of earlier tokens.

    Note:
        On a GPU training repeats to rounding, not to the bit: the gradient of a table
        of tokens is added up there in an order that changes.

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
        image_shape: Sequence[int],
        num_levels: int = 2,
        model_dim: int = 128,
        num_heads: int = 4,
        num_blocks: int = 4,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, num_levels, num_classes=num_classes, **kwargs)
        model_dim = checks.positive_int("model_dim", model_dim)
        num_heads = checks.positive_int("num_heads", num_heads)
        num_blocks = checks.positive_int("num_blocks", num_blocks)
        if model_dim % num_heads:
            raise ValueError(
                "`model_dim` must be a multiple of `num_heads`. "
                f"Received: model_dim={model_dim}, num_heads={num_heads}"
            )
        self.model_dim = model_dim
        self.num_heads = num_heads
        self.num_blocks = num_blocks
        self.num_tokens = math.prod(self.image_shape)
        self.tokens = self._table(
            "tokens", self.num_levels + 1
        )  # the last one: the start
        self.positions = self._table("positions", self.num_tokens)
        self.label_bias: keras.layers.Dense | None = None
        if self.num_classes is not None:
            self.label_bias = self._dense(
                "label_bias", self.num_classes, model_dim, use_bias=False
            )
        self.blocks = [
            [
                self._normalization(),
                # Without bias: that of the keys would change nothing.
                self._dense(f"qkv_{i}", model_dim, 3 * model_dim, use_bias=False),
                self._dense(f"out_{i}", model_dim, model_dim),
                self._normalization(),
                self._dense(f"up_{i}", model_dim, 4 * model_dim),
                self._dense(f"down_{i}", 4 * model_dim, model_dim),
            ]
            for i in range(num_blocks)
        ]
        self.last = self._normalization()
        outputs = self.num_outputs // self.image_shape[-1]
        self.head = self._dense("head", model_dim, outputs)
        self.finish_construction()

    def _table(self, name, size):
        shape = (size, self.model_dim)
        initializer = keras.initializers.RandomNormal(0.02)
        return self.add_weight(shape=shape, initializer=initializer, name=name)

    def _dense(self, name, inputs, outputs, use_bias=True):
        layer = keras.layers.Dense(outputs, use_bias=use_bias, name=name)
        layer.build((None, inputs))
        return layer

    def _normalization(self):
        layer = keras.layers.LayerNormalization(epsilon=_EPSILON)
        layer.build((None, self.model_dim))
        return layer

    def network(self, x: Any, attend: Any, apply: Any = on_images) -> Any:
        """The network on all tokens, or on one with the KV cache behind `attend`.

        Args:
            x: Embedded tokens, `(batch, tokens, model_dim)`.
            attend: Function `(i, query, key, value)` for the attention of block `i`,
                as `attention` takes them.
            apply: Function `(layer, x)` for layers that see one token.
        """
        num_tokens = x.shape[1]
        head_dim = self.model_dim // self.num_heads

        def heads(x):
            x = ops.reshape(x, (-1, num_tokens, self.num_heads, head_dim))
            return ops.swapaxes(x, 1, 2)  # (batch, heads, tokens, head_dim)

        for i, (norm_1, qkv, out, norm_2, up, down) in enumerate(self.blocks):
            y = apply(qkv, apply(norm_1, x))  # (batch, tokens, 3 model_dim)
            query, key, value = (heads(part) for part in ops.split(y, 3, axis=-1))
            y = attend(i, query, ops.swapaxes(key, -1, -2), value)
            y = ops.swapaxes(y, 1, 2)  # (batch, tokens, heads, head_dim)
            y = ops.reshape(y, (-1, num_tokens, self.model_dim))
            x = x + apply(out, y)
            x = x + apply(down, ops.gelu(apply(up, apply(norm_2, x))))
        return apply(self.head, apply(self.last, x))

    def levels_of(self, values: Any) -> Any:
        """Returns the int32 tokens of values k / (num_levels - 1)."""
        levels = ops.round(ops.nan_to_num(values) * (self.num_levels - 1))
        # No table is read beyond its end; off the levels the loss is NaN.
        return ops.cast(ops.clip(levels, 0, self.num_levels - 1), "int32")

    def outputs(self, x: Any, condition: Any, training: bool = False) -> Any:
        tokens = ops.reshape(self.levels_of(x), (-1, self.num_tokens))
        # (batch, tokens): each position sees the token before it, the first the start.
        start = ops.full_like(tokens[:, :1], self.num_levels)
        tokens = ops.concatenate([start, tokens[:, :-1]], axis=1)
        table = ops.convert_to_tensor(self.tokens)
        x = ops.take(table, tokens, axis=0) + ops.convert_to_tensor(self.positions)
        if self.label_bias is not None:
            x = x + ops.cast(self.label_bias(condition)[:, None], x.dtype)
        x = ops.cast(x, self.head.compute_dtype)
        order = ops.arange(self.num_tokens, dtype="int32")
        mask = order[:, None] >= order

        def attend(i, query, key, value):
            return attention(query, key, value, mask)

        x = self.network(x, attend)  # (batch, tokens, num_outputs)
        height, width, channels = self.image_shape
        return ops.reshape(x, (-1, height, width, channels * x.shape[-1]))

    @property
    def raster_shape(self) -> Any:
        height, width, channels = self.image_shape
        return height, width * channels, 1

    def incremental(self, num_samples: int, condition: Any) -> RasterNetwork:
        return _WithKVCache(self, num_samples, condition)

    def get_config(self):
        return {
            **super().get_config(),
            "model_dim": self.model_dim,
            "num_heads": self.num_heads,
            "num_blocks": self.num_blocks,
        }


class _WithKVCache(RasterNetwork):
    """The transformer on one token, a "pixel" here, with all earlier keys and values.

    The cache is `(previous, keys, values)`: the token before this one `(batch, 1)`,
    and lists of the keys `(batch, heads, head_dim, tokens)` and the values `(batch,
    heads, tokens, head_dim)`, an entry a block.
    """

    def __init__(self, model, num_samples, condition):
        self._model, self._num_samples = model, num_samples
        self._dtype = model.head.compute_dtype
        self._tokens = ops.convert_to_tensor(model.tokens)
        self._positions = ops.convert_to_tensor(model.positions)
        self._bias = 0.0 if condition is None else model.label_bias(condition)[:, None]
        self._order = ops.arange(model.num_tokens, dtype="int32")
        layers = [layer for block in model.blocks for layer in block]
        self._functions = {
            layer: self._function(layer) for layer in [*layers, model.last, model.head]
        }

    def _function(self, layer):
        """Returns a layer on cast weights, without Keras' work for each call."""
        if isinstance(layer, keras.layers.LayerNormalization):
            weights = [ops.cast(weight, self._dtype) for weight in layer.weights]
            return lambda x: ops.layer_normalization(x, *weights, epsilon=_EPSILON)
        kernel = ops.cast(layer.kernel, self._dtype)  # with its adapter, if any
        if layer.bias is None:
            return lambda x: x @ kernel
        bias = ops.cast(layer.bias, self._dtype)
        return lambda x: x @ kernel + bias

    def init_cache(self):
        model = self._model
        head_dim = model.model_dim // model.num_heads
        start = ops.full((self._num_samples, 1), model.num_levels, "int32")

        def zeros(*shape):
            shape = (self._num_samples, model.num_heads, *shape)
            return [ops.zeros(shape, self._dtype) for _ in model.blocks]

        keys = zeros(head_dim, model.num_tokens)
        values = zeros(model.num_tokens, head_dim)
        return start, keys, values

    def prefill(self, cache, row):
        return cache  # Attention sees no rows, and `step` leaves nothing to be done.

    def step(self, pixel, cache, row, column):
        previous, keys, values = cache[0], list(cache[1]), list(cache[2])
        position = row * self._model.raster_shape[1] + column
        x = ops.take(self._tokens, previous, axis=0)
        x = x + read(self._positions, position, 1, axis=0) + self._bias
        mask = self._order <= position  # (tokens,)

        def attend(i, query, key, value):
            keys[i] = write(keys[i], key, position, axis=3)
            values[i] = write(values[i], value, position, axis=2)
            return attention(query, keys[i], values[i], mask)

        x = self._model.network(ops.cast(x, self._dtype), attend, self._apply)
        return x[:, 0], (previous, keys, values)

    def _apply(self, layer, x):
        return self._functions[layer](x)

    def put(self, pixel, cache, row, column):
        return self._model.levels_of(pixel), *cache[1:]
