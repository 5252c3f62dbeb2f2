"""PixelCNN: an image as a product of conditionals, pixel by pixel.

van den Oord, Kalchbrenner and Kavukcuoglu, Pixel recurrent neural networks, 2016,
arXiv:1601.06759.

Departures: the stack is the small one of Kolesnikov and others' open implementations,
with a bottleneck in each residual block (ReLU, 1x1 to half the filters, ReLU, masked
3x3, ReLU, 1x1 back), and class labels add a bias after the first layer. The plain
stack has a blind spot: pixels above and right of the centre that no path reaches.
"""

import keras
from keras import ops

from keras_genmod.distributions import Bernoulli, Categorical
from keras_genmod.engine import Seeds, compiled, seed_state
from keras_genmod.layers import MaskedConv2D
from keras_genmod.models import checks
from keras_genmod.models.generative_model import GenerativeModel

_TOLERANCE = 1e-3  # how far from k / (num_levels - 1) a level may lie, in steps


def _residual_block(x, filters, num_channels):
    def convolution(x, size, kernel_size):
        x = keras.layers.ReLU()(x)
        return MaskedConv2D(size, kernel_size, mask="B", num_channels=num_channels)(x)

    y = convolution(x, filters // 2, 1)
    y = convolution(y, filters // 2, 3)
    y = convolution(y, filters, 1)
    return keras.layers.Add()([x, y])


def _network(image_shape, num_outputs, filters, num_blocks, num_classes):
    """Returns the functional network from images (and labels) to logits."""
    channels = image_shape[-1]
    image = keras.Input(image_shape, name="image")
    inputs = image
    x = MaskedConv2D(filters, 7, mask="A", num_channels=channels)(image)
    if num_classes is not None:
        label = keras.Input((num_classes,), name="label")
        inputs = [image, label]
        bias = keras.layers.Dense(filters, use_bias=False)(label)
        x = keras.layers.Add()([x, keras.layers.Reshape((1, 1, filters))(bias)])
    for _ in range(num_blocks):
        x = _residual_block(x, filters, channels)
    for size in (filters, channels * num_outputs):
        x = keras.layers.ReLU()(x)
        x = MaskedConv2D(size, 1, mask="B", num_channels=channels)(x)
    return keras.Model(inputs, x, name="pixel_cnn")


@keras.saving.register_keras_serializable("keras_genmod")
class PixelCNN(GenerativeModel):
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

    likelihood_kind = "exact"

    def __init__(
        self,
        image_shape,
        num_levels=2,
        filters=32,
        num_blocks=15,
        num_classes=None,
        **kwargs,
    ):
        if len(image_shape) != 3:
            raise ValueError(
                "`image_shape` must be (height, width, channels). "
                f"Received: image_shape={image_shape}"
            )
        checks.positive_int("num_blocks", num_blocks)
        checks.positive_int("filters", filters)
        if num_levels < 2:
            raise ValueError(
                f"`num_levels` must be at least 2. Received: num_levels={num_levels}"
            )
        if filters % 2 or filters // 2 < image_shape[-1]:
            raise ValueError(
                "`filters` must be even, and half of it at least the number of "
                f"channels. Received: filters={filters}, image_shape={image_shape}"
            )
        super().__init__(data_shape=image_shape, num_classes=num_classes, **kwargs)
        self.image_shape = tuple(image_shape)
        self.num_levels = num_levels
        self.filters = filters
        self.num_blocks = num_blocks
        num_outputs = 1 if num_levels == 2 else num_levels
        self.network = _network(
            self.image_shape, num_outputs, filters, num_blocks, num_classes
        )
        self.finish_construction()

    def call(self, inputs, training=False):
        """Returns logits: `(batch, *image_shape)`, and `(..., num_levels)` beyond 2."""
        x, condition = self.split(inputs)
        return self._logits(x, condition, training)

    def _logits(self, x, condition, training=False):
        inputs = x if condition is None else [x, condition]
        logits = ops.cast(self.network(inputs, training=training), "float32")
        if self.num_levels == 2:
            return logits
        return ops.reshape(logits, (-1, *self.image_shape, self.num_levels))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        data, _ = self.split(x)
        return self.mean_loss(-self._log_prob_of(data, y_pred), sample_weight)

    def _log_prob_of(self, x, logits):
        """Returns log p(x) `(batch,)`; NaN if a pixel is off the levels."""
        scaled = x * (self.num_levels - 1)
        levels = ops.round(scaled)
        if self.num_levels == 2:
            log_prob = Bernoulli(logits).log_prob(levels)
        else:
            log_prob = Categorical(logits).log_prob(levels)
        off = ops.max(ops.abs(scaled - levels), axis=(1, 2, 3))
        return ops.where(off <= _TOLERANCE, log_prob, float("nan"))

    def log_prob(self, x, condition=None):
        """Returns the exact log p(x) in nats, shape `(batch,)`.

        Args:
            x: Images of shape `(batch, *image_shape)`, values k / (num_levels - 1).
            condition: Class labels `(batch,)` for a conditional model.
        """
        self.check_examples(x)
        return self._log_prob(x, self.standardize_condition(condition, len(x)))

    @compiled()
    def _log_prob(self, x, condition):
        data, condition = self.split((x, condition) if self.is_conditional else x)
        return self._log_prob_of(data, self._logits(data, condition))

    def sample(self, num_samples, condition=None, seed=None, known=None, mask=None):
        """Draws images, or completes known ones, in one compiled loop over pixels.

        Args:
            num_samples: Positive int.
            condition: Class labels `(num_samples,)`, or one for all, for a conditional
                model.
            seed: Int for repeatable samples, or `None`.
            known: Images to complete, `(num_samples, *image_shape)`, or one image of
                `image_shape` for all.
            mask: Of the shape of `known`; true where a pixel of `known` stays.

        Returns:
            Float32 tensor `(num_samples, *image_shape)` of values k / (num_levels-1).

        Raises:
            ValueError: If an argument is out of range, or only one of `known` and
                `mask` is given.

        Note:
            A known pixel conditions the pixels after it in raster order, not those
            before it: that is what the model can do exactly.
        """
        checks.positive_int("num_samples", num_samples)
        if (known is None) != (mask is None):
            raise ValueError(
                "`known` and `mask` go together: the images to complete, and where "
                "their pixels are kept. Received only one of them."
            )
        shape = (num_samples, *self.image_shape)
        if known is not None:
            known = ops.cast(checks.broadcast("known", known, shape), "float32")
            mask = ops.cast(checks.broadcast("mask", mask, shape), "bool")
            self.check_examples(ops.where(mask, known, ops.zeros_like(known)))
        return self._sample(
            seed_state(seed, self.seed_generator),
            self.standardize_condition(condition, num_samples),
            known,
            mask,
            num_samples=int(num_samples),
        )

    @compiled(xla=True)
    def _sample(self, state, condition, known, mask, *, num_samples):
        seeds = Seeds(state)
        condition = None if condition is None else self.one_hot(condition)
        height, width, channels = self.image_shape
        num_pixels = height * width * channels
        positions = ops.reshape(ops.arange(num_pixels), self.image_shape)

        def draw(i, images):
            logits = self._logits(images, condition)
            if self.num_levels == 2:
                logits = ops.reshape(logits, (num_samples, num_pixels))
                values = Bernoulli(ops.take(logits, i, axis=1)).sample(seeds.at(i))
            else:
                logits = ops.reshape(logits, (num_samples, num_pixels, -1))
                levels = Categorical(ops.take(logits, i, axis=1)).sample(seeds.at(i))
                values = ops.cast(levels, "float32") / (self.num_levels - 1)
            here = positions == ops.cast(i, positions.dtype)
            if mask is not None:
                here = here & ops.logical_not(mask)
            return ops.where(here, values[:, None, None, None], images)

        shape = (num_samples, *self.image_shape)
        images = ops.zeros(shape) if mask is None else ops.where(mask, known, 0.0)
        return ops.fori_loop(0, num_pixels, draw, images)

    def check_examples(self, x):
        super().check_examples(x)
        checks.levels("x", x, self.num_levels, _TOLERANCE)

    def get_config(self):
        return {
            **super().get_config(),
            "image_shape": self.image_shape,
            "num_levels": self.num_levels,
            "filters": self.filters,
            "num_blocks": self.num_blocks,
        }
