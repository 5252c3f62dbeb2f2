"""PixelCNN: an image as a product of conditionals, pixel by pixel.

van den Oord, Kalchbrenner and Kavukcuoglu, Pixel recurrent neural networks, 2016,
arXiv:1601.06759.

Departures: the stack is the small one of Kolesnikov and others' open implementations,
with a bottleneck in each residual block (ReLU, 1x1 to half the filters, ReLU, masked
3x3, ReLU, 1x1 back), and class labels add a bias after the first layer. The plain
stack has a blind spot: pixels above and right of the centre that no path reaches.
"""

import functools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.engine import relu
from keras_genmod.layers import MaskedConv2D
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.autoregressive.raster_sampling import (
    RasterNetwork,
    on_images,
)
from keras_genmod.models.autoregressive.wavefront import Wavefront, num_lanes


@keras.saving.register_keras_serializable("keras_genmod")
class PixelCNN(AutoregressiveModel):
    """Exact likelihoods from masked convolutions.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)), in raster order, inside a pixel
    red, then green, then blue. Conditionals are Bernoulli for 2 levels, categorical
    beyond. With its default arguments and `image_shape=(28, 28, 1)` it has 53,569
    parameters.

    Args:
        image_shape: `(height, width, channels)`.
        num_levels: Int of at least 2. Pixels take the values k / (num_levels - 1).
        filters: Positive even int, features of the trunk; a block works on half.
        num_blocks: Positive int, number of residual blocks.
        num_classes: Int for a class-conditional model, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - van den Oord, Kalchbrenner and Kavukcuoglu, 2016, arXiv:1601.06759.
        - van den Oord et al., Conditional image generation with PixelCNN decoders,
          2016, arXiv:1606.05328 (class labels).

    Example:
    ```python
    model = PixelCNN((28, 28, 1))
    model.compile("adam")
    model.fit(binary_images, epochs=10, batch_size=128)
    nats = model.log_prob(binary_images[:64])
    images = model.sample(16, seed=0)
    ```
    """

    def __init__(
        self,
        image_shape: Sequence[int],
        num_levels: int = 2,
        filters: int = 32,
        num_blocks: int = 15,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, num_levels, num_classes=num_classes, **kwargs)
        num_blocks = checks.positive_int("num_blocks", num_blocks)
        filters = checks.positive_int("filters", filters)
        if filters % 2 or filters // 2 < self.image_shape[-1]:
            raise ValueError(
                "`filters` must be even, and half of it at least the number of "
                f"channels. Received: filters={filters}, image_shape={self.image_shape}"
            )
        self.filters = filters
        self.num_blocks = num_blocks
        channels = self.image_shape[-1]

        def convolution(inputs, outputs, size, mask="B"):
            layer = MaskedConv2D(outputs, size, mask=mask, num_channels=channels)
            layer.build((None, *self.image_shape[:2], inputs))
            return layer

        half = filters // 2
        self.first = convolution(channels, filters, 7, mask="A")
        self.label_bias: keras.layers.Dense | None = None
        if self.num_classes is not None:
            self.label_bias = keras.layers.Dense(filters, use_bias=False)
            self.label_bias.build((None, self.num_classes))
        self.blocks = [
            [
                convolution(filters, half, 1),
                convolution(half, half, 3),
                convolution(half, filters, 1),
            ]
            for _ in range(num_blocks)
        ]
        self.head = [
            convolution(filters, filters, 1),
            convolution(filters, self.num_outputs, 1),
        ]
        self.finish_construction()

    def _network(self, x, bias, apply=on_images):
        """The network on images, or on one pixel with the caches behind `apply`."""
        x = apply(self.first, x)
        if bias is not None:
            x = x + ops.cast(bias, x.dtype)
        for block in self.blocks:
            y = x
            for layer in block:
                y = apply(layer, relu(y))
            x = x + y
        for layer in self.head:
            x = apply(layer, relu(x))
        return x

    def outputs(self, x: Any, condition: Any, training: bool = False) -> Any:
        bias = None
        if self.label_bias is not None:
            bias = self.label_bias(condition)[:, None, None]  # (batch, 1, 1, filters)
        return self._network(x, bias)

    def incremental(self, num_samples: int, condition: Any) -> RasterNetwork:
        layers = [self.first, *(layer for b in self.blocks for layer in b), *self.head]
        width, bias = self.image_shape[1], None
        if self.label_bias is not None:
            bias = self.label_bias(condition)
            bias = ops.tile(bias, (num_lanes(layers, width), 1))
        network = functools.partial(self._network, bias=bias)
        return Wavefront(network, layers, num_samples, width)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "num_blocks": self.num_blocks,
        }
