"""PixelCNN++: pixels as mixtures of logistics, on several resolutions.

Salimans, Karpathy, Chen and Kingma, PixelCNN++: improving the PixelCNN with discretized
logistic mixture likelihood and other modifications, 2017, arXiv:1701.05517.

Departures: the features that a block gets from the other stream and from its shortcut
go through a 1x1 convolution each, which are added, instead of one convolution of both
together: the other stream's is then known before a row's first pixel. Class labels are
biases in the gates, as there. The decay of the learning rate and the averaged weights
of the paper's runs are the user's (`keras_genmod.callbacks`).
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_genmod import checks
from keras_genmod.distributions import DiscretizedLogisticMixture
from keras_genmod.layers import ShiftedConv2D
from keras_genmod.models.autoregressive.autoregressive_model import AutoregressiveModel
from keras_genmod.models.autoregressive.gated_stream import (
    GatedStream,
    pointwise,
    weight_normalized,
    with_ones,
)
from keras_genmod.models.autoregressive.incremental_streams import IncrementalStreams
from keras_genmod.models.autoregressive.raster_sampling import RasterNetwork


class _WholeImages:
    """The form of computing that takes whole images; see `GatedStream`."""

    def __init__(self, condition, drop, initializes=False):
        self._condition, self._initializes = condition, initializes
        self._messages = {}
        self.drop = drop

    def apply(self, layer, x):
        if self._initializes:
            layer.initialize(x)
        return layer(x)

    def coarse(self, level, layer, function, x):
        del level, layer
        return function(x)

    def send(self, place, x):
        self._messages[place] = x

    def receive(self, place):
        return self._messages[place]

    def bias(self, layer):
        return layer(self._condition)[:, None, None]


@keras.saving.register_keras_serializable("keras_genmod")
class PixelCNNPlusPlus(AutoregressiveModel):
    """Exact likelihoods of images of many levels, and of their channels together.

    log p(x) = sum_i log p(x_i | x_1, ..., x_(i-1)), a term a pixel, in raster order.
    Each is a mixture of discretized logistics in which green depends on red, and blue
    on both. A stream of row-wise ("down") and one of pixel-wise ("down_right") shifted
    convolutions go through `num_resolutions` resolutions and back with shortcuts; all
    kernels are weight-normalised.

    The lengths of the kernels start from data: `fit` calls `initialize` on the first
    batch of an untrained model. A file holds that it was done.

    Args:
        image_shape: `(height, width, channels)`; sides are multiples of
            `2**(num_resolutions - 1)`.
        num_levels: Int of at least 2. Pixels take the values k / (num_levels - 1).
        num_mixtures: Positive int, components of each mixture.
        filters: Positive int, features of each stream; 160 in the paper.
        num_blocks: Positive int, gated blocks at each resolution, down and up again.
        num_resolutions: Positive int.
        dropout: Float in [0, 1), the share of features left out in training.
        num_classes: Int for a class-conditional model, or `None`.
        **kwargs: `seed`, `name`, `dtype` as in `GenerativeModel`.

    Raises:
        ValueError: If an argument is out of range.

    References:
        - Salimans, Karpathy, Chen and Kingma, 2017, arXiv:1701.05517.
        - Salimans and Kingma, Weight normalization, 2016, arXiv:1602.07868.

    Example:
    ```python
    model = PixelCNNPlusPlus((32, 32, 3), filters=64, num_blocks=2)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(images, epochs=10, batch_size=64)  # values k / 255
    nats = model.log_prob(images[:64])
    samples = model.sample(16, seed=0)
    ```

    Note:
        `sample(temperature=t)` divides the logits of the mixtures by t and multiplies
        the scales of their components by t: towards 0 each pixel gets the mean of its
        heaviest component.
    """

    can_truncate = False

    def __init__(
        self,
        image_shape: Sequence[int],
        num_levels: int = 256,
        num_mixtures: int = 10,
        filters: int = 160,
        num_blocks: int = 5,
        num_resolutions: int = 3,
        dropout: float = 0.5,
        num_classes: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(image_shape, num_levels, num_classes=num_classes, **kwargs)
        num_mixtures = checks.positive_int("num_mixtures", num_mixtures)
        filters = checks.positive_int("filters", filters)
        num_blocks = checks.positive_int("num_blocks", num_blocks)
        num_resolutions = checks.positive_int("num_resolutions", num_resolutions)
        dropout = checks.fraction("dropout", dropout)
        if dropout == 1:
            raise ValueError(f"`dropout` must be below 1. Received: dropout={dropout}")
        multiple = 2 ** (num_resolutions - 1)
        if any(side % multiple for side in self.image_shape[:2]):
            raise ValueError(
                f"`image_shape` must have sides divisible by {multiple} for "
                f"num_resolutions={num_resolutions}. Received: "
                f"image_shape={self.image_shape}; crop or resize, or take fewer "
                "resolutions."
            )
        self.num_mixtures = num_mixtures
        self.filters = filters
        self.num_blocks = num_blocks
        self.num_resolutions = num_resolutions
        self.dropout = dropout

        def first(kernel_size, direction):
            layer = ShiftedConv2D(
                filters, kernel_size, direction, mask="A", use_bias=False
            )
            return weight_normalized(layer, self.image_shape[-1] + 1)

        self.first_down = first((2, 3), "down")
        self.first_above = first((1, 3), "down")
        self.first_left = first((2, 1), "down_right")
        sizes = (filters, num_blocks, num_resolutions)
        self.down = GatedStream(*sizes, "down", self.num_classes)
        self.down_right = GatedStream(*sizes, "down_right", self.num_classes)
        self.head = pointwise(filters, self.num_outputs, "down_right")
        self._initialized = self.add_weight(
            shape=(), initializer="zeros", trainable=False, name="initialized"
        )
        self.finish_construction()

    # The network.

    def outputs(self, x: Any, condition: Any, training: bool = False) -> Any:
        def drop(x):
            if not training or self.dropout == 0:
                return x
            return keras.random.dropout(x, self.dropout, seed=self.seed_generator)

        return self._network(x, _WholeImages(condition, drop))

    def _network(self, x, form):
        x = with_ones(x)
        self.down.run(form.apply(self.first_down, x), form)
        above, left = (form.apply(f, x) for f in (self.first_above, self.first_left))
        x = self.down_right.run(above + left, form)
        return form.apply(self.head, ops.elu(x))

    def incremental(self, num_samples: int, condition: Any) -> RasterNetwork:
        return IncrementalStreams(self, num_samples, condition)

    # The conditionals: one mixture a pixel.

    @property
    def num_outputs(self) -> int:
        channels = self.image_shape[-1]
        return self.num_mixtures * DiscretizedLogisticMixture.num_parameters(channels)

    @property
    def num_visits(self) -> int:
        return 1

    @property
    def num_draws(self) -> int:
        return self.image_shape[-1] + 1

    def _mixture(self, outputs, temperature=1.0):
        return DiscretizedLogisticMixture.from_outputs(
            outputs, self.image_shape[-1], self.num_levels, temperature
        )

    def log_prob_of_outputs(self, x: Any, outputs: Any) -> Any:
        return self._mixture(outputs).log_prob(x)

    def draw(
        self,
        outputs: Any,
        pixel: Any,
        keep: Any,
        noise: Any,
        visit: int,
        temperature: Any,
    ) -> Any:
        """Draws all channels of a pixel; see `AutoregressiveModel.draw`.

        A known channel conditions those after it, by the means of the components and
        by their weights.
        """
        return self._mixture(outputs, temperature).complete(pixel, keep, noise)

    # The start from data.

    @property
    def is_initialized(self) -> bool:
        """Whether `initialize` was called."""
        return bool(ops.convert_to_numpy(self._initialized) != 0)

    def initialize(self, x: Any, condition: Any = None) -> None:
        """Sets the lengths of all kernels from data, one layer after another.

        Each convolution's outputs get mean 0 and standard deviation 1 (0.1 before a
        gate). `fit` does it with its first batch, unless it was done.

        Args:
            x: Images `(batch, *image_shape)`, values k / (num_levels - 1).
            condition: For a conditional model, one class label an image.
        """
        self.check_examples(x)
        condition = self.standardize_condition(condition, len(x))
        self._start((x, condition) if self.is_conditional else x)

    def _start(self, inputs):
        x, condition = self.data_and_condition(inputs)
        self._network(x, _WholeImages(condition, lambda x: x, initializes=True))
        self._initialized.assign(1.0)

    def get_config(self):
        return {
            **super().get_config(),
            "num_mixtures": self.num_mixtures,
            "filters": self.filters,
            "num_blocks": self.num_blocks,
            "num_resolutions": self.num_resolutions,
            "dropout": self.dropout,
        }
