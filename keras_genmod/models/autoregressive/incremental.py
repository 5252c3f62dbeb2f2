"""Networks of causal layers, one pixel at a time."""

from keras import ops


class Incremental:
    """Runs a network of causal layers on one pixel after another.

    The network is written once, as a function of `apply(layer, x)`: over whole images
    that is `layer(x)`, here it is the layer's `step`. The cache is a list, an entry a
    layer.

    Args:
        network: Function `(pixel, apply)` that returns the parameters of the
            conditionals at that pixel, `(batch, num_outputs)`.
        layers: The causal layers in it, each with `incremental(batch_size, width)`;
            the first is the one that reads the image.
        batch_size: Positive int.
        width: Positive int, of the images in pixels.
    """

    def __init__(self, network, layers, batch_size, width):
        self._network = network
        self._steps = [layer.incremental(batch_size, width) for layer in layers]
        self._index = {id(layer): i for i, layer in enumerate(layers)}
        self._dtype = layers[0].compute_dtype

    def init_cache(self):
        """Returns the cache above the first row."""
        return [step.init_cache() for step in self._steps]

    def begin_row(self, cache, row):
        """Returns the cache before a row's first pixel."""
        del row
        return [s.begin_row(c) for s, c in zip(self._steps, cache, strict=True)]

    def step(self, pixel, cache, row, column):
        """Returns the parameters `(batch, num_outputs)` at a pixel, and the cache.

        Args:
            pixel: Its values as far as they are known, `(batch, channels)`.
            cache: As the call before returned it.
            row: Int or traced integer.
            column: Int or traced integer.
        """
        del row  # The caches lie relative to it.
        cache = list(cache)

        def apply(layer, x):
            i = self._index[id(layer)]
            y, cache[i] = self._steps[i].step(x, cache[i], column)
            return y

        return self._network(ops.cast(pixel, self._dtype), apply), cache

    def put(self, pixel, cache, row, column):
        """Returns the cache with a pixel whose values are all known now."""
        del row
        pixel = ops.cast(pixel, self._dtype)
        return [self._steps[0].put(pixel, cache[0], column), *cache[1:]]
