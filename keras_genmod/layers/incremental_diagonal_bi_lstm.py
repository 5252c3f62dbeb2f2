"""A Diagonal BiLSTM, one pixel at a time."""

from keras import ops

from keras_genmod.engine import read, scan, write
from keras_genmod.layers.lstm_states import gates_first, next_state, state_dtype


class IncrementalDiagonalBiLSTM:
    """What a Diagonal BiLSTM makes of one more pixel.

    The direction from the right goes over a whole row once that is done, before the
    next row's first pixel; what it leaves is what the layer adds there. The direction
    from the left then takes a pixel at a time. The cache is, with flat rows, whose
    windows are views, `(gates_right, from_right, from_above, hidden, cell)`: gates of
    this row that the direction from the right will take, that direction's states in the
    row above, what the row above gives to the gates from the left, and the states from
    the left in this row, after one of zeros. `step` may write into the cache it is
    given; use the one it returns.

    Args:
        layer: Built `DiagonalBiLSTM`.
        batch_size: Positive int, the number of images.
        width: Positive int, of the images in pixels.
    """

    def __init__(self, layer, batch_size, width):
        self._dtype = layer.compute_dtype
        self._state_dtype = state_dtype(layer.compute_dtype)
        filters = layer.filters
        self._input_to_state = layer.input_to_state.incremental(batch_size, width)
        kernel = ops.cast(layer.state_kernel, self._state_dtype)
        self._left_above, self._left = kernel[0, :filters], kernel[0, filters:]
        self._right_above, self._right = kernel[1, :filters], kernel[1, filters:]
        self._num_channels = layer.num_channels
        self._shape = (batch_size, width, filters)

    def init_cache(self):
        """Returns the cache above the first row: gates and states are zero."""
        batch_size, width, filters = self._shape
        sizes = [
            4 * width * filters,
            width * filters,
            4 * width * filters,
            (width + 1) * filters,
            (width + 1) * filters,
        ]
        return tuple(ops.zeros((batch_size, n), self._state_dtype) for n in sizes)

    def begin_row(self, cache):
        """Goes back over the row that is done, from right to left."""
        gates_right, from_right, from_above, hidden, cell = cache
        above = ops.reshape(from_right, self._shape) @ self._right_above
        gates = ops.reshape(gates_right, above.shape) + above
        columns = ops.flip(ops.transpose(gates, (1, 0, 2)), axis=0)
        zeros = ops.zeros_like(columns[0, :, : self._shape[2]])

        def step(states, column):
            return next_state(column + states[0] @ self._right, states[1])

        states, _ = scan(step, (zeros, zeros), columns)
        states = ops.transpose(ops.flip(states, axis=0), (1, 0, 2))
        from_right = ops.reshape(states, from_right.shape)
        done = ops.reshape(hidden[:, self._shape[2] :], self._shape)
        from_above = ops.reshape(done @ self._left_above, from_above.shape)
        return gates_right, from_right, from_above, hidden, cell

    def step(self, x, cache, column):
        """Returns the output at one pixel, `(batch, filters)`, and the cache.

        Args:
            x: The input there, `(batch, inputs)`.
            cache: As this row's last step, or `begin_row`, returned it.
            column: Int or traced integer.
        """
        gates_right, from_right, from_above, hidden, cell = cache
        filters = self._shape[2]
        start = column * filters
        gates, _ = self._input_to_state.step(x, (), column)
        gates = gates_first(gates, self._num_channels, num_gates=8)
        gates = ops.cast(gates, self._state_dtype)
        gates_right = write(gates_right, gates[:, 4 * filters :], 4 * start, axis=1)
        gates = gates[:, : 4 * filters] + read(from_above, 4 * start, 4 * filters, 1)
        gates = gates + read(hidden, start, filters, axis=1) @ self._left
        new_hidden, new_cell = next_state(gates, read(cell, start, filters, axis=1))
        hidden = write(hidden, new_hidden, start + filters, axis=1)
        cell = write(cell, new_cell, start + filters, axis=1)
        output = new_hidden + read(from_right, start, filters, axis=1)
        cache = (gates_right, from_right, from_above, hidden, cell)
        return ops.cast(output, self._dtype), cache
