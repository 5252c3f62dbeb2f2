"""A shifted transposed convolution, one row or one pixel at a time."""

from keras import ops

from keras_genmod.engine import affine, read


class IncrementalShiftedTranspose:
    """What a transposed convolution gives for one row, or pixel, of its output.

    It needs no cache: only the coarse row, or pixel, that the output lies in.

    Args:
        layer: Built `ShiftedConv2DTranspose`.
        kernel: Tensor of the compute dtype.
        bias: Tensor `(filters,)` of the compute dtype.
    """

    def __init__(self, layer, kernel, bias):
        self._layer, self._kernel, self._bias = layer, kernel, bias
        self._pixels = None
        if layer.direction == "down_right":
            self._pixels = ops.reshape(kernel, (4, *kernel.shape[2:]))

    def init_cache(self):
        """Returns the cache: there is nothing in it."""
        return ()

    def begin_row(self, cache):
        """Returns the cache before a row's first pixel."""
        return cache

    def step_row(self, x, row):
        """Returns the output's row `(batch, 1, 2 width, filters)` of index `row`.

        Args:
            x: The coarse row that it lies in, `(batch, 1, width, inputs)`.
            row: Int or traced integer.
        """
        kernel = read(self._kernel, row % 2, 1, axis=0)
        return self._layer.convolve(x, kernel, self._bias)

    def step_pixel(self, x, row, column):
        """Returns the output's pixel `(batch, filters)` at `(row, column)`.

        Args:
            x: The coarse pixel that it lies in, `(batch, inputs)`.
            row: Int or traced integer.
            column: Int or traced integer.
        """
        kernel = read(self._pixels, row % 2 * 2 + column % 2, 1, axis=0)[0]
        return affine(x, kernel, self._bias)
