"""Gated PixelCNN: two stacks of gated convolutions, and conditions of any kind.

van den Oord et al., Conditional image generation with PixelCNN decoders, 2016,
arXiv:1606.05328.

Departures: the vertical stack's features lie one row higher than the paper draws them,
so that they need not be shifted on their way to the horizontal stack; the paper says
nothing of skip connections, which go from each block to the head, as in WaveNet (van
den Oord et al., 2016, arXiv:1609.03499) and in open implementations of this model; the
last block, of which nothing follows, has no residual one. A condition adds to the gates
of both stacks, the same at all pixels; the paper's variant by location is left out.
"""

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import relu
from keras_genmod.layers import MaskedConv2D, ShiftedConv2D
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.autoregressive.incremental_gated_pixel_cnn import (
    IncrementalGatedPixelCNN,
)
from keras_genmod.models.embedding_conditional import EmbeddingConditional

_FIRST_KERNEL_SIZE = 7


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


class _GatedBlock(keras.layers.Layer):
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
        self.condition = None
        if condition_dim is not None:
            self.condition = keras.layers.Dense(4 * filters, use_bias=False)
            self.condition.build((None, condition_dim))
        self.built = True


@keras.saving.register_keras_serializable("keras_genmod")
class GatedPixelCNN(EmbeddingConditional, AutoregressiveModel):
    """Exact likelihoods from gated convolutions that see every earlier pixel in reach.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)), in raster order, inside a pixel
    red, then green, then blue. Conditionals are Bernoulli for 2 levels, categorical
    beyond. Block k makes of the features x and of a condition h

    y = tanh(W_(k,f) * x + V_(k,f) h) sigmoid(W_(k,g) * x + V_(k,g) h)

    in a vertical stack, which sees all rows above in their full width, and in a
    horizontal one, which sees its own row to the left and, through a 1x1 convolution,
    the vertical stack. A horizontal block adds to its input, and to what the head
    reads. A first block of 7x7 reads the image; `num_blocks` more follow.

    Args:
        image_shape: `(height, width, channels)`.
        num_levels: Int of at least 2. Pixels take the values k / (num_levels - 1).
        filters: Positive int, features of each stack, a multiple of the number of
            channels.
        num_blocks: Positive int, blocks after the first one.
        kernel_size: Odd int of at least 3, of the blocks after the first one; the
            paper has 5 for its largest model.
        num_classes: Int for a class-conditional model, or `None`.
        embedding_dim: Int for a model whose conditions are vectors of that size, such
            as another network's embeddings, float `(batch, embedding_dim)`; or `None`.
            Not together with `num_classes`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - van den Oord et al., 2016, arXiv:1606.05328.

    Example:
    ```python
    model = GatedPixelCNN((28, 28, 1), num_classes=10)
    model.compile("adam")
    model.fit(binary_images, labels, epochs=10, batch_size=128)
    nats = model.log_prob(binary_images[:64], condition=labels[:64])
    images = model.sample(10, condition=np.arange(10), seed=0)
    ```
    """

    def __init__(
        self,
        image_shape,
        num_levels=2,
        filters=32,
        num_blocks=10,
        kernel_size=3,
        num_classes=None,
        embedding_dim=None,
        **kwargs,
    ):
        num_blocks = checks.positive_int("num_blocks", num_blocks)
        filters = checks.positive_int("filters", filters)
        if filters % image_shape[-1]:
            raise ValueError(
                "`filters` must be a multiple of the number of channels. "
                f"Received: filters={filters}, image_shape={image_shape}"
            )
        kernel_size = checks.positive_int("kernel_size", kernel_size)
        if kernel_size % 2 == 0 or kernel_size == 1:
            raise ValueError(
                "`kernel_size` must be an odd int of at least 3. "
                f"Received: kernel_size={kernel_size}"
            )
        if embedding_dim is not None:
            embedding_dim = checks.positive_int("embedding_dim", embedding_dim)
            if num_classes is not None:
                raise ValueError(
                    "`embedding_dim` must be None with `num_classes`: a model has one "
                    f"kind of condition. Received: embedding_dim={embedding_dim}, "
                    f"num_classes={num_classes}"
                )
        super().__init__(image_shape, num_levels, num_classes=num_classes, **kwargs)
        self.filters = filters
        self.num_blocks = num_blocks
        self.kernel_size = kernel_size
        self.embedding_dim = embedding_dim
        channels = self.image_shape[-1]
        condition_dim = num_classes if embedding_dim is None else embedding_dim
        self.blocks = [
            _GatedBlock(
                filters if i else channels,
                filters,
                kernel_size if i else _FIRST_KERNEL_SIZE,
                "B" if i else "A",
                self.image_shape,
                condition_dim,
                is_last=i == num_blocks,
            )
            for i in range(num_blocks + 1)
        ]
        num_outputs = channels * (1 if num_levels == 2 else num_levels)
        self.head = [
            MaskedConv2D(size, 1, mask="B", num_channels=channels)
            for size in (filters, num_outputs)
        ]
        for layer in self.head:
            layer.build((None, *self.image_shape[:2], filters))
        self.finish_construction()

    # The network: two stacks.

    @property
    def horizontal_layers(self):
        """The layers that see one pixel after another; the first reads the image."""
        layers = [(b.horizontal, b.skip, b.residual) for b in self.blocks]
        return [x for block in layers for x in block if x is not None] + self.head

    def condition_biases(self, condition):
        """Returns what a condition adds to the gates, a pair of stacks a block.

        Args:
            condition: `(batch, condition_dim)`, or `None`.
        """
        if condition is None:
            return [(None, None)] * len(self.blocks)
        biases = [b.condition(condition)[:, None, None] for b in self.blocks]
        return [ops.split(bias, 2, axis=-1) for bias in biases]

    def vertical_stack(self, x, biases, apply):
        """Returns each block's share in the gates of the horizontal stack.

        Args:
            x: Images, or one row of them, `(batch, 1, width, channels)`.
            biases: As `condition_biases` returns them.
            apply: Function `(i, x)` for the vertical convolution of block `i`.
        """
        shares = []
        for i, (block, (own, other)) in enumerate(
            zip(self.blocks, biases, strict=True)
        ):
            gates = apply(i, x)
            if own is not None:
                gates = gates + own
            share = block.across(gates)
            shares.append(share if other is None else share + other)
            x = gated(gates)
        return shares

    def horizontal_stack(self, x, shares, apply):
        """Returns the parameters of the conditionals.

        Args:
            x: Images, or one pixel of them, `(batch, channels)`.
            shares: As `vertical_stack` returns them, there.
            apply: Function `(layer, x)` for a layer of this stack.
        """
        skips = None
        for i, (block, share) in enumerate(zip(self.blocks, shares, strict=True)):
            gates = apply(block.horizontal, x) + share
            y = gated(gates, self.image_shape[-1])
            skip = apply(block.skip, y)
            skips = skip if i == 0 else skips + skip
            if block.residual is not None:
                residual = apply(block.residual, y)
                x = residual if i == 0 else x + residual
        for layer in self.head:
            skips = apply(layer, relu(skips))
        return skips

    def outputs(self, x, condition, training=False):
        biases = self.condition_biases(condition)
        shares = self.vertical_stack(x, biases, lambda i, x: self.blocks[i].vertical(x))
        return self.horizontal_stack(x, shares, lambda layer, x: layer(x))

    def incremental(self, num_samples, condition):
        return IncrementalGatedPixelCNN(self, num_samples, condition)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_blocks": self.num_blocks,
            "kernel_size": self.kernel_size,
            "embedding_dim": self.embedding_dim,
        }
