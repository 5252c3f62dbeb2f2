"""What a block of Gated PixelCNN holds, and its activation."""

import keras
from keras import ops

from keras_genmod.layers import MaskedConv2D, ShiftedConv2D


def gated(gates, num_channels=1):
    """Returns tanh(a) * sigmoid(b), half as many features as the gates.

    Args:
        gates: Tensor `(..., features)`, in `num_channels` groups that each hold
            features of a, then as many of b.
        num_channels: Int.
    """
    half = gates.shape[-1] // (2 * num_channels)
    if num_channels == 1:
        y = ops.tanh(gates[..., :half]) * ops.sigmoid(gates[..., half:])
        return ops.cast(y, gates.dtype)
    shape = (-1, *gates.shape[1:-1])
    grouped = ops.reshape(gates, (*shape, num_channels, 2 * half))
    return ops.reshape(gated(grouped), (*shape, num_channels * half))


class GatedBlock(keras.layers.Layer):
    """The layers of one block of both stacks: figure 2 of the paper.

    Args:
        inputs: Int, features of both stacks before the block.
        filters: Int, features of both stacks after it.
        kernel_size: Odd int.
        mask: "A" for the block that reads the image, "B" for all others.
        image_shape: `(height, width, channels)`.
        condition_dim: Int, or `None` without a condition.
        is_last: Whether no block follows.
    """

    def __init__(
        self, inputs, filters, kernel_size, mask, image_shape, condition_dim, is_last
    ):
        super().__init__()
        height, width, channels = image_shape

        def built(layer, features):
            layer.build((None, height, width, features))
            return layer

        def masked(num_outputs, size, mask="B"):
            return MaskedConv2D(num_outputs, size, mask, num_channels=channels)

        num_rows = kernel_size // 2 + (mask == "B")
        self.vertical = built(
            ShiftedConv2D(2 * filters, (num_rows, kernel_size), "down", mask), inputs
        )
        across = keras.layers.Dense(2 * filters, use_bias=False)  # a 1x1 convolution
        self.across = built(across, 2 * filters)
        self.horizontal = built(
            masked(2 * filters, (1, kernel_size), mask=mask), inputs
        )
        self.skip = built(masked(filters, 1), filters)
        self.residual = None if is_last else built(masked(filters, 1), filters)
        self.condition: keras.layers.Dense | None = None
        if condition_dim is not None:
            self.condition = keras.layers.Dense(4 * filters, use_bias=False)
            self.condition.build((None, condition_dim))
        self.built = True
