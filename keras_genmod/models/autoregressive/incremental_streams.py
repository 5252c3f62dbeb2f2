"""PixelCNN++ with caches: one stream a row at a time, the other a pixel at a time.

A level of 1 / 2**l the size is at work in each 2**l-th row, and there in each 2**l-th
column; in between its last features stay. Whether it is at work is a Python bool on
torch, elsewhere a traced one: then the pixel's branch gives values to be written behind
it, because a branch that gave whole caches would copy them.
"""

from keras import ops, tree

from keras_genmod.engine import read, write
from keras_genmod.models.autoregressive.gated_stream import with_ones
from keras_genmod.models.autoregressive.raster_sampling import RasterNetwork


class IncrementalStreams(RasterNetwork):
    """Runs PixelCNN++ on one pixel after another.

    The cache is a list, a dict a level: of the layers' caches in the stream of `rows`
    and that of `pixels`, the `messages` from the first to the second, and what the
    level gives to the finer one (`row`, and `held`, flat). At level 0 these are instead
    the image's current row, and the features of the row above.

    Args:
        model: `PixelCNNPlusPlus`.
        batch_size: Positive int.
        condition: As `data_and_condition` returns it.
    """

    def __init__(self, model, batch_size, condition):
        self.model, self.batch_size = model, batch_size
        self.dtype = model.head.compute_dtype
        self.width, self.filters = model.image_shape[1], model.filters
        self.period = 2 ** (model.num_resolutions - 1)
        self.rows, self.pixels = [], []  # at each level, the layers' other forms
        self.place_of = {}  # layer: its level, and its number there
        for level in range(model.num_resolutions):
            first = level == 0
            rows = [model.first_down, model.first_above] if first else []
            pixels = [model.first_left, model.head] if first else []
            self.rows.append(self._forms(rows + model.down.layers_of(level), level))
            self.pixels.append(
                self._forms(pixels + model.down_right.layers_of(level), level)
            )
        self.biases = {}
        if condition is not None:
            for block in [*model.down.blocks(), *model.down_right.blocks()]:
                bias = ops.cast(block.labels(condition), self.dtype)
                self.biases[id(block.labels)] = bias

    def _forms(self, layers, level):
        for i, layer in enumerate(layers):
            self.place_of[id(layer)] = (level, i)
        return [
            layer.incremental(self.batch_size, self.width >> level) for layer in layers
        ]

    def init_cache(self):
        """Returns the cache above the first row."""
        channels = self.model.image_shape[-1] + 1
        cache = []
        for level, blocks in enumerate(
            zip(self.model.down.encoder, self.model.down.decoder, strict=True)
        ):
            width = self.width >> level
            features = channels if level == 0 else self.filters
            flat = (self.batch_size, width * self.filters)
            cache.append(
                {
                    "rows": [form.init_cache() for form in self.rows[level]],
                    "pixels": [form.init_cache() for form in self.pixels[level]],
                    "messages": [
                        ops.zeros(flat, self.dtype) for block in blocks for _ in block
                    ],
                    "row": ops.zeros((self.batch_size, 1, width, features), self.dtype),
                    "held": ops.zeros(flat, self.dtype),
                }
            )
        return cache

    def prefill(self, cache, row):
        """Returns the cache before a row's first pixel: the "down" stream, whole."""
        form = _Row(self, cache, row)
        model, x = self.model, cache[0]["row"]
        model.down.run(form.apply(model.first_down, x), form)
        above = form.apply(model.first_above, x)
        form.cache[0]["held"] = ops.reshape(above, (self.batch_size, -1))
        form.prefill_pixels(0)
        return form.cache

    def step(self, pixel, cache, row, column):
        """Returns the parameters `(batch, num_outputs)` at a pixel, and the cache.

        Args:
            pixel: Without effect: its values depend on each other in the mixture.
            cache: As the call before returned it.
            row: Int or traced integer.
            column: Int or traced integer.
        """
        del pixel
        form = _Pixel(self, cache, row, column)
        left = form.apply(self.model.first_left, None)
        x = self.model.down_right.run(form.held(0) + left, form)
        return form.apply(self.model.head, ops.elu(x)), form.with_puts()

    def put(self, pixel, cache, row, column):
        """Returns the cache with a pixel whose values are all known now."""
        del row
        x = with_ones(ops.cast(pixel, self.dtype))
        level = _copy(cache[0])
        level["row"] = write(level["row"], x[:, None, None], column, axis=2)
        level["pixels"][0] = self.pixels[0][0].put(x, level["pixels"][0], column)
        return [level, *cache[1:]]


