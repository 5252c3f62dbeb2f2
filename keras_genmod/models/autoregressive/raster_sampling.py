"""Sampling in raster order: the loop over pixels, and the networks it steps through."""

from typing import Any, Protocol

from keras import ops

from keras_genmod.engine import fori_loop, read, write


class RasterNetwork(Protocol):
    """A network that takes an image pixel by pixel, with a cache of what it saw.

    The words are those of language models: a cache, which `prefill` fills for many
    pixels at once and `step` for one. Rows come from top to bottom, columns from left
    to right:

    | method | called | sees | returns |
    | --- | --- | --- | --- |
    | `init_cache()` | once | | the cache, a nest of tensors |
    | `prefill(cache, row)` | before each row | the row above, whole | the cache |
    | `step(pixel, cache, row, column)` | for each value to be drawn | `(batch,
      channels)`, as far as they are known | `(batch, num_outputs)`, the cache |
    | `put(pixel, cache, row, column)` | after a pixel's last value | `(batch,
      channels)`, all known | the cache |

    The tensors of the cache keep their shapes. Any method may write into the cache it
    is given; use the one it returns. `row` and `column` may be traced integers; on
    torch `column` is an int where rows are short. Layers have the same methods
    (`layer.incremental(batch_size, width)` returns an object with them), for features
    instead of channels and outputs, and without `row`: their caches lie relative to it.
    """

    def init_cache(self) -> Any: ...

    def prefill(self, cache, row) -> Any: ...

    def step(self, pixel, cache, row, column) -> tuple[Any, Any]: ...

    def put(self, pixel, cache, row, column) -> Any: ...


def draw_images(model, network: RasterNetwork, images, mask, noise, temperature):
    """Draws pixel after pixel, in one compiled loop.

    Args:
        model: `AutoregressiveModel`, whose `draw` takes a network's outputs.
        network: The model's, with caches or `WithoutCaches`.
        images: Known values, `(batch, pixels, channels)`, with `raster_shape`'s pixels
            and channels; may be written into.
        mask: Bool tensor of that shape, true where a value is known; or `None`.
        noise: Numbers of U[0, 1), `(batch, pixels, num_draws)`.
        temperature: Positive float tensor of shape `()`.

    Returns:
        `(images, log_prob)`, the latter `(batch,)`, of the values that were drawn.
    """
    height, width, _ = model.raster_shape

    def draw_row(row, carry):
        def draw_pixel(column, carry):
            images, total, cache = carry
            i = row * width + column
            pixel = read(images, i, 1, axis=1)[:, 0]  # (batch, channels)
            numbers = read(noise, i, 1, axis=1)[:, 0]  # (batch, num_draws)
            keep = None if mask is None else read(mask, i, 1, axis=1)[:, 0]
            for visit in range(model.num_visits):
                outputs, cache = network.step(pixel, cache, row, column)
                pixel, log_prob = model.draw(
                    outputs, pixel, keep, numbers, visit, temperature
                )
                total = total + log_prob
            cache = network.put(pixel, cache, row, column)
            return write(images, pixel[:, None], i, axis=1), total, cache

        images, total, cache = carry
        start = (images, total, network.prefill(cache, row))
        return fori_loop(width, draw_pixel, start)

    total = ops.zeros(images.shape[:1], "float32")
    start = (images, total, network.init_cache())
    images, total, _ = fori_loop(height, draw_row, start)
    return images, total


class WithoutCaches(RasterNetwork):
    """The network on whole images, for each value again; the "cache" is the image.

    Args:
        model: `AutoregressiveModel`.
        num_samples: Positive int.
        condition: As `data_and_condition` returns it.
    """

    def __init__(self, model, num_samples: int, condition):
        self._model, self._num_samples, self._condition = model, num_samples, condition
        self._height, self._width, self._channels = model.raster_shape

    def init_cache(self):
        shape = (self._num_samples, self._height * self._width, self._channels)
        return ops.zeros(shape, "float32")

    def prefill(self, cache, row):
        return cache

    def step(self, pixel, cache, row, column):
        cache = self.put(pixel, cache, row, column)
        images = ops.reshape(cache, (self._num_samples, *self._model.image_shape))
        outputs = self._model.outputs(images, self._condition)
        # (batch, pixels, num_outputs)
        outputs = ops.reshape(outputs, (*cache.shape[:2], -1))
        return read(outputs, row * self._width + column, 1, axis=1)[:, 0], cache

    def put(self, pixel, cache, row, column):
        return write(cache, pixel[:, None], row * self._width + column, axis=1)


def on_images(layer, x):
    """Runs a layer of a network on whole images; `WithCaches` has it for one pixel."""
    return layer(x)


class WithCaches(RasterNetwork):
    """A network of causal layers, on one pixel, with a cache a layer.

    The network is one function of `apply(layer, x)`, which is `on_images` or, here, the
    layer's `step`.

    Args:
        network: Function `(pixel, ..., apply=on_images)` that returns the parameters of
            the conditionals at that pixel, `(batch, num_outputs)`.
        layers: The causal layers in it; the first is the one that reads the image.
        num_samples: Positive int.
        width: Positive int, of the images in pixels.
    """

    def __init__(self, network, layers, num_samples: int, width: int):
        self._network = network
        self._forms = [layer.incremental(num_samples, width) for layer in layers]
        self._index = {layer: i for i, layer in enumerate(layers)}
        self._dtype = layers[0].compute_dtype

    def init_cache(self) -> list:
        return [form.init_cache() for form in self._forms]

    def prefill(self, cache, row) -> list:
        return [f.prefill(c) for f, c in zip(self._forms, cache, strict=True)]

    def step(self, pixel, cache, row, column, *inputs):
        """As `RasterNetwork.step`; further `inputs` of the network there go to it."""
        cache = list(cache)

        def apply(layer, x):
            i = self._index[layer]
            y, cache[i] = self._forms[i].step(x, cache[i], column)
            return y

        pixel = ops.cast(pixel, self._dtype)
        return self._network(pixel, *inputs, apply=apply), cache

    def put(self, pixel, cache, row, column) -> list:
        pixel = ops.cast(pixel, self._dtype)
        return [self._forms[0].put(pixel, cache[0], column), *cache[1:]]
