"""A transformer with a cache of keys and values, one token at a time."""

import keras
from keras import ops

from keras_genmod.engine import read, write

EPSILON = 1e-6  # of layer normalization


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


class IncrementalTransformer:
    """The transformer on one token, a "pixel" here; the cache has all keys and values.

    The cache is `(previous, keys, values)`: the token before this one `(batch, 1)`,
    and lists of the keys and values of `attention`, an entry a block.
    """

    def __init__(self, model, batch_size, condition):
        self._model, self._batch_size = model, batch_size
        self._dtype = model.head.compute_dtype
        self._tokens = ops.convert_to_tensor(model.tokens)
        self._positions = ops.convert_to_tensor(model.positions)
        self._bias = 0.0 if condition is None else model.label_bias(condition)[:, None]
        self._order = ops.arange(model.num_tokens)
        layers = [*(layer for block in model.blocks for layer in block)]
        self._functions = {
            id(layer): self._function(layer)
            for layer in [*layers, model.last, model.head]
        }

    def _function(self, layer):
        weights = [ops.cast(weight, self._dtype) for weight in layer.weights]
        if isinstance(layer, keras.layers.LayerNormalization):
            return lambda x: ops.layer_normalization(x, *weights, epsilon=EPSILON)
        if len(weights) == 1:
            return lambda x: x @ weights[0]
        return lambda x: x @ weights[0] + weights[1]

    def init_cache(self):
        model = self._model
        head_dim = model.model_dim // model.num_heads
        start = ops.full((self._batch_size, 1), model.num_levels, "int32")

        def zeros(*shape):
            shape = (self._batch_size, model.num_heads, *shape)
            return [ops.zeros(shape, self._dtype) for _ in model.blocks]

        keys = zeros(head_dim, model.num_tokens)
        values = zeros(model.num_tokens, head_dim)
        return start, keys, values

    def begin_row(self, cache, row):
        return cache

    def step(self, pixel, cache, row, column):
        previous, keys, values = cache[0], list(cache[1]), list(cache[2])
        position = row * self._model.raster_shape[1] + column
        x = ops.take(self._tokens, previous, axis=0)
        x = x + read(self._positions, position, 1, axis=0) + self._bias
        mask = self._order <= position

        def attend(i, query, key, value):
            keys[i] = write(keys[i], key, position, axis=3)
            values[i] = write(values[i], value, position, axis=2)
            return attention(query, keys[i], values[i], mask)

        def apply(layer, x):
            return self._functions[id(layer)](x)

        x = self._model.network_on(ops.cast(x, self._dtype), apply, attend)
        return x[:, 0], (previous, keys, values)

    def put(self, pixel, cache, row, column):
        return self._model.levels_of(pixel), *cache[1:]
