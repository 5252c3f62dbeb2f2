"""A causal convolution, one pixel of several rows at a time."""

from collections.abc import Callable

import keras
from keras import ops

from keras_genmod.engine import affine, read, write


class WavefrontConv2D:
    """What a convolution that sees earlier pixels gives for one more of each lane.

    Lane j works on the columns `j * stride` to `(j + 1) * stride - 1` of some row, lane
    j + 1 on as many columns further right in the row above, all at the same place of
    their columns. What a kernel sees of the row above is done then if it reaches fewer
    than `stride` columns to the right. After `stride` steps each row goes to the next
    lane, and a new one begins in lane 0.

    The cache is `(tapes, is_inside)`. A tape, flat, so that its windows are views, has
    the last columns of a row, up to those that its lane works on; the rows that have
    left the lanes follow, as many as the kernel sees:
    `((num_lanes + num_above) * batch, columns * inputs)`. `is_inside`, `(num_lanes *
    batch, 1)`, is 0 in lanes whose row lies above the image. A 1x1 kernel has no cache.

    Args:
        above: Kernel of the rows above, `(num_above, taps, inputs, filters)`.
        own: Kernel of the row itself, `(taps, inputs, filters)`; its last tap is the
            pixel's own.
        bias: Tensor `(filters,)`, of the kernel's type.
        batch_size: Positive int, the number of images.
        num_lanes: Positive int.
        stride: Positive int, columns of a lane; the lanes make up the image's width.
        activation: Function of the output.
    """

    def __init__(
        self,
        above,
        own,
        bias,
        batch_size: int,
        num_lanes: int,
        stride: int,
        activation: Callable = keras.activations.linear,
    ):
        self._num_above, self._taps_above, self._inputs, filters = above.shape
        self._taps, self._left = own.shape[0], own.shape[0] - 1
        kernels = [ops.reshape(kernel, (-1, filters)) for kernel in (above, own)]
        self._kernel = ops.concatenate(kernels, axis=0)  # (all taps, filters)
        self._bias, self._activation = bias, activation
        self._batch_size, self._stride = batch_size, stride
        self._size = num_lanes * batch_size
        # Columns of a tape before those of the lane, and in all.
        self._start = stride * self._num_above + self._left
        self._length = self._start + max(stride, self._taps_above - 1 - self._left)
        left_of_image = (batch_size, self._start * self._inputs)
        self._outside = ops.zeros(left_of_image, bias.dtype)
        self._is_pointwise = self._num_above == self._left == 0

    def init_cache(self) -> tuple:
        """Returns the cache before the first row: zeros, as outside of the image."""
        if self._is_pointwise:
            return ()
        num_rows = self._size + self._num_above * self._batch_size
        tapes = ops.zeros((num_rows, self._length * self._inputs), self._bias.dtype)
        return tapes, ops.zeros((self._size, 1), self._bias.dtype)

    def prefill(self, cache: tuple, is_inside) -> tuple:
        """Moves each row to the next lane, and `stride` columns on in its tape."""
        if self._is_pointwise:
            return cache
        tapes, moved = cache[0], self._stride * self._inputs
        earlier = tapes[: -self._batch_size, moved : moved + self._start * self._inputs]
        earlier = ops.concatenate([self._outside, earlier], axis=0)
        return write(tapes, earlier, 0, axis=1), is_inside

    def put(self, x, cache: tuple, column) -> tuple:
        """Returns the cache with a pixel of each lane, `(num_lanes * batch, inputs)`.

        Args:
            x: The pixels.
            cache: As `prefill` or this method returned it.
            column: Int or traced integer, counts the columns of a lane.
        """
        if self._is_pointwise:
            return cache
        tapes, is_inside = cache
        start = (self._start + column) * self._inputs
        return write(tapes, x * is_inside, start, axis=1), is_inside

    def step(self, x, cache: tuple, column) -> tuple:
        """Returns the output at these pixels, and the cache as `put` returns it.

        Args:
            x: As that of `put`.
            cache: As that of `put`.
            column: As that of `put`.

        Returns:
            `(y, cache)`, the former `(num_lanes * batch, filters)`.
        """
        if self._is_pointwise:
            return self._activation(affine(x, self._kernel, self._bias)), cache
        cache = self.put(x, cache, column)
        windows = []
        for i in range(self._num_above, -1, -1):  # rows above, from top to bottom
            first = i * self._batch_size
            rows = cache[0][first : first + self._size]
            start = self._start + column - i * self._stride - self._left
            size = (self._taps_above if i else self._taps) * self._inputs
            windows.append(read(rows, start * self._inputs, size, axis=1))
        window = ops.concatenate(windows, axis=-1)
        return self._activation(affine(window, self._kernel, self._bias)), cache
