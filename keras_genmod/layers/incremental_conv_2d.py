"""A causal convolution, one pixel at a time."""

from collections.abc import Callable

import keras
from keras import ops

from keras_genmod.engine import affine, read, write


class IncrementalConv2D:
    """What a convolution that sees earlier pixels gives for one more of them.

    The taps above are applied to a whole row at once, by `prefill`; a pixel then takes
    those of its own row. The cache holds the rows that the kernel can see, and no more:

    | | shape | |
    | --- | --- | --- |
    | `rows` | `(batch, num_above, left + width + right, inputs)` | the rows above |
    | `current` | `(batch, (left + width + right) inputs)` | this row |
    | `above` | `(batch, num_outputs filters)` | what the taps above give to this row |

    The last two are flat, so that their windows are views. A 1x1 kernel has no cache.
    `step` and `put` may write into the cache they are given; use the one they return.

    Args:
        above: Kernel of the rows above, `(num_above, taps, inputs, filters)`.
        own: Kernel of the row itself, `(taps, inputs, filters)`.
        bias: Tensor `(filters,)`, of the kernel's type.
        batch_size: Positive int, the number of images.
        width: Positive int, of the input in pixels.
        left: Int, columns of zeros left of the image, where the first window begins.
        right: Int, columns of zeros right of it.
        strides: Positive int, columns of the input from one output to the next.
        sees_itself: Whether the last tap of `own` is the pixel's.
        activation: Function of the output.
    """

    def __init__(
        self,
        above,
        own,
        bias,
        batch_size: int,
        width: int,
        left: int,
        right: int = 0,
        strides: int = 1,
        sees_itself: bool = True,
        activation: Callable = keras.activations.linear,
    ):
        self._num_above, self._taps_above, self._inputs, self._filters = above.shape
        self._above = ops.reshape(above, (-1, self._filters))  # (all taps, filters)
        self._own = ops.reshape(own, (-1, self._filters))
        self._bias, self._activation = bias, activation
        self._taps, self._sees_itself = own.shape[0], sees_itself
        self._batch_size, self._left, self._strides = batch_size, left, strides
        self._padded, self._num_outputs = left + width + right, width // strides
        self._is_pointwise = self._padded == width and self._num_above == 0

    def init_cache(self) -> tuple:
        """Returns the cache above the first row: zeros, as outside of the image."""
        if self._is_pointwise:
            return ()
        rows = (self._batch_size, self._num_above, self._padded, self._inputs)
        current = (self._batch_size, self._padded * self._inputs)
        return (
            ops.zeros(rows, self._bias.dtype),
            ops.zeros(current, self._bias.dtype),
            ops.tile(self._bias, (self._batch_size, self._num_outputs)),
        )

    def prefill(self, cache: tuple) -> tuple:
        """Moves the row that is done up, and applies the taps above the next one."""
        if self._num_above == 0:
            return cache
        rows, current, above = cache
        done = ops.reshape(current, (self._batch_size, 1, self._padded, self._inputs))
        rows = ops.concatenate([rows[:, 1:], done], axis=1)
        stop = self._strides * (self._num_outputs - 1) + 1
        patches = [
            rows[:, i, j : j + stop : self._strides]
            for i in range(self._num_above)
            for j in range(self._taps_above)
        ]  # each (batch, num_outputs, inputs)
        above = ops.concatenate(patches, axis=-1) @ self._above + self._bias
        return rows, current, ops.reshape(above, (self._batch_size, -1))

    def put(self, x, cache: tuple, column) -> tuple:
        """Returns the cache with a pixel `(batch, inputs)` in the current row."""
        if self._is_pointwise:
            return cache
        rows, current, above = cache
        start = (self._left + column) * self._inputs
        return rows, write(current, x, start, axis=1), above

    def step(self, x, cache: tuple, column) -> tuple:
        """Returns the output at one pixel, `(batch, filters)`, and the cache.

        Args:
            x: The input there, `(batch, inputs)`.
            cache: As this row's last step, or `prefill`, returned it.
            column: Int or traced integer, of the output.
        """
        if self._is_pointwise:
            return self._activation(affine(x, self._own, self._bias)), cache
        cache = self.put(x, cache, column * self._strides)
        start = column * self._strides * self._inputs
        window = read(cache[1], start, self._taps * self._inputs, axis=1)
        above = read(cache[2], column * self._filters, self._filters, axis=1)
        return self._activation(affine(window, self._own, above)), cache

    def peek(self, x, cache: tuple, column):
        """Returns the output of `step`, and leaves the cache as it is.

        A branch that gave whole caches would copy them; what this one does not write
        can wait for `put`.
        """
        if self._is_pointwise:
            return self._activation(affine(x, self._own, self._bias))
        window = x
        if num_left := self._taps - self._sees_itself:
            start = column * self._strides * self._inputs
            window = read(cache[1], start, num_left * self._inputs, axis=1)
            if self._sees_itself:
                window = ops.concatenate([window, x], axis=-1)
        above = read(cache[2], column * self._filters, self._filters, axis=1)
        return self._activation(affine(window, self._own, above))

    def pixel(self, cache: tuple, column):
        """Returns the input `(batch, inputs)` that was put at a column of this row."""
        start = (self._left + column) * self._inputs
        return read(cache[1], start, self._inputs, axis=1)