class _Row:
    """The form of computing that takes a row; see `GatedStream`."""

    def __init__(self, network, cache, row):
        self._network, self._row = network, row
        self.cache = _copy(cache)

    def apply(self, layer, x):
        level, i = self._network.place_of[id(layer)]
        form, caches = self._network.rows[level][i], self.cache[level]["rows"]
        if layer in self._network.model.down.ups:
            return form.step_row(x, self._row // 2**level)
        y = form.step(x, caches[i])
        if layer not in self._network.model.down.downs:
            caches[i] = form.put(x, caches[i])
        return y

    def coarse(self, level, layer, function, x):
        before = self.cache[level:]

        def compute():
            self.cache[level:] = _copy(before)
            self.cache[level]["row"] = function(x)
            self.prefill_pixels(level)
            return self.cache[level:]

        at_work = self._row % 2**level == 0
        self.cache[level:] = ops.cond(at_work, compute, lambda: _copy(before))
        finer, i = self._network.place_of[id(layer)]
        caches = self.cache[finer]["rows"]
        caches[i] = self._network.rows[finer][i].put(x, caches[i])
        return self.cache[level]["row"]

    def prefill_pixels(self, level):
        """Begins a row in the other stream's layers of a level."""
        forms, caches = self._network.pixels[level], self.cache[level]["pixels"]
        caches[:] = [f.prefill(c) for f, c in zip(forms, caches, strict=True)]

    def send(self, place, x):
        level, i = place
        x = ops.reshape(x, (self._network.batch_size, -1))
        self.cache[level]["messages"][i] = x

    def drop(self, x):
        return x

    def bias(self, layer):
        return self._network.biases[id(layer)][:, None, None]


class _Pixel:
    """The form of computing that takes a pixel; see `GatedStream`."""

    def __init__(self, network, cache, row, column):
        self._network, self._cache = network, cache
        self._row, self._column = row, column
        self._puts = {}  # (level, layer's number or "held"): what to write there

    def apply(self, layer, x):
        level, i = self._network.place_of[id(layer)]
        form, column = self._network.pixels[level][i], self._column // 2**level
        stream = self._network.model.down_right
        if layer in stream.ups:
            return form.step_pixel(x, self._row // 2**level, column)
        cache = self._cache[level]["pixels"][i]
        if layer in stream.downs:
            return form.peek(x, cache, column // 2)
        if cache and x is not None:
            self._puts[level, i] = x
        return form.peek(x, cache, column)

    def coarse(self, level, layer, function, x):
        self._puts[self._network.place_of[id(layer)]] = x
        outer = self._puts

        def compute():
            self._puts = {}
            y = function(x)
            self._puts[level, "held"] = y
            return self._puts

        size = 2**level
        at_work = (self._row % size == 0) & (self._column % size == 0)
        if at_work is False:
            return self.held(level)
        puts = compute() if at_work is True else self._cond(at_work, level, compute)
        self._puts = {**outer, **puts}
        return puts[level, "held"]

    def _cond(self, at_work, level, compute):
        """Returns what `compute` returns, or the same as it was before."""
        keys = [
            (coarse, i)
            for coarse in range(level, len(self._cache))
            for i in [*range(len(self._network.pixels[coarse])), "held"]
            if i == "held" or self._cache[coarse]["pixels"][i]
        ]

        def computed():
            puts = compute()
            return [puts[key] for key in keys]

        values = ops.cond(at_work, computed, lambda: [self._value(*k) for k in keys])
        return dict(zip(keys, values, strict=True))

    def _value(self, level, i):
        if i == "held":
            return self.held(level)
        column = self._column // 2**level
        form = self._network.pixels[level][i]
        return form.pixel(self._cache[level]["pixels"][i], column)

    def held(self, level):
        """Returns what a level gave last for this pixel, `(batch, filters)`."""
        return self._read(self._cache[level]["held"], level)

    def _read(self, flat, level):
        filters = self._network.filters
        return read(flat, self._column // 2**level * filters, filters, axis=1)

    def with_puts(self):
        """Returns the cache with all that is new."""
        cache = _copy(self._cache)
        for (level, i), x in self._puts.items():
            column, at = self._column // 2**level, cache[level]
            if i == "held":
                start = column * self._network.filters
                at["held"] = write(at["held"], x, start, axis=1)
            else:
                form = self._network.pixels[level][i]
                at["pixels"][i] = form.put(x, at["pixels"][i], column)
        return cache

    def receive(self, place):
        level, i = place
        return self._read(self._cache[level]["messages"][i], level)

    def drop(self, x):
        return x

    def bias(self, layer):
        return self._network.biases[id(layer)]


def _copy(cache):
    """Returns other lists and dicts of the same tensors."""
    return tree.map_structure(lambda tensor: tensor, cache)
