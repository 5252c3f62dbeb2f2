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

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import read, relu, write
from keras_genmod.layers import MaskedConv2D
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.autoregressive.gated_block import GatedBlock, gated
from keras_genmod.models.autoregressive.raster_sampling import (
    RasterNetwork,
    WithCaches,
    on_images,
)
from keras_genmod.models.embedding_conditional import EmbeddingConditional

_FIRST_KERNEL_SIZE = 7


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
        image_shape: Sequence[int],
        num_levels: int = 2,
        filters: int = 32,
        num_blocks: int = 10,
        kernel_size: int = 3,
        num_classes: int | None = None,
        embedding_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, num_levels, num_classes=num_classes, **kwargs)
        num_blocks = checks.positive_int("num_blocks", num_blocks)
        filters = checks.positive_int("filters", filters)
        if filters % self.image_shape[-1]:
            raise ValueError(
                "`filters` must be a multiple of the number of channels. "
                f"Received: filters={filters}, image_shape={self.image_shape}"
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
        self.filters = filters
        self.num_blocks = num_blocks
        self.kernel_size = kernel_size
        self.embedding_dim = embedding_dim
        channels = self.image_shape[-1]
        condition_dim = self.num_classes if embedding_dim is None else embedding_dim
        self.blocks = [
            GatedBlock(
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
        self.head = [
            MaskedConv2D(size, 1, mask="B", num_channels=channels)
            for size in (filters, self.num_outputs)
        ]
        for layer in self.head:
            layer.build((None, *self.image_shape[:2], filters))
        self.finish_construction()

    # The network: two stacks.

    @property
    def horizontal_layers(self) -> Any:
        """The layers that see one pixel after another; the first reads the image."""
        layers = [(b.horizontal, b.skip, b.residual) for b in self.blocks]
        return [x for block in layers for x in block if x is not None] + self.head

    def condition_biases(self, condition: Any) -> Any:
        """Returns what a condition adds to the gates, a pair of stacks a block.

        Args:
            condition: `(batch, condition_dim)`, or `None`.
        """
        if condition is None:
            return [(None, None)] * len(self.blocks)
        layers = [b.condition for b in self.blocks if b.condition is not None]
        biases = [layer(condition)[:, None, None] for layer in layers]
        return [ops.split(bias, 2, axis=-1) for bias in biases]  # (batch, 1, 1, gates)

    def vertical_stack(self, x: Any, biases: Any, apply: Any = on_images) -> Any:
        """Returns each block's share in the gates of the horizontal stack.

        Args:
            x: Images, or one row of them, `(batch, 1, width, channels)`.
            biases: As `condition_biases` returns them.
            apply: Runs a vertical convolution on images, or on one row with its cache.
        """
        shares = []
        for block, (own, other) in zip(self.blocks, biases, strict=True):
            gates = apply(block.vertical, x)
            if own is not None:
                gates = gates + own
            share = block.across(gates)
            shares.append(share if other is None else share + other)
            x = gated(gates)
        return shares

    def horizontal_stack(self, x: Any, shares: Any, apply: Any = on_images) -> Any:
        """Returns the parameters of the conditionals.

        Args:
            x: Images, or one pixel of them, `(batch, channels)`.
            shares: As `vertical_stack` returns them, there.
            apply: Runs a layer on images, or on one pixel with its cache.
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

    def outputs(self, x: Any, condition: Any, training: bool = False) -> Any:
        biases = self.condition_biases(condition)
        return self.horizontal_stack(x, self.vertical_stack(x, biases))

    def incremental(self, num_samples: int, condition: Any) -> RasterNetwork:
        return _StacksWithCaches(self, num_samples, condition)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_blocks": self.num_blocks,
            "kernel_size": self.kernel_size,
            "embedding_dim": self.embedding_dim,
        }


class _StacksWithCaches(RasterNetwork):
    """The vertical stack on one row at a time, the horizontal one on one pixel.

    `prefill` runs the vertical stack on the row that is done: it gives all blocks their
    share in the next row's horizontal gates. The cache is `(image_row, shares,
    vertical, horizontal)`: the image's row, flat, `(batch, width channels)`, and these
    shares, `(batch, width num_blocks 2 filters)`, whose windows are views, and the
    caches of both stacks' layers.

    Args:
        model: `GatedPixelCNN`.
        num_samples: Positive int.
        condition: As `data_and_condition` returns it.
    """

    def __init__(self, model, num_samples, condition):
        width, layers = model.image_shape[1], model.horizontal_layers
        self._model, self._biases = model, model.condition_biases(condition)
        self._rows = {
            block.vertical: block.vertical.incremental(num_samples, width)
            for block in model.blocks
        }
        self._horizontal = WithCaches(
            model.horizontal_stack,
            {layer: layer.incremental(num_samples, width) for layer in layers},
        )
        self._dtype = model.blocks[0].compute_dtype
        self._shape = (num_samples, width, model.image_shape[-1])
        self._size = 2 * model.filters  # features of the gates of a block

    def init_cache(self):
        num_samples, width, channels = self._shape
        num_shares = len(self._rows) * self._size
        return (
            ops.zeros((num_samples, width * channels), self._dtype),
            ops.zeros((num_samples, width * num_shares), self._dtype),
            [form.init_cache() for form in self._rows.values()],
            self._horizontal.init_cache(),
        )

    def prefill(self, cache, row):
        image_row, shares, vertical, horizontal = cache
        caches = dict(zip(self._rows, vertical, strict=True))

        def apply(layer, x):  # x: (batch, 1, width, features)
            y = self._rows[layer].step(x, caches[layer])
            caches[layer] = self._rows[layer].put(x, caches[layer])
            return y

        num_samples, width, channels = self._shape
        done = ops.reshape(image_row, (num_samples, 1, width, channels))
        parts = self._model.vertical_stack(done, self._biases, apply)
        shares = ops.reshape(ops.concatenate(parts, axis=-1), shares.shape)
        horizontal = self._horizontal.prefill(horizontal, row)
        return image_row, shares, list(caches.values()), horizontal

    def step(self, pixel, cache, row, column):
        image_row, shares, vertical, horizontal = cache
        size = len(self._rows) * self._size
        here = read(shares, column * size, size, axis=1)
        parts = [here[:, i : i + self._size] for i in range(0, size, self._size)]
        outputs, horizontal = self._horizontal.step(
            pixel, horizontal, row, column, parts
        )
        return outputs, (image_row, shares, vertical, horizontal)

    def put(self, pixel, cache, row, column):
        image_row, shares, vertical, horizontal = cache
        values = ops.cast(pixel, self._dtype)
        image_row = write(image_row, values, column * self._shape[2], axis=1)
        horizontal = self._horizontal.put(pixel, horizontal, row, column)
        return image_row, shares, vertical, horizontal
