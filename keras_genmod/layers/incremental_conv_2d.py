"""A masked convolution, one pixel at a time."""

from keras import ops

from keras_genmod.engine import affine, read, write


class IncrementalConv2D:
    """What a masked convolution adds to its output when one more pixel is known.

    The taps above the centre are applied to a whole row at once, before its first
    pixel; a pixel then takes the taps to its left and the centre. The cache holds the
    rows that the kernel can see, and no more: `(rows, current, above)` of shapes
    `(batch, height // 2, width + 2 pad, inputs)`, and with flat rows, whose windows
    are views, `(batch, (width + 2 pad) inputs)` and `(batch, width filters)`. A 1x1
    kernel has none. `step` may write into the cache it is given; use the one it
    returns.

    Args:
        layer: Built `MaskedConv2D`, or a layer that has its attributes `kernel` and
            `bias`, and no taps after the centre.
        batch_size: Positive int, the number of images.
        width: Positive int, of the images in pixels.
    """

    def __init__(self, layer, batch_size, width):
        kernel = ops.cast(layer.kernel, layer.compute_dtype)
        height, self._size, inputs, filters = kernel.shape
        self._num_above, self._pad = height // 2, self._size // 2
        num_taps = self._num_above * self._size * inputs
        self._above = ops.reshape(kernel[: self._num_above], (num_taps, filters))
        left = kernel[self._num_above, : self._pad + 1]
        self._left = ops.reshape(left, (-1, filters))
        self._bias = ops.zeros((filters,), kernel.dtype)
        if layer.use_bias:
            self._bias = ops.cast(layer.bias, kernel.dtype)
        self._activation = layer.activation
        self._shape = (batch_size, width, inputs, filters)

    def init_cache(self):
        """Returns the cache above the first row: zeros, as outside of the image."""
        if self._size == 1:
            return ()
        batch_size, width, inputs, filters = self._shape
        padded, dtype = width + 2 * self._pad, self._left.dtype
        return (
            ops.zeros((batch_size, self._num_above, padded, inputs), dtype),
            ops.zeros((batch_size, padded * inputs), dtype),
            ops.zeros((batch_size, width * filters), dtype),
        )

    def begin_row(self, cache):
        """Moves the row that is done up, and applies the taps above the next one."""
        if self._size == 1:
            return cache
        rows, current, above = cache
        batch_size, width, inputs, filters = self._shape
        if self._num_above == 0:
            bias = ops.tile(self._bias, width)
            return rows, current, ops.zeros_like(above) + bias
        done = ops.reshape(current, (batch_size, 1, -1, inputs))
        rows = ops.concatenate([rows[:, 1:], done], axis=1)
        patches = [
            rows[:, i, j : j + width]
            for i in range(self._num_above)
            for j in range(self._size)
        ]
        above = ops.concatenate(patches, axis=-1) @ self._above + self._bias
        return rows, current, ops.reshape(above, (batch_size, width * filters))

    def put(self, x, cache, column):
        """Puts a pixel `(batch, inputs)` into the current row."""
        rows, current, above = cache
        start = (self._pad + column) * self._shape[2]
        return rows, write(current, x, start, axis=1), above

    def step(self, x, cache, column):
        """Returns the output at one pixel, `(batch, filters)`, and the cache.

        Args:
            x: The input there, `(batch, inputs)`.
            cache: As this row's last step, or `begin_row`, returned it.
            column: Int or traced integer.
        """
        if self._size == 1:
            return self._activation(affine(x, self._left, self._bias)), cache
        cache = self.put(x, cache, column)
        _, current, above = cache
        _, _, inputs, filters = self._shape
        window = read(current, column * inputs, (self._pad + 1) * inputs, axis=1)
        above = read(above, column * filters, filters, axis=1)
        return self._activation(affine(window, self._left, above)), cache
