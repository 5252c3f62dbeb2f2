"""Sampling in raster order: the loop over pixels, and the networks it steps through."""

from typing import Any, Protocol

import numpy as np
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

    A network of several lanes takes a pixel of each at a time, in the order of
    `Fronts`: its "batch" is `num_lanes * batch`, `row` is that of lane 0, and goes on
    until the last lane is done, and `column` counts the columns of a lane.
    """

    num_lanes: int = 1
    #: Rows after which its work is of the same kind again: it may branch on `row % n`
    #: for a divisor n, which is an int on torch.
    period: int = 1

    def init_cache(self) -> Any: ...

    def prefill(self, cache, row) -> Any: ...

    def step(self, pixel, cache, row, column) -> tuple[Any, Any]: ...

    def put(self, pixel, cache, row, column) -> Any: ...


class Fronts:
    """The order in which pixels are drawn: a front of one pixel of each lane at a time.

    Lane j is at work on the j-th part of a row's columns, and on row r - j while lane 0
    is on row r: in a front are `(r - j, j * stride + column)` for all j. With one lane
    that is raster order.

    Args:
        height: Positive int.
        width: Positive int.
        num_lanes: Positive int that divides the width.
    """

    def __init__(self, height: int, width: int, num_lanes: int):
        self.stride, self.num_rows = width // num_lanes, height + num_lanes - 1
        self.num_lanes = num_lanes
        rows, lanes = np.arange(self.num_rows), np.arange(num_lanes)
        columns = np.arange(self.stride)[:, None] + self.stride * lanes
        # (rows, columns of a lane, lanes); outside of the image, some pixel of it.
        rows = np.clip(rows[:, None] - lanes, 0, height - 1)[:, None]
        self._pixels = np.ravel(rows * width + columns).astype("int32")
        rows, columns = np.arange(height)[:, None], np.arange(width)
        lanes = columns // self.stride
        fronts = (rows + lanes) * self.stride + columns % self.stride
        self._places = np.ravel(fronts * num_lanes + lanes).astype("int32")

    def of_images(self, x):
        """Returns `(fronts, lanes * batch, values)` of `(batch, pixels, values)`."""
        x = ops.transpose(ops.take(x, self._pixels, axis=1), (1, 0, 2))
        batch, values = x.shape[1:]
        return ops.reshape(x, (-1, self.num_lanes * batch, values))

    def to_images(self, x):
        """Returns `(batch, pixels, values)` of what is arranged as `of_images` does."""
        batch, values = x.shape[1] // self.num_lanes, x.shape[2]
        x = ops.take(ops.reshape(x, (-1, batch, values)), self._places, axis=0)
        return ops.transpose(x, (1, 0, 2))


def draw_images(
    model, network: RasterNetwork, images, mask, noise, temperature, scored
):
    """Draws pixel after pixel, in one compiled loop.

    Args:
        model: `AutoregressiveModel`, whose `draw` takes a network's outputs.
        network: The model's, with caches or `WithoutCaches`.
        images: Known values, `(batch, pixels, channels)`, with `raster_shape`'s pixels
            and channels.
        mask: Bool tensor of that shape, true where a value is known; or `None`.
        noise: Numbers of U[0, 1), `(batch, pixels, num_draws)`.
        temperature: Positive float tensor of shape `()`.
        scored: Whether log-probabilities are asked for. Where they are not, the loop
            leaves them out, which take a mixture of logistics a fifth of its time.

    Returns:
        List of the images, `(batch, *image_shape)`, and, where asked for, the
        log-probability `(batch,)` of the values that were drawn.
    """
    height, width, _ = model.raster_shape
    fronts = Fronts(height, width, network.num_lanes)
    noise = fronts.of_images(noise)
    if mask is not None:
        mask = fronts.of_images(mask)

    def draw_row(row, carry):
        def draw_pixel(column, carry):
            pixels, log_probs, cache = carry
            i = row * fronts.stride + column
            pixel = read(pixels, i, 1, axis=0)[0]  # (lanes * batch, channels)
            numbers = read(noise, i, 1, axis=0)[0]  # (lanes * batch, num_draws)
            keep = None if mask is None else read(mask, i, 1, axis=0)[0]
            parts = []
            for visit in range(model.num_visits):
                outputs, cache = network.step(pixel, cache, row, column)
                pixel, log_prob = model.draw(
                    outputs, pixel, keep, numbers, visit, temperature
                )
                parts.append(log_prob)
            cache = network.put(pixel, cache, row, column)
            if scored:
                log_prob = sum(parts[1:], parts[0])[None, :, None]
                log_probs = [write(log_probs[0], log_prob, i, axis=0)]
            return write(pixels, pixel[None], i, axis=0), log_probs, cache

        pixels, log_probs, cache = carry
        start = (pixels, log_probs, network.prefill(cache, row))
        return fori_loop(fronts.stride, draw_pixel, start)

    pixels = fronts.of_images(images)
    log_probs = [ops.zeros((*pixels.shape[:2], 1), "float32")] if scored else []
    start = (pixels, log_probs, network.init_cache())
    pixels, log_probs, _ = fori_loop(fronts.num_rows, draw_row, start, network.period)
    images = ops.reshape(fronts.to_images(pixels), (-1, *model.image_shape))
    return [images, *(ops.sum(fronts.to_images(x), axis=(1, 2)) for x in log_probs)]


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
        forms: Dict from the causal layers in it to their forms that take a pixel at a
            time; the first is the one that reads the image.
    """

    def __init__(self, network, forms: dict):
        self._network, self._forms = network, list(forms.values())
        self._index = {layer: i for i, layer in enumerate(forms)}
        self._dtype = next(iter(forms)).compute_dtype

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
