"""PixelRNN: recurrent layers over the rows or the diagonals of images.

van den Oord, Kalchbrenner and Kavukcuoglu, Pixel recurrent neural networks, 2016,
arXiv:1601.06759.

Departures: biases, of which the paper says nothing, and class labels, which add one
after the first layer. The paper's multi-scale variant, which draws a small image first,
is left out. With diagonal layers the network works on images with one more
column of zeros on their right. Without it the paper's network has a blind spot: the
last pixel of a row shows in the features of its right-hand neighbours, of which there
are none, and of the rows below, so that the next row does not depend on it where it
lies out of reach of the first layer's kernel.
"""

import functools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree

from keras_genmod import checks
from keras_genmod.engine import relu
from keras_genmod.layers import DiagonalBiLSTM, MaskedConv2D, RowLSTM
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.autoregressive.raster_sampling import (
    RasterNetwork,
    WithCaches,
    on_images,
)

_LAYERS = {"row": RowLSTM, "diagonal": DiagonalBiLSTM}


class _WithExtraColumn(RasterNetwork):
    """A `RasterNetwork` whose images have one more column, of zeros, than is drawn.

    Args:
        network: `WithCaches` on images of `width + 1` columns.
        image_shape: `(height, width, channels)` of the images that are drawn.
        batch_size: Positive int.
    """

    def __init__(self, network, image_shape, batch_size):
        self._network = network
        _, self._width, channels = image_shape
        self._pixel = ops.zeros((batch_size, channels))

    def init_cache(self):
        return self._network.init_cache()

    def prefill(self, cache, row):
        """Ends the row above with its extra pixel, and begins the next one."""
        ended = self.step(self._pixel, cache, row - 1, self._width)[1]
        cache = tree.map_structure(
            lambda tensor, start: ops.where(row > 0, tensor, start),
            ended,
            self.init_cache(),
        )
        return self._network.prefill(cache, row)

    def step(self, pixel, cache, row, column):
        return self._network.step(pixel, cache, row, column)

    def put(self, pixel, cache, row, column):
        return self._network.put(pixel, cache, row, column)


@keras.saving.register_keras_serializable("keras_genmod")
class PixelRNN(AutoregressiveModel):
    """Exact likelihoods from LSTMs that go over the image.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)), in raster order, inside a pixel
    red, then green, then blue. Conditionals are Bernoulli for 2 levels, categorical
    beyond. The network is a 7x7 convolution with mask "A", LSTM layers on half of the
    features, each followed by a 1x1 convolution to all of them and added to its input,
    and two 1x1 convolutions.

    A pixel depends on all pixels before it with diagonal layers; with row layers, which
    are faster, on a triangle above it. Every layer takes height steps (row), or width +
    height steps (diagonal), one after the other.

    Args:
        image_shape: `(height, width, channels)`.
        num_levels: Int of at least 2. Pixels take the values k / (num_levels - 1).
        kind: "row" for `RowLSTM` layers, "diagonal" for `DiagonalBiLSTM` layers.
        filters: Positive int, features of the trunk, a multiple of twice the number of
            channels; an LSTM works on half.
        num_layers: Int from 1 to 12, number of LSTM layers.
        num_classes: Int for a class-conditional model, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - van den Oord, Kalchbrenner and Kavukcuoglu, 2016, arXiv:1601.06759.

    Example:
    ```python
    model = PixelRNN((28, 28, 1), kind="diagonal")
    model.compile("adam")
    model.fit(binary_images, epochs=10, batch_size=16)
    nats = model.log_prob(binary_images[:64])
    images = model.sample(16, seed=0)
    ```
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_levels: int = 2,
        kind: str = "row",
        filters: int = 32,
        num_layers: int = 7,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, num_levels, num_classes=num_classes, **kwargs)
        kind = checks.choice("kind", kind, sorted(_LAYERS))
        num_layers = checks.integer("num_layers", num_layers, 1, 12)
        filters = checks.positive_int("filters", filters)
        if filters % (2 * self.image_shape[-1]):
            raise ValueError(
                "`filters` must be a multiple of twice the number of channels. "
                f"Received: filters={filters}, image_shape={self.image_shape}"
            )
        self.kind = kind
        self.filters = filters
        self.num_layers = num_layers
        channels = self.image_shape[-1]
        self.num_extra_columns = int(kind == "diagonal")
        size = (self.image_shape[0], self.image_shape[1] + self.num_extra_columns)

        def built(layer, inputs):
            layer.build((None, *size, inputs))
            return layer

        def convolution(inputs, outputs, kernel_size=1, mask="B"):
            layer = MaskedConv2D(outputs, kernel_size, mask, num_channels=channels)
            return built(layer, inputs)

        half = filters // 2
        self.first = convolution(channels, filters, 7, mask="A")
        self.label_bias: keras.layers.Dense | None = None
        if self.num_classes is not None:
            self.label_bias = keras.layers.Dense(filters, use_bias=False)
            self.label_bias.build((None, self.num_classes))
        self.blocks = [
            [
                built(_LAYERS[kind](half, num_channels=channels), filters),
                convolution(half, filters),
            ]
            for _ in range(num_layers)
        ]
        self.head = [
            convolution(filters, filters),
            convolution(filters, self.num_outputs),
        ]
        self.finish_construction()

    def _network(self, x, bias, apply=on_images):
        """The network on images, or on one pixel with the caches behind `apply`."""
        x = apply(self.first, x)
        if bias is not None:
            x = x + ops.cast(bias, x.dtype)
        for lstm, convolution in self.blocks:
            x = x + apply(convolution, apply(lstm, x))
        for layer in self.head:
            x = apply(layer, relu(x))
        return x

    def outputs(self, x: Any, condition: Any, training: bool = False) -> Any:
        bias = None
        if self.label_bias is not None:
            bias = self.label_bias(condition)[:, None, None]  # (batch, 1, 1, filters)
        x = ops.pad(x, [[0, 0], [0, 0], [0, self.num_extra_columns], [0, 0]])
        outputs = self._network(x, bias)
        return outputs[:, :, : self.image_shape[1]]

    def incremental(self, num_samples: int, condition: Any) -> RasterNetwork:
        bias = None if self.label_bias is None else self.label_bias(condition)
        layers = [self.first, *(layer for b in self.blocks for layer in b), *self.head]
        sizes = (num_samples, self.image_shape[1] + self.num_extra_columns)
        network = WithCaches(
            functools.partial(self._network, bias=bias),
            {layer: layer.incremental(*sizes) for layer in layers},
        )
        if self.num_extra_columns:
            return _WithExtraColumn(network, self.image_shape, num_samples)
        return network

    def get_config(self):
        return {
            **super().get_config(),
            "kind": self.kind,
            "filters": self.filters,
            "num_layers": self.num_layers,
        }
