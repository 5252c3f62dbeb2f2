"""The Row LSTM of PixelRNN."""

from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import read, scan, write
from keras_genmod.layers.lstm_states import (
    check_filters,
    gates_first,
    next_state,
    open_forget_gates,
    state_dtype,
)
from keras_genmod.layers.masked_conv_2d import MaskedConv2D


@keras.saving.register_keras_serializable("keras_genmod")
class RowLSTM(keras.layers.Layer):
    """LSTM that goes down the rows of images, all pixels of a row at once.

    o, f, i, g = K_is * x_r + K_ss * h_(r-1)
    c_r        = sigmoid(f) c_(r-1) + sigmoid(i) tanh(g)
    h_r        = sigmoid(o) tanh(c_r)

    for row r; `*` are convolutions along it. The input-to-state one, K_is, has mask "B"
    of `MaskedConv2D`; the state-to-state one, K_ss, sees earlier pixels only and has
    none. A pixel so depends on a triangle above it, which grows wider by
    `kernel_size // 2` pixels on each side a row. Above the first row states are zero.

    Args:
        filters: Positive int, output features and features of a gate, a multiple of
            `num_channels`.
        kernel_size: Odd int, pixels along the row.
        num_channels: Positive int, number of image channels; 1 for grey images. The
            features of inputs, gates and outputs come in so many groups.
        **kwargs: `name`, `dtype` as in `keras.layers.Layer`.

    Raises:
        ValueError: If an argument is not as above.

    Note:
        The paper says nothing of biases: there is one, at first 1 for the forget gates.
        Under half precision states and gates are float32.

    References:
        van den Oord, Kalchbrenner and Kavukcuoglu, Pixel recurrent neural networks,
        2016, arXiv:1601.06759.

    Example:
    ```python
    features = RowLSTM(16)(ops.zeros((1, 28, 28, 32)))  # (1, 28, 28, 16)
    ```
    """

    def __init__(
        self, filters: int, kernel_size: int = 3, num_channels: int = 1, **kwargs: Any
    ) -> None:
        filters, num_channels = check_filters(filters, num_channels)
        kernel_size = checks.positive_int("kernel_size", kernel_size)
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.num_channels = num_channels
        self.input_to_state = MaskedConv2D(
            4 * filters,
            (1, kernel_size),
            mask="B",
            num_channels=num_channels,
            bias_initializer=open_forget_gates(num_channels),
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        self.input_to_state.build(input_shape)
        self.state_kernel = self.add_weight(
            name="state_kernel",
            shape=(self.kernel_size * self.filters, 4 * self.filters),
            initializer="orthogonal",
            autocast=False,
        )

    def call(self, inputs):
        gates = gates_first(self.input_to_state(inputs), self.num_channels)
        gates = ops.cast(gates, state_dtype(self.compute_dtype))
        rows = ops.transpose(gates, (1, 0, 2, 3))  # (height, batch, width, 4 filters)
        zeros = ops.zeros_like(rows[0, ..., : self.filters])

        def step(states, row):
            hidden, cell = states
            return next_state(row + self.state_to_state(hidden), cell)

        hidden, _ = scan(step, (zeros, zeros), rows)
        hidden = ops.transpose(hidden, (1, 0, 2, 3))
        return ops.cast(hidden, self.compute_dtype)

    def state_to_state(self, hidden: Any) -> Any:
        """Returns what a row's states give to the gates of the row below.

        Args:
            hidden: Tensor `(batch, width, filters)`.

        Returns:
            Tensor `(batch, width, 4 filters)`.
        """
        width, pad = hidden.shape[1], self.kernel_size // 2
        padded = ops.pad(hidden, [[0, 0], [pad, pad], [0, 0]])
        patches = [padded[:, i : i + width] for i in range(self.kernel_size)]
        kernel = ops.cast(self.state_kernel, hidden.dtype)
        return ops.concatenate(patches, axis=-1) @ kernel

    def incremental(self, batch_size: int, width: int) -> "IncrementalRowLSTM":
        """Returns the layer's other form, which takes one pixel at a time.

        Args:
            batch_size: Positive int, the number of images.
            width: Positive int, of the images in pixels.

        Returns:
            An `IncrementalRowLSTM`.
        """
        return IncrementalRowLSTM(self, batch_size, width)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "num_channels": self.num_channels,
        }


class IncrementalRowLSTM:
    """What a Row LSTM makes of one more pixel.

    What the row above gives to the gates is computed for a whole row at once, before
    its first pixel. The cache is that of the input-to-state convolution and, with flat
    rows, whose windows are views, `(gates, cell_above, hidden, cell)`: one row of what
    comes from the states above, and the states above and here. `step` may write into
    the cache it is given; use the one it returns.

    Args:
        layer: Built `RowLSTM`.
        batch_size: Positive int, the number of images.
        width: Positive int, of the images in pixels.
    """

    def __init__(self, layer, batch_size, width):
        self._input_to_state = layer.input_to_state.incremental(batch_size, width)
        self._state_to_state = layer.state_to_state
        self._num_channels = layer.num_channels
        self._dtype = layer.compute_dtype
        self._state_dtype = state_dtype(layer.compute_dtype)
        self._shape = (batch_size, width, layer.filters)

    def init_cache(self):
        """Returns the cache above the first row: states are zero."""
        batch_size, width, filters = self._shape
        sizes = [4 * width * filters] + [width * filters] * 3
        return self._input_to_state.init_cache(), tuple(
            ops.zeros((batch_size, size), self._state_dtype) for size in sizes
        )

    def prefill(self, cache):
        """Applies the state-to-state convolution to the row that is done."""
        inputs, (gates, cell_above, hidden, cell) = cache
        done = ops.reshape(hidden, self._shape)
        gates = ops.reshape(self._state_to_state(done), gates.shape)
        # The row above becomes the place for the new one.
        states = (gates, cell, hidden, cell_above)
        return self._input_to_state.prefill(inputs), states

    def step(self, x, cache, column):
        """Returns the output at one pixel, `(batch, filters)`, and the cache.

        Args:
            x: The input there, `(batch, inputs)`.
            cache: As this row's last step, or `prefill`, returned it.
            column: Int or traced integer.
        """
        inputs, (from_above, cell_above, hidden, cell) = cache
        gates, inputs = self._input_to_state.step(x, inputs, column)
        filters = self._shape[2]
        start = column * filters
        gates = gates_first(gates, self._num_channels)
        gates = ops.cast(gates, self._state_dtype)
        gates = gates + read(from_above, 4 * start, 4 * filters, axis=1)
        new_hidden, new_cell = next_state(
            gates, read(cell_above, start, filters, axis=1)
        )
        hidden = write(hidden, new_hidden, start, axis=1)
        cell = write(cell, new_cell, start, axis=1)
        output = ops.cast(new_hidden, self._dtype)
        return output, (inputs, (from_above, cell_above, hidden, cell))
