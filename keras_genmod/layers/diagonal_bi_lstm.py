"""The Diagonal BiLSTM of PixelRNN."""

from typing import Any

import keras
from keras import ops

from keras_genmod.engine import read, scan, write
from keras_genmod.layers.lstm_states import (
    check_filters,
    gates_first,
    next_state,
    open_forget_gates,
    state_dtype,
)
from keras_genmod.layers.masked_conv_2d import MaskedConv2D
from keras_genmod.layers.skewing import skew, unskew


def _shift_down(x, axis):
    """Moves a map of four axes by one row, with zeros on top; `axis` is the rows'."""
    rows = [slice(None, -1) if i == axis else slice(None) for i in range(4)]
    top = [[1, 0] if i == axis else [0, 0] for i in range(4)]
    return ops.pad(x[tuple(rows)], top)


@keras.saving.register_keras_serializable("keras_genmod")
class DiagonalBiLSTM(keras.layers.Layer):
    """Two LSTMs along the diagonals of images, all pixels of a diagonal at once.

    For row r and column c, the direction from the left is

    o, f, i, g = K_is x_(r,c) + K_above h_(r-1,c) + K_left h_(r,c-1)
    c_(r,c)    = sigmoid(f) c_(r,c-1) + sigmoid(i) tanh(g)
    h_(r,c)    = sigmoid(o) tanh(c_(r,c))

    It sees all rows down to its own, from the left edge to its column. The other
    direction does the same on the mirrored image, with weights of its own. It would see
    pixels that come later, so it is shifted down by one row before the two are added:
    together they see all that comes before. The input-to-state convolution, K_is, is
    1x1 with mask "B" of `MaskedConv2D`. Outside of the image states are zero.

    In the skewed map each row lies one place further right than the row above it, so
    that a diagonal is a column, and its pixel's neighbours are in the column before.

    Args:
        filters: Positive int, output features and features of a gate, a multiple of
            `num_channels`.
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
    features = DiagonalBiLSTM(16)(ops.zeros((1, 28, 28, 32)))  # (1, 28, 28, 16)
    ```
    """

    def __init__(self, filters: int, num_channels: int = 1, **kwargs: Any) -> None:
        filters, num_channels = check_filters(filters, num_channels)
        super().__init__(**kwargs)
        self.filters = filters
        self.num_channels = num_channels
        self.input_to_state = MaskedConv2D(
            8 * filters,  # four gates from the left, four from the right
            1,
            mask="B",
            num_channels=num_channels,
            bias_initializer=open_forget_gates(num_channels, num_directions=2),
            dtype=self.dtype_policy,
        )

    def build(self, input_shape):
        self.input_to_state.build(input_shape)
        # Directions from the left, from the right; inputs from above, from the side.
        self.state_kernel = self.add_weight(
            name="state_kernel",
            shape=(2, 2 * self.filters, 4 * self.filters),
            initializer="orthogonal",
            autocast=False,
        )

    def call(self, inputs):
        height = inputs.shape[1]
        gates = gates_first(self.input_to_state(inputs), self.num_channels, num_gates=8)
        gates = ops.cast(gates, state_dtype(self.compute_dtype))
        from_left, from_right = ops.split(gates, 2, axis=-1)
        # The zeros that `skew` puts left of the image give states of zero.
        both = ops.stack([skew(from_left), skew(ops.flip(from_right, axis=2))])
        diagonals = ops.transpose(both, (3, 0, 1, 2, 4))
        zeros = ops.zeros_like(diagonals[0, ..., : self.filters])
        kernel = ops.cast(self.state_kernel, zeros.dtype)

        def step(states, gates):
            hidden, cell = states  # (2, batch, height, filters)
            above = _shift_down(hidden, axis=2)
            before = ops.concatenate([above, hidden], axis=-1)
            before = ops.reshape(before, (2, -1, 2 * self.filters)) @ kernel
            before = ops.reshape(before, (2, -1, height, 4 * self.filters))
            return next_state(gates + before, cell)

        hidden, _ = scan(step, (zeros, zeros), diagonals)
        hidden = ops.transpose(hidden, (1, 2, 3, 0, 4))
        from_left = unskew(hidden[0])
        from_right = ops.flip(unskew(hidden[1]), axis=2)
        outputs = from_left + _shift_down(from_right, axis=1)
        return ops.cast(outputs, self.compute_dtype)

    def incremental(self, batch_size: int, width: int) -> "IncrementalDiagonalBiLSTM":
        """Returns the layer's other form, which takes one pixel at a time.

        Args:
            batch_size: Positive int, the number of images.
            width: Positive int, of the images in pixels.

        Returns:
            An `IncrementalDiagonalBiLSTM`. It holds the weights as they are now.
        """
        return IncrementalDiagonalBiLSTM(self, batch_size, width)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_channels": self.num_channels,
        }


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

    def prefill(self, cache):
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
            cache: As this row's last step, or `prefill`, returned it.
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
