"""A Gated PixelCNN, rows and pixels one at a time."""

from keras import ops

from keras_genmod.engine import read, write


class IncrementalGatedPixelCNN:
    """Runs the vertical stack on one row, the horizontal one on one pixel at a time.

    Before the first pixel of a row the vertical stack takes the row that is done, and
    gives all blocks their share in this row's horizontal gates. The cache is
    `(image_row, shares, vertical, horizontal)`: the image's row, flat, `(batch,
    width channels)`, and these shares, `(batch, width num_blocks 2 filters)`, whose
    windows are views, and the caches of both stacks' layers.

    Args:
        model: `GatedPixelCNN`.
        batch_size: Positive int.
        condition: As `split` returns it.
    """

    def __init__(self, model, batch_size, condition):
        width = model.image_shape[1]
        self._model = model
        self._biases = model.condition_biases(condition)
        layers = model.horizontal_layers
        self._steps = [layer.incremental(batch_size, width) for layer in layers]
        self._index = {id(layer): i for i, layer in enumerate(layers)}
        self._rows = [b.vertical.incremental(batch_size, width) for b in model.blocks]
        self._dtype = model.blocks[0].compute_dtype
        self._shape = (batch_size, width, model.image_shape[-1])
        self._size = 2 * model.filters  # features of the gates of a block

    def init_cache(self):
        """Returns the cache above the first row."""
        batch_size, width, channels = self._shape
        num_shares = len(self._rows) * self._size
        return (
            ops.zeros((batch_size, width * channels), self._dtype),
            ops.zeros((batch_size, width * num_shares), self._dtype),
            [row.init_cache() for row in self._rows],
            [step.init_cache() for step in self._steps],
        )

    def begin_row(self, cache, row):
        """Runs the vertical stack on the row that is done."""
        del row  # The caches lie relative to it.
        image_row, shares, vertical, horizontal = cache
        vertical = list(vertical)

        def apply(i, x):
            y = self._rows[i].step(x, vertical[i])
            vertical[i] = self._rows[i].put(x, vertical[i])
            return y

        batch_size, width, channels = self._shape
        done = ops.reshape(image_row, (batch_size, 1, width, channels))
        parts = self._model.vertical_stack(done, self._biases, apply)
        shares = ops.reshape(ops.concatenate(parts, axis=-1), shares.shape)
        horizontal = [
            s.begin_row(c) for s, c in zip(self._steps, horizontal, strict=True)
        ]
        return image_row, shares, vertical, horizontal

    def step(self, pixel, cache, row, column):
        """Returns the parameters `(batch, num_outputs)` at a pixel, and the cache.

        Args:
            pixel: Its values as far as they are known, `(batch, channels)`.
            cache: As the call before returned it.
            row: Int or traced integer.
            column: Int or traced integer.
        """
        del row
        image_row, shares, vertical, horizontal = cache
        horizontal, size = list(horizontal), len(self._rows) * self._size
        here = read(shares, column * size, size, axis=1)
        parts = [here[:, i : i + self._size] for i in range(0, size, self._size)]

        def apply(layer, x):
            i = self._index[id(layer)]
            y, horizontal[i] = self._steps[i].step(x, horizontal[i], column)
            return y

        x = ops.cast(pixel, self._dtype)
        outputs = self._model.horizontal_stack(x, parts, apply)
        return outputs, (image_row, shares, vertical, horizontal)

    def put(self, pixel, cache, row, column):
        """Returns the cache with a pixel whose values are all known now."""
        del row
        image_row, shares, vertical, horizontal = cache
        pixel = ops.cast(pixel, self._dtype)
        image_row = write(image_row, pixel, column * self._shape[2], axis=1)
        first = self._steps[0].put(pixel, horizontal[0], column)
        return image_row, shares, vertical, [first, *horizontal[1:]]
