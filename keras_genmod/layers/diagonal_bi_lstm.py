"""The Diagonal BiLSTM of PixelRNN."""

import keras
from keras import ops

from keras_genmod.engine import scan
from keras_genmod.layers.incremental_diagonal_bi_lstm import IncrementalDiagonalBiLSTM
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

    def __init__(self, filters, num_channels=1, **kwargs):
        check_filters(filters, num_channels)
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

    def incremental(self, batch_size, width):
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
