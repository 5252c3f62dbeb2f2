"""A Row LSTM, one pixel at a time."""

from keras import ops

from keras_genmod.engine import read, write
from keras_genmod.layers.lstm_states import gates_first, next_state, state_dtype


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

    def begin_row(self, cache):
        """Applies the state-to-state convolution to the row that is done."""
        inputs, (gates, cell_above, hidden, cell) = cache
        done = ops.reshape(hidden, self._shape)
        gates = ops.reshape(self._state_to_state(done), gates.shape)
        # The row above becomes the place for the new one.
        states = (gates, cell, hidden, cell_above)
        return self._input_to_state.begin_row(inputs), states

    def step(self, x, cache, column):
        """Returns the output at one pixel, `(batch, filters)`, and the cache.

        Args:
            x: The input there, `(batch, inputs)`.
            cache: As this row's last step, or `begin_row`, returned it.
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
