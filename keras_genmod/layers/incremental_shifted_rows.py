"""A down-shifted convolution, one row at a time."""

from keras import ops


class IncrementalShiftedRows:
    """What a down-shifted convolution gives for the next row of its input.

    The cache holds the `height - 1` rows before, `(batch, height - 1, width, inputs)`.
    For mask "A" the row that is put in is the one above the output's.

    Args:
        layer: Built `ShiftedConv2D` of direction "down".
        batch_size: Positive int, the number of images.
        width: Positive int, of the input in pixels.
        kernel: Tensor of the compute dtype.
        bias: Tensor `(filters,)` of the compute dtype.
    """

    def __init__(self, layer, batch_size, width, kernel, bias):
        self._layer, self._kernel, self._bias = layer, kernel, bias
        self._shape = (batch_size, layer.kernel_size[0] - 1, width, kernel.shape[2])

    def init_cache(self):
        """Returns the cache above the first row: zeros, as outside of the image."""
        return ops.zeros(self._shape, self._kernel.dtype)

    def step(self, x, cache):
        """Returns the output's row `(batch, 1, width, filters)`.

        Args:
            x: The input's row, `(batch, 1, width, inputs)`.
            cache: The rows before.
        """
        _, left, right = self._layer.padding
        if self._shape[1]:
            x = ops.concatenate([cache, x], axis=1)
        if left or right:
            x = ops.pad(x, ((0, 0), (0, 0), (left, right), (0, 0)))
        return self._layer.convolve_padded(x, self._kernel, self._bias)

    def put(self, x, cache):
        """Returns the cache with one more row."""
        if not self._shape[1]:
            return cache
        return ops.concatenate([cache[:, 1:], x], axis=1)
