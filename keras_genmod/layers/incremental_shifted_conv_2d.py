"""A down-right-shifted convolution, one pixel at a time."""

from keras import ops

from keras_genmod.engine import affine, read, write


class IncrementalShiftedConv2D:
    """What a down-right-shifted convolution gives for the next pixel of its input.

    The taps above are applied to a whole row at once, before its first pixel; a pixel
    then takes the taps to its left and its own. The cache is `(rows, current, above)`
    of shapes `(batch, height - 1, left + width, inputs)`, and with flat rows, whose
    windows are views, `(batch, (left + width) inputs)` and `(batch, width filters)`. A
    1x1 kernel has none. `step` reads it, `put` may write into it.

    Args:
        layer: Built `ShiftedConv2D` of direction "down_right".
        batch_size: Positive int, the number of images.
        width: Positive int, of the input in pixels.
        kernel: Tensor of the compute dtype.
        bias: Tensor `(filters,)` of the compute dtype.
    """

    def __init__(self, layer, batch_size, width, kernel, bias):
        height, taps, self._inputs, self._filters = kernel.shape
        self._strides, self._left = layer.strides, layer.padding[1]
        self._sees_itself = layer.mask == "B"
        self._above = ops.reshape(kernel[:-1], (-1, self._filters))
        self._current = ops.reshape(kernel[-1], (-1, self._filters))
        self._bias = bias
        self._taps, self._num_above = taps, height - 1
        self._batch_size, self._width = batch_size, width
        self._num_outputs = width // layer.strides
        self._is_pointwise = height == taps == 1 and self._sees_itself

    def init_cache(self):
        """Returns the cache above the first row: zeros, as outside of the image."""
        if self._is_pointwise:
            return ()
        batch_size, dtype = self._batch_size, self._bias.dtype
        padded = self._left + self._width
        return (
            ops.zeros((batch_size, self._num_above, padded, self._inputs), dtype),
            ops.zeros((batch_size, padded * self._inputs), dtype),
            ops.zeros((batch_size, self._num_outputs * self._filters), dtype),
        )

    def begin_row(self, cache):
        """Moves the row that is done up, and applies the taps above the next one."""
        if self._is_pointwise:
            return cache
        rows, current, above = cache
        if self._num_above == 0:
            bias = ops.tile(self._bias, self._num_outputs)
            return rows, current, ops.zeros_like(above) + bias
        done = ops.reshape(current, (self._batch_size, 1, -1, self._inputs))
        rows = ops.concatenate([rows[:, 1:], done], axis=1)
        stop = self._strides * (self._num_outputs - 1) + 1
        patches = [
            rows[:, i, j : j + stop : self._strides]
            for i in range(self._num_above)
            for j in range(self._taps)
        ]
        above = ops.concatenate(patches, axis=-1) @ self._above + self._bias
        return rows, current, ops.reshape(above, (self._batch_size, -1))

    def step(self, x, cache, column):
        """Returns the output at one pixel, `(batch, filters)`.

        Args:
            x: The input there, `(batch, inputs)`; with mask "A" it has no effect.
            cache: As `put` or `begin_row` returned it.
            column: Int or traced integer, of the output.
        """
        if self._is_pointwise:
            return affine(x, self._current, self._bias)
        _, current, above = cache
        num_left = self._taps - self._sees_itself
        if num_left:
            start = column * self._strides * self._inputs
            x_left = read(current, start, num_left * self._inputs, axis=1)
            x = ops.concatenate([x_left, x], axis=-1) if self._sees_itself else x_left
        above = read(above, column * self._filters, self._filters, axis=1)
        return affine(x, self._current, above)

    def put(self, x, cache, column):
        """Returns the cache with a pixel `(batch, inputs)` in the current row."""
        if self._is_pointwise:
            return cache
        rows, current, above = cache
        start = (self._left + column) * self._inputs
        return rows, write(current, x, start, axis=1), above

    def pixel(self, cache, column):
        """Returns the input `(batch, inputs)` that was put at a column of this row."""
        start = (self._left + column) * self._inputs
        return read(cache[1], start, self._inputs, axis=1)
